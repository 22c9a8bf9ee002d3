"""Set the book's public address in the one place that knows it, and in the files that name it.

    python scripts/set_address.py https://github.com/NAME/dse https://NAME.github.io/dse/
    python scripts/set_address.py                         no public address

The place is the section [project.urls] of pyproject.toml. The pages' buttons and links and the
error messages of `dse` read it there. README.md, CITATION.cff and the first cells of the chapters
repeat it, for readers who see only these.
"""

import re
import sys
from pathlib import Path

import prepare_chapters
from book_address import ROOT, read_address

PLACE = re.compile(r"(?<=<!-- address -->\n).*?(?=<!-- end of address -->)", re.DOTALL)


def main() -> None:
    if len(sys.argv) not in (1, 3):
        sys.exit("set_address: give the repository and the book, or neither")
    write_project(ROOT / "pyproject.toml", *sys.argv[1:])
    repeat(ROOT)
    prepare_chapters.main()


def write_project(path: Path, repository: str | None = None, book: str | None = None) -> None:
    """Replace the section [project.urls], or remove it."""
    text = re.sub(r"\[project\.urls\]\n.*?\n\n", "", path.read_text(encoding="utf-8"), flags=re.S)
    if repository:
        repository = repository.rstrip("/").removesuffix(".git")
        section = f"""\
[project.urls]
Repository = "{repository}"
Documentation = "{book}"
Issues = "{repository}/issues"
Changelog = "{repository}/blob/main/CHANGELOG.md"

"""
        before = "[project.optional-dependencies]"
        text = text.replace(before, section + before)
    path.write_text(text, encoding="utf-8")


def repeat(root: Path) -> None:
    """Write the address of pyproject.toml into the files that repeat it."""
    urls = read_address(root)
    for name, render in (("README.md", readme), ("CITATION.cff", citation)):
        path = root / name
        path.write_text(render(path.read_text(encoding="utf-8"), urls), encoding="utf-8")


def readme(text: str, urls: dict[str, str]) -> str:
    """The README with the place where the book can be read and fetched, if there is one."""
    lines = ""
    if urls:
        lines = f"""\
Read it at <{urls["Documentation"]}>, or fetch it and build it:

```sh
git clone {urls["Repository"]}
```

"""
    return PLACE.sub(lines, text)


def citation(text: str, urls: dict[str, str]) -> str:
    """The citation with the repository, if there is one."""
    text = re.sub(r"repository-code: .*\n", "", text)
    if urls:
        text = text.replace("authors:\n", f"repository-code: {urls['Repository']}\nauthors:\n", 1)
    return text


if __name__ == "__main__":
    main()
