// Why a bird has its score, drawn: the text coloured by evidence, and the sum as a table.

"use strict";

(() => {
  const { element, signed } = FieldGuide;

  /** Evidence as a strength of colour, -1 to 1: full from 4 on. */
  const shade = (evidence) => Math.max(-1, Math.min(1, evidence / 4));

  function colour(element, strength) {
    if (strength) element.className = strength > 0 ? "fg-for" : "fg-against";
    element.style.setProperty("--strength", Math.abs(strength));
  }

  /**
   * The text as the network reads it, each character on the colour of its evidence. The colour is
   * that of a text whose characters all speak as strongly, so that it does not fade with length.
   */
  FieldGuide.colouredText = ({ alphabet, length }, text, { characters: evidence }) => {
    const paragraph = element("p", { className: "fg-read" });
    let last = {};
    FieldGuide.characters(text).forEach((symbol, i) => {
      const unread = i >= length;
      const foreign = !unread && !alphabet.includes(symbol);
      const strength = unread ? 0 : Math.round(20 * shade(evidence[i] * evidence.length)) / 20;
      const kind = `${unread} ${foreign} ${strength}`;
      if (kind !== last.kind) {
        const span = element("span");
        colour(span, strength);
        span.classList.toggle("fg-unread", unread);
        span.classList.toggle("fg-foreign", foreign);
        paragraph.append(span);
        last = { kind, span };
      }
      last.span.textContent += foreign ? " " : symbol;
    });
    return paragraph;
  };

  /** What each step reads and adds, in a table to open. */
  FieldGuide.sumTable = (text, { average, constant, steps }, score, open) => {
    const row = (name, reads, value, strength = 0) => {
      const cell = element("td", {}, signed(value));
      colour(cell, strength);
      const heading = element("th", { scope: "row" }, name);
      return element("tr", {}, heading, element("td", {}, reads), cell);
    };
    const characters = FieldGuide.characters(text);
    const reading = steps.filter(({ first, end }) => first < end);
    const rest = steps.slice(reading.length).reduce((total, { term }) => total + term, 0);
    const rows = [
      row("average", "what the text gives the average bird", average),
      row("constant", "what this bird has of its own, whatever the text", constant),
      ...reading.map(({ first, end, term }, t) =>
        row(`step ${t + 1}`, characters.slice(first, end).join(""), term, shade(term))
      ),
    ];
    if (reading.length < steps.length)
      rows.push(row("the rest", "nothing: the text has ended", rest, shade(rest)));
    rows.push(row("score", "the sum", score));
    const titles = ["Step", "What it reads", "What it adds"].map((title) =>
      element("th", { scope: "col" }, title)
    );
    const head = element("thead", {}, element("tr", {}, ...titles));
    const table = element("table", { className: "fg-steps" }, head, element("tbody", {}, ...rows));
    const summary = element("summary", {}, "How the score adds up, step by step");
    return element("details", { open }, summary, table);
  };
})();
