// The page "Try it": a text box, the fifty birds in order of their scores, and why.

"use strict";

FieldGuide.search = async (place) => {
  await FieldGuide.load("data/size.js");
  const { element } = FieldGuide;
  const megabytes = (FieldGuide.data.size / 1e6).toFixed(1);
  const button = element("button", { type: "button", className: "fg-main" },
    `Load the model and the pictures (${megabytes} MB)`);
  button.onclick = async () => {
    button.disabled = true;
    button.textContent = "Loading …";
    try {
      const files = ["network.js", "reasons.js", "data/network.js", "data/words.js", "data/birds.js"];
      await Promise.all(files.map(FieldGuide.load));
      new Search(place);
    } catch (error) {
      place.replaceChildren(`${error.message}: build the book with make book.`);
    }
  };
  place.replaceChildren(element("p", {}, button));

  const SHOWN = 6;
  const PAUSE = 400; // ms without a key before anything is said to a screen reader

  class Search {
    constructor(place) {
      const { birds, examples } = FieldGuide.data.birds;
      this.network = new FieldGuide.CharCNNRNN(FieldGuide.data.network);
      this.words = new FieldGuide.BagOfWords(FieldGuide.data.words);
      this.birds = birds;
      this.colours = examples.colours;
      this.nothing = this.network.scores(this.network.hiddenStates(""));
      this.first = {};
      this.makeInput(examples.texts);
      this.lists = {
        network: this.makeList("Letters, in order", "char-CNN-RNN"),
        words: this.makeList("Words, any order", "bag of words"),
      };
      this.evidence = element("section", { className: "fg-evidence" });
      place.replaceChildren(
        ...this.inputParts,
        element("div", { className: "fg-lists" }, this.lists.network.root, this.lists.words.root),
        this.evidence
      );
      this.write(examples.texts[0].text);
      this.input.focus({ preventScroll: true });
    }

    makeInput(texts) {
      this.input = element("textarea", {
        id: "fg-text", rows: 2, spellcheck: false, autocomplete: "off", "aria-describedby": "fg-count",
      });
      this.input.oninput = () => {
        clearTimeout(this.typing);
        this.typing = setTimeout(() => this.read(), 30);
      };
      this.count = element("p", { id: "fg-count", className: "fg-small" });
      this.swapButton = element("button", { type: "button" }, "Swap two colours");
      this.swapButton.onclick = () => this.swap();
      this.says = element("div", { className: "fg-status", role: "status" });
      const buttons = texts.map(({ name, text }) => {
        const button = element("button", { type: "button", title: text }, name);
        button.onclick = () => this.write(text);
        return button;
      });
      this.inputParts = [
        element("label", { for: "fg-text" }, "Describe a bird in your own words"),
        this.input,
        element("div", { className: "fg-row" }, this.swapButton, this.count),
        element("div", { className: "fg-row fg-examples", role: "group", "aria-label": "Examples" },
          ...buttons),
        this.says,
      ];
    }

    makeList(title, model) {
      const order = element("ol", { className: "fg-birds" });
      const root = element("section", { "aria-label": `Order by the ${model}` },
        element("p", { className: "fg-title" }, element("strong", {}, title), ` ${model}`),
        order);
      const cards = this.birds.map((bird, number) => this.makeCard(bird, number));
      return { root, order, cards };
    }

    makeCard({ name, looks, pictures }, number) {
      const score = element("span", { className: "fg-score" });
      const button = element("button", { type: "button" },
        element("img", { src: pictures[0], alt: looks, width: 128, height: 128 }),
        element("span", { className: "fg-name" }, name), score);
      button.onclick = () => this.explain(number);
      return { root: element("li", {}, button), button, score };
    }

    write(text) {
      this.input.value = text;
      this.read();
    }

    /** Read the text again: scores, order, reasons; and, after a pause, words about them. */
    read() {
      clearTimeout(this.typing);
      const text = (this.text = this.input.value);
      this.states = this.network.hiddenStates(text);
      this.scores = { network: this.network.scores(this.states), words: this.words.scores(text) };
      for (const name of ["network", "words"]) this.sort(name);
      this.explain(this.first.network);
      const characters = FieldGuide.characters(text).length;
      this.count.textContent = `${characters} of ${this.network.length} characters`;
      this.swapButton.disabled = !this.twoColours();
      clearTimeout(this.saying);
      this.saying = setTimeout(() => this.say(), PAUSE);
    }

    /** Put the birds in the order of their scores; of a new order the places are shown moving. */
    sort(name) {
      const scores = this.scores[name];
      const { order, cards } = this.lists[name];
      const ranked = scores.map((_, bird) => bird).sort((a, b) => scores[b] - scores[a] || a - b);
      this.first[name] = ranked[0];
      const before = new Map(Array.from(order.children, (li) => [li, li.getBoundingClientRect()]));
      const shown = ranked.slice(0, SHOWN).map((bird) => cards[bird]);
      for (const bird of ranked.slice(0, SHOWN))
        cards[bird].score.textContent = FieldGuide.signed(scores[bird]);
      order.replaceChildren(...shown.map(({ root }) => root));
      if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
      for (const { root } of shown) {
        const old = before.get(root);
        const now = root.getBoundingClientRect();
        const [x, y] = old ? [old.left - now.left, old.top - now.top] : [0, 0];
        if (old && !x && !y) continue;
        const start = old ? { transform: `translate(${x}px, ${y}px)` } : { opacity: 0 };
        root.animate([start, {}], { duration: 200, easing: "ease-out" });
      }
    }

    /** The status: who comes first, what a swap did, and what the models cannot know. */
    say(swapped = []) {
      clearTimeout(this.saying);
      const text = this.text;
      const [network, words] = [this.first.network, this.first.words].map((n) => this.birds[n].name);
      const first = text.trim()
        ? `First by letters in order: the ${network}. First by words in any order: the ${words}.`
        : "There is nothing to read: the order is that of an empty text.";
      const lines = [...swapped, first, ...this.limits(text)];
      this.says.replaceChildren(...lines.map((line) => element("p", {}, line)));
    }

    /** Sentences about what lies outside of what the models have learned. */
    limits(text) {
      const { alphabet, length, outside } = this.network;
      const characters = FieldGuide.characters(text);
      const lines = [];
      if (text.trim() && this.moved() < outside)
        lines.push(
          "This lies outside what the network knows, or is too short for it: the text hardly moves " +
            "the scores away from those of an empty one. Take the order as a guess."
        );
      const unknown = this.unknownWords(text);
      if (unknown.length)
        lines.push(
          `Not in the captions that the models learned from: ${listed(unknown)}. The bag of words ` +
            "skips such words. The network reads their letters: it may understand a slip of the " +
            "pen, but no new colour and no new thing."
        );
      if (characters.length > length)
        lines.push(`Only the first ${length} characters are read; the rest is cut off.`);
      const foreign = [...new Set(characters.slice(0, length))].filter(
        (symbol) => !alphabet.includes(symbol) && symbol.trim()
      );
      if (foreign.length)
        lines.push(
          `Outside the network's alphabet of ${alphabet.length} symbols, and read as spaces: ` +
            `${listed(foreign)}.`
        );
      return lines;
    }

    /** How far the text takes the scores from those of an empty one: the standard deviation. */
    moved() {
      const changes = this.scores.network.map((score, bird) => score - this.nothing[bird]);
      const centre = FieldGuide.mean(changes);
      const squares = changes.reduce((sum, change) => sum + (change - centre) ** 2, 0);
      return Math.sqrt(squares / (changes.length - 1));
    }

    /** Words of no training caption; not the last one, if it may still become a known word. */
    unknownWords(text) {
      const known = [...this.words.places.keys()];
      const all = FieldGuide.words(text);
      const typed = /[a-z0-9']$/i.test(text) ? all.at(-1) : null;
      return [...new Set(all)].filter(
        (word) =>
          !this.words.places.has(word) &&
          !(word === typed && known.some((other) => other.startsWith(word)))
      );
    }

    /** The first colour of the text and the first one that differs from it, as matches; or null. */
    twoColours() {
      const longestFirst = [...this.colours].sort((a, b) => b.length - a.length);
      const pattern = new RegExp(`\\b(?:${longestFirst.join("|")})\\b`, "gi");
      const [first, ...others] = this.text.matchAll(pattern);
      const second = others.find(([word]) => word.toLowerCase() !== first[0].toLowerCase());
      return second ? [first, second] : null;
    }

    /** Exchange two colours of the text, and say what that changed. */
    swap() {
      this.read();
      const colours = this.twoColours();
      if (!colours) return;
      const [one, other] = colours;
      const text = this.text;
      const before = this.scores.words;
      this.write(
        text.slice(0, one.index) +
          inCaseOf(one[0], other[0]) +
          text.slice(one.index + one[0].length, other.index) +
          inCaseOf(other[0], one[0]) +
          text.slice(other.index + other[0].length)
      );
      const same = this.scores.words.every((score, bird) => score === before[bird]);
      this.say([
        `Swapped: ${one[0].toLowerCase()} and ${other[0].toLowerCase()}. Letters, in order: the ` +
          "scores have changed. Words, any order: " +
          (same ? "not one score has changed." : "a colour lies beyond the 30 words that are read."),
      ]);
    }

    /** Why a bird has its score: the text coloured by it, and the sum. */
    explain(bird) {
      for (const { cards } of Object.values(this.lists))
        cards.forEach(({ button }, number) => button.setAttribute("aria-pressed", number === bird));
      const { name, looks, pictures } = this.birds[bird];
      const reasons = this.network.explain(this.text, this.states, bird);
      const open = this.evidence.querySelector("details")?.open ?? false;
      this.evidence.replaceChildren(
        element("p", { className: "fg-title" },
          element("strong", {}, `What speaks for the ${name}`), " as the char-CNN-RNN reads it"),
        FieldGuide.colouredText(this.network, this.text, reasons),
        element("p", { className: "fg-small" },
          element("span", { className: "fg-for" }, "for it"), " ",
          element("span", { className: "fg-against" }, "against it"),
          " compared with the average bird. Choose another bird above to see its reasons."),
        element("div", { className: "fg-pictures" },
          ...pictures.map((src, i) =>
            element("img", { src, alt: `${name}, picture ${i + 1}: ${looks}`, width: 128, height: 128 })
          )),
        FieldGuide.sumTable(this.text, reasons, this.scores.network[bird], open)
      );
    }
  }

  const listed = (words) =>
    words.slice(0, 6).map((word) => `“${word}”`).join(", ") + (words.length > 6 ? " …" : "");

  const inCaseOf = (model, word) =>
    model[0] === model[0].toUpperCase()
      ? word[0].toUpperCase() + word.slice(1).toLowerCase()
      : word.toLowerCase();
};
