"""A Sphinx extension: what stands between backquotes in a docstring is code.

Without it such text is an "interpreted text" of reStructuredText, in which `--out` gets a dash and
`"r"` gets curly quotation marks.
"""

import re

BACKQUOTED = re.compile(r"(?<![`:\w])`([^`]+)`(?![`_])")


def setup(app) -> dict:
    app.connect("autodoc-process-docstring", mark)
    return {"parallel_read_safe": True}


def mark(app, what: str, name: str, obj, options, lines: list[str]) -> None:
    """Double the backquotes; Sphinx wants the lines changed in place."""
    lines[:] = double("\n".join(lines)).split("\n")


def double(text: str) -> str:
    """Text with double backquotes in place of single ones, but for roles and links.

    Example:
        >>> double("`--out` of :class:`Run`")
        '``--out`` of :class:`Run`'
    """
    return BACKQUOTED.sub(r"``\1``", text)
