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

// What matches does not break across lines.
function keepTogether(place, pattern, kind = "unbroken") {
  const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (const text of texts) {
    const apart = text.parentElement.closest("pre, code, script, style, svg, .math, .unbroken");
    if (apart && apart !== place) continue;
    for (let rest = text, found; (found = pattern.exec(rest.data)); ) {
      const words = rest.splitText(found.index);
      rest = words.splitText(found[0].length);
      const unbroken = document.createElement("span");
      unbroken.className = kind;
      words.replaceWith(unbroken);
      unbroken.append(words);
    }
  }
}

// Titles break between words, not within "zero-shot". Where a table becomes a list on a phone, its
// cells bear the names of their columns; an empty one needs none.
addEventListener("DOMContentLoaded", () => {
  const titles = ".bd-article :is(h1, h2, h3), .sd-card-title, .prev-next-title, .bd-links a, .bd-toc-nav a";
  for (const title of document.querySelectorAll(titles)) keepTogether(title, /\S+-\S+/);
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
// "DA-SJE" or a range in a table, not between a formula and the punctuation around it, not within the
// option of a command; in a long name after a dot; in the names of a table's rows only where it would
// not fit otherwise.
addEventListener("DOMContentLoaded", () => {
  const article = document.querySelector(".bd-article");
  if (!article) return; // the search page
  const texts = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    if (/\d [%×]|× \d/.test(text.data) && !text.parentElement.closest("pre, code, script, .math")) {
      text.data = text.data.replace(/(\d) (?=[%×])|× (?=\d)/g, (found) => found.replace(" ", "\u00a0"));
    }
  }
  keepTogether(article, /top-1|D[AS]-SJE/);
  for (const command of article.querySelectorAll(".highlight-sh pre")) keepTogether(command, /--[\w-]+/);
  for (const cell of article.querySelectorAll("td")) {
    keepTogether(cell, /\(?[−-]?\d[\d.]*–\S+/, "unbroken interval");
  }
  for (const cell of document.querySelectorAll("table.dataframe td")) {
    if (/\d to [−+-]?\d/.test(cell.textContent)) cell.classList.add("unbroken");
  }
  for (const table of document.querySelectorAll(".bd-article table:is(.dataframe, :has(th:nth-child(5)))")) {
    table.classList.add("unbroken-names");
    const width = table.offsetWidth; // 0 in what is folded
    if (!width || width > table.parentElement.clientWidth) table.classList.remove("unbroken-names");
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
