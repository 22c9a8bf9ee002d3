"""Build the book into _build/html, and prove that it is there and sound.

    python scripts/build_book.py

Stored results of notebooks are thrown away when the library or its versions have changed. Warnings
are errors. What the pages do not use is left out (`lighten_book.py`), and the rest is checked
(`check_book.py`).
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from check_book import check_book, pages_of
from lighten_book import lighten

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
    lighten(build / "html")
    pages = pages_of(ROOT / "_toc.yml")
    faults, num_images = check_book(build / "html", pages)
    if faults:
        sys.exit("\n".join(["book: the pages are not sound:", *faults]))
    print(f"book: {len(pages)} pages without a fault, {num_images} images with a description")
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


def print_reports(folder: Path) -> None:
    """Print the tracebacks of the notebooks that failed."""
    for report in sorted(folder.rglob("*.log")):
        text = report.read_text(encoding="utf-8", errors="replace")
        print(f"--- {report.name}\n{text}", file=sys.stderr)


if __name__ == "__main__":
    main()
