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
