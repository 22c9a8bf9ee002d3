// The small version: two birds, two sentences of the same words, and which bird each model picks.
// All scores were computed when the book was built.

"use strict";

FieldGuide.pair = async (place) => {
  await FieldGuide.load("data/pair.js");
  const { element, signed } = FieldGuide;
  const { sentences, birds, scores, right, pairs } = FieldGuide.data.pair;
  const models = [
    ["network", "char-CNN-RNN", "letters, in order"],
    ["words", "bag of words", "words, any order"],
  ];
  let sentence = 0;

  const text = element("p", { className: "fg-sentence" });
  const swap = element("button", { type: "button", className: "fg-main" }, "Swap the two colours");
  const verdict = element("p", { role: "status", className: "fg-status" });
  const cards = birds.map(({ name, looks, pictures, differs }) => {
    const picks = element("ul", { className: "fg-picks" });
    const images = pictures.map((src, i) =>
      element("img", { src, alt: `${name}, picture ${i + 1}: ${looks}`, width: 128, height: 128 })
    );
    const title = element("p", { className: "fg-name" },
      element("strong", {}, name), `: ${differs}`);
    return {
      picks,
      root: element("div", { className: "fg-card" }, title,
        element("div", { className: "fg-pictures" }, ...images), picks),
    };
  });

  function show() {
    text.replaceChildren("“", ...marked(sentences[sentence], sentences[1 - sentence]), "”");
    const told = [];
    cards.forEach(({ picks }) => picks.replaceChildren(element("li", {}, "Picked by")));
    for (const [key, name, how] of models) {
      const own = scores[key][sentence];
      const best = own[0] > own[1] ? 0 : 1;
      cards[best].picks.append(element("li", { className: `fg-${key}` }, name));
      told.push(
        `The ${name} (${how}) picks the ${birds[best].name}: score ${signed(own[best])} ` +
          `against ${signed(own[1 - best])}.`
      );
    }
    for (const { picks } of cards)
      if (picks.children.length === 1) picks.replaceChildren(element("li", {}, "Picked by neither"));
    verdict.textContent = told.join(" ");
  }

  swap.onclick = () => {
    sentence = 1 - sentence;
    show();
  };
  show();
  place.replaceChildren(
    text,
    swap,
    element("div", { className: "fg-cards" }, ...cards.map(({ root }) => root)),
    verdict,
    element("p", { className: "fg-small" },
      `One pair of ${pairs}. The same exchange, in the same sentence, is told apart by the ` +
        `char-CNN-RNN in ${right.network} of the ${pairs} pairs, by the bag of words in ${right.words}.`)
  );

  /** The words of a sentence, those that the other has elsewhere marked. */
  function marked(one, other) {
    const others = other.split(" ");
    return one.split(" ").flatMap((word, i) => [
      i ? " " : "",
      word === others[i] ? word : element("strong", {}, word),
    ]);
  }
};
