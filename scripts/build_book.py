"""Build the book into _build/html, and prove that it is there and sound.

    python scripts/build_book.py

Stored results of notebooks are thrown away when the library or its versions have changed. Warnings
are errors. Afterwards every page of _toc.yml must exist, without a traceback, and every image
must say in words what it shows. A page may not need the network for its scripts and styles.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
INPUTS_OF_NOTEBOOKS = (
    "dse/**/*.py",
    "dse/**/*.safetensors",
    "chapters/*.py",
    "constraints.txt",
    "pyproject.toml",
)


def main() -> None:
    build = ROOT / "_build"
    empty_stale_cache(build, source_digest(ROOT))
    for folder in (build / "html", build / ".doctrees"):  # an unread page repeats no warning
        shutil.rmtree(folder, ignore_errors=True)
    start = "from jupyter_book.cli.main import main; main()"  # the module itself starts nothing
    command = [sys.executable, "-c", start, "build", str(ROOT)]
    done = subprocess.run(
        [*command, "-W", "-n", "--keep-going"], env={**os.environ, "TQDM_DISABLE": "1"}, check=False
    )
    if done.returncode:
        print_reports(build / "html" / "reports")
        sys.exit(f"book: the build failed with exit code {done.returncode}")
    try_it = [sys.executable, str(ROOT / "scripts/build_try_it.py"), str(build / "html/try_it")]
    if subprocess.run(try_it, check=False).returncode:
        sys.exit("book: what the page 'Try it' computes with could not be made")
    lighten = [sys.executable, str(ROOT / "scripts/lighten_book.py"), str(build / "html")]
    if subprocess.run(lighten, check=False).returncode:
        sys.exit("book: the pages could not be lightened")
    pages = pages_of(ROOT / "_toc.yml")
    faults, num_images = check_pages(build / "html", pages)
    if faults:
        sys.exit("\n".join(["book: the pages are not sound:", *faults]))
    print(f"book: {len(pages)} pages without a traceback, {num_images} images with a description")
    print(f"book: open {(build / 'html' / 'index.html').relative_to(ROOT)}")


def source_digest(root: Path) -> str:
    """A hash of everything but the notebooks that their outputs depend on."""
    digest = hashlib.sha256()
    for pattern in INPUTS_OF_NOTEBOOKS:
        for path in sorted(root.glob(pattern)):
            digest.update(str(path.relative_to(root)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def empty_stale_cache(build: Path, digest: str) -> None:
    """Remove the stored results of notebooks unless they were made from the same sources."""
    mark = build / "sources.sha256"
    if not mark.is_file() or mark.read_text(encoding="utf-8") != digest:
        shutil.rmtree(build / ".jupyter_cache", ignore_errors=True)
        build.mkdir(exist_ok=True)
        mark.write_text(digest, encoding="utf-8")


def pages_of(toc: Path) -> list[str]:
    """Every page that a table of contents names, without its suffix."""

    def files(entry: object) -> list[str]:
        if isinstance(entry, list):
            return [page for part in entry for page in files(part)]
        if isinstance(entry, dict):
            own = [entry[key] for key in ("root", "file") if key in entry]
            nested = [entry[key] for key in ("parts", "chapters", "sections") if key in entry]
            return own + files(nested)
        return []

    return files(yaml.safe_load(toc.read_text(encoding="utf-8")))


def check_pages(html: Path, pages: list[str]) -> tuple[list[str], int]:
    """The faults of the built pages, one line each, and the number of images in them."""
    faults, num_images = [], 0
    if not (html / "index.html").is_file():
        faults.append("index.html is missing")
    for page in pages:
        path = html / f"{page}.html"
        if not path.is_file():
            faults.append(f"{page}.html is missing")
            continue
        text = path.read_text(encoding="utf-8")
        if re.search(r"Traceback \(most recent call last\)|CellExecutionError", text):
            faults.append(f"{page}.html holds a traceback")
        for address in re.findall(r'<(?:script|link)\b[^>]*="(https?://[^"]+\.(?:js|css))"', text):
            faults.append(f"{page}.html needs the network for {address}")
        for source, description in images_in(text):
            num_images += 1
            if not is_meaningful(description):
                faults.append(f"{page}.html: the image {source} has no description (alt text)")
    return faults, num_images


def is_meaningful(description: str) -> bool:
    """Whether an alt text is more than nothing or the name of a file."""
    return " " in description.strip() and not re.search(r"\.(png|svg|jpe?g)$", description)


class _Images(HTMLParser):
    """Collects (source, alt text) of the images within a page's article."""

    def __init__(self):
        super().__init__()
        self.depth = 0
        self.found: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "article":
            self.depth += 1
        if tag == "img" and self.depth:
            values = dict(attrs)
            self.found.append((values.get("src") or "", values.get("alt") or ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "article":
            self.depth -= 1


def images_in(text: str) -> list[tuple[str, str]]:
    """The (source, alt text) of every image in the article of a page."""
    parser = _Images()
    parser.feed(text)
    return parser.found


def print_reports(folder: Path) -> None:
    """Print the tracebacks of the notebooks that failed."""
    for report in sorted(folder.rglob("*.log")):
        text = report.read_text(encoding="utf-8", errors="replace")
        print(f"--- {report.name}\n{text}", file=sys.stderr)


if __name__ == "__main__":
    main()
