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

// Solutions are folded by the page itself; the fold inside is for JupyterLab and Colab.
addEventListener("DOMContentLoaded", () => {
  for (const fold of document.querySelectorAll(".solution details:not(.hide)")) fold.open = true;
});
