"""Tables of the book's pages, as tests read them."""

import re


def marked_table(page: str, name: str) -> list[list[str]]:
    """The cells of the table after the comment with a name, without its head."""
    marked = re.search(rf"<!-- {name} -->\n(.*?)\n\n", page, re.DOTALL).group(1)
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in marked.splitlines()[2:]]
