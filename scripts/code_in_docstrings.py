"""A Sphinx extension: what stands between backquotes in a docstring is code.

Without it such text is an "interpreted text" of reStructuredText, in which `--out` gets a dash and
`"r"` gets curly quotation marks. And a signature has `...` for a default that a dataclass makes
anew for each object, which Sphinx would write as `<factory>`.
"""

import re

BACKQUOTED = re.compile(r"(?<![`:\w])`([^`]+)`(?![`_])")


def setup(app) -> dict:
    app.connect("autodoc-process-docstring", mark)
    app.connect("autodoc-process-signature", without_factory)
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


def without_factory(app, what: str, name: str, obj, options, signature: str, returns: str):
    """The signature and the type that it returns, as Sphinx wants them; either may be None."""
    return (signature.replace("<factory>", "...") if signature else signature, returns)
