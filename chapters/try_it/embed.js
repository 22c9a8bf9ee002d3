// Fills every <div data-fieldguide="pair"> and <div data-fieldguide="search"> of a page.
//
// A page needs nothing else: <script src="../try_it/embed.js" defer></script>. The rest is loaded from
// the folder of this script, by <script src>, which also works from file://.

"use strict";

var FieldGuide = window.FieldGuide || { data: {} };

(() => {
  const folder = document.currentScript.src.replace(/[^/]*$/, "");
  const loading = {};

  /** Load a script of this folder, once. */
  FieldGuide.load = (file) => {
    loading[file] ??= new Promise((resolve, reject) => {
      const script = FieldGuide.element("script", { src: folder + file });
      const name = /^data\/(\w+)\.js$/.exec(file)?.[1]; // a script that is cut off sets nothing
      script.onload = () =>
        name && !(name in FieldGuide.data) ? reject(new Error(`try_it/${file} is damaged`)) : resolve();
      script.onerror = () => reject(new Error(`try_it/${file} could not be loaded`));
      document.head.append(script);
    });
    return loading[file];
  };

  /** An element with properties (or, with a hyphen in their name, attributes) and children. */
  FieldGuide.element = (tag, properties = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties))
      if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
      else element[name] = value;
    element.append(...children);
    return element;
  };

  FieldGuide.signed = (value) => {
    const text = Math.abs(value).toFixed(2);
    return (value < 0 && text !== "0.00" ? "−" : "") + text;
  };

  async function fill(place) {
    const kind = place.dataset.fieldguide;
    place.classList.add("fg");
    try {
      await FieldGuide.load(`${kind}.js`);
      await FieldGuide[kind](place);
    } catch (error) {
      place.replaceChildren(`${error.message}: build the book with make book.`);
    }
  }

  document.head.append(
    FieldGuide.element("link", { rel: "stylesheet", href: `${folder}try_it.css` })
  );
  document.querySelectorAll("[data-fieldguide]").forEach(fill);
})();
