// What stands in the console is for a reader who looks for a fault: the theme's notes are none.
const log = console.log;
console.log = (...words) => /^\[(PST|togglebutton)\]/.test(words[0]) || log(...words);

// A page opened from a file may not read its neighbours: results of the search come without a summary.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// A formula that is wider than the screen scrolls; the keyboard reaches it, too.
addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  for (const formula of document.querySelectorAll("mjx-container[display]")) {
    if (formula.scrollWidth > formula.clientWidth) formula.tabIndex = 0;
  }
});

// In the narrow head of a column "top-1" stays in one piece. Where a table becomes a list on a phone,
// its cells bear the names of their columns; an empty one needs none.
addEventListener("DOMContentLoaded", () => {
  for (const head of document.querySelectorAll(".bd-article th")) {
    const texts = document.createTreeWalker(head, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replace(/-(?=\d)/g, "-\u2060");
  }
  for (const cell of document.querySelectorAll("table.stacked td:not(:first-child)")) {
    const head = cell.closest("table").tHead.rows[0].cells[cell.cellIndex];
    cell.dataset.head = cell.textContent.trim() && head.textContent.trim();
  }
});

// Solutions are folded by the page itself; the fold inside is for JupyterLab and Colab.
addEventListener("DOMContentLoaded", () => {
  for (const fold of document.querySelectorAll(".solution details:not(.hide)")) fold.open = true;
});

// Lines break where a reader would break them: not between a number and its sign, not within "top-1",
// "DA-SJE" or a range in a table, not between a formula and the punctuation around it; in a long name
// after a dot.
addEventListener("DOMContentLoaded", () => {
  const article = document.querySelector(".bd-article");
  if (!article) return; // the search page
  const walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (const text of texts) {
    if (text.parentElement.closest("pre, code, script, style, svg, .math")) continue;
    if (/\d [%×]|× \d/.test(text.data)) {
      text.data = text.data.replace(/(\d) (?=[%×])|× (?=\d)/g, (found) => found.replace(" ", "\u00a0"));
    }
    for (let rest = text, found; (found = /top-1|D[AS]-SJE/.exec(rest.data)); ) {
      const name = rest.splitText(found.index);
      rest = name.splitText(found[0].length);
      const unbroken = document.createElement("span");
      unbroken.className = "unbroken";
      name.replaceWith(unbroken);
      unbroken.append(name);
    }
  }
  for (const cell of document.querySelectorAll(".bd-article :is(td, td p, td strong)")) {
    if (cell.childElementCount || !/\d–/.test(cell.textContent)) continue;
    cell.innerHTML = cell.innerHTML.replace(/\(?[−-]?\d[\d.]*–[^\s]+/g, '<span class="unbroken">$&</span>');
  }
  for (const formula of document.querySelectorAll(".bd-article span.math")) {
    const unbroken = document.createElement("span");
    unbroken.className = "unbroken";
    formula.replaceWith(unbroken);
    const [, before, opening] = /^(.*?)([(\[]*)$/s.exec(unbroken.previousSibling?.data ?? "");
    const [, closing, after] = /^([.,;:?!)\]]*)(.*)$/s.exec(unbroken.nextSibling?.data ?? "");
    if (opening) unbroken.previousSibling.data = before;
    if (closing) unbroken.nextSibling.data = after;
    unbroken.append(opening, formula, closing);
  }
  for (const place of document.querySelectorAll(".bd-sidebar-secondary a, .bd-article :is(h1, h2, h3)")) {
    const name = place.firstChild;
    if (name?.nodeType !== Node.TEXT_NODE || !/^\s*\w+[._]\S+\s*$/.test(name.data)) continue;
    const parts = name.data.split(/(?<=[._])/);
    name.replaceWith(...parts.flatMap((part) => [part, document.createElement("wbr")]));
  }
});
