"""Work that writes files, to be killed at any moment, started twice at once, and done again.

Each one is a command, or the function behind it, on a few small inputs.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from threading import Thread
from unittest import mock

import numpy as np
import torch

import dse.images.cache
import killed_training
from dse.cli import main
from dse.datasets.download import fetch
from dse.datasets.download.archives import Archive
from dse.images.cache import cached_features
from dse.images.image_folder import read_image_folder
from dse.reproduction import Cell, run_cells
from dse.utils.errors import InputError
from faults.calls import small_world
from faults.data_roots import draw, reads_fieldguide
from faults.run_roots import a_run, world
from faults.weight_roots import port, write
from mean_colour import mean_colour_encoder
from publisher import PIECE, Publisher

CHECKOUT = Path(__file__).parents[2]
CELLS = [Cell("bag-of-words", seed=seed, length=5) for seed in range(4)]


@dataclass(frozen=True)
class Work:
    """Something that `dse` does to files.

    Attributes:
        name: of the work.
        prepare: writes what it needs into a new folder.
        do: the work in such a folder, in a process of its own; the process's exit code.
        ignored: keys of JSON files, and names of files, that differ from one run to the next.
    """

    name: str
    prepare: Callable[[Path], None]
    do: Callable[[Path], int]
    ignored: tuple[str, ...] = ()


def contents(folder: Path, ignored: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Every name below a folder with its content; a folder's is empty."""
    found = {}
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() and path.name not in ignored else b""
        if ignored and content.startswith(b"{"):
            kept = {k: v for k, v in json.loads(content).items() if k not in ignored}
            content = json.dumps(kept).encode()
        found[path.relative_to(folder).as_posix()] = content
    return found


def command(*words: str) -> Callable[[Path], int]:
    """A command of `dse`, called in the folder."""

    def do(folder: Path) -> int:
        os.chdir(folder)
        with small_world():
            return main(list(words))

    return do


def a_run_and_captions(folder: Path) -> None:
    a_run(folder, dim=1024)
    (folder / "captions.txt").write_text("a red crown\n" * 9000, encoding="utf-8")


@cache
def publisher() -> Publisher:
    """A slow server of an archive, in the process that kills."""
    server = Publisher()
    server.pause = 0.01
    Thread(target=server.serve_forever, daemon=True).start()
    return server


def an_archive(folder: Path) -> None:
    """The folder `birds`, packed: 200 small files, and 2 MB that cannot be made smaller."""
    files = folder / "birds"
    for number in range(200):
        write(files / f"{number % 10}" / f"{number}.txt", f"bird {number}\n")
    write(files / "noise.bin", np.random.default_rng(0).bytes(32 * PIECE))
    shutil.make_archive(str(folder / "birds"), "gztar", folder, "birds")
    shutil.rmtree(files)


def at_the_publisher(folder: Path) -> None:
    an_archive(folder)
    packed = folder / "birds.tar.gz"
    publisher().content = packed.read_bytes()
    packed.unlink()
    (folder / "url").write_text(publisher().url, encoding="utf-8")


def fetched_already(folder: Path) -> None:
    an_archive(folder)
    (folder / "data/downloads").mkdir(parents=True)
    (folder / "birds.tar.gz").rename(folder / "data/downloads/birds.tgz")
    (folder / "url").write_text("http://127.0.0.1:9/birds.tgz", encoding="utf-8")


def fetches(folder: Path) -> int:
    url = (folder / "url").read_text(encoding="utf-8")
    archive = Archive(url, "a page", "birds.tgz", "birds", required=("noise.bin",))
    fetch(archive, folder / "data", progress=False, pause=0)
    return 0


def photographs(folder: Path) -> None:
    for number in range(96):
        draw(folder / f"photos/{number:02d}.png", number, (300, 200))


def extracts(folder: Path) -> int:
    """Features of all images, as of a data set, and one by one, as for a search."""
    os.environ["DSE_CACHE"] = str(folder / "cache")
    photos, encoder = folder / "photos", mean_colour_encoder()
    with mock.patch.object(dse.images.cache, "SHARD_SIZE", 8):
        cached_features(sorted(photos.iterdir()), encoder, device="cpu", progress=False)
    read_image_folder(photos, encoder, device="cpu", progress=False)
    return 0


def draws(folder: Path) -> int:
    reads_fieldguide(folder / "cache")
    return 0


def trains(folder: Path) -> int:
    with mock.patch.object(killed_training, "CONFIG", replace(killed_training.CONFIG, steps=40)):
        killed_training.train(folder / "run")
    return 0


def measures(folder: Path) -> int:
    """The grid of `dse reproduce`, four cells of it."""
    run_cells(world(), CELLS, folder / "results")
    return 0


def a_small_book(folder: Path) -> None:
    """Two pages; the scripts that build the book, less what the page "Try it" computes with."""
    shutil.copytree(CHECKOUT / "_static", folder / "_static")
    shutil.copy(CHECKOUT / "pyproject.toml", folder)
    for script in (CHECKOUT / "scripts").glob("*.py"):
        write(folder / "scripts" / script.name, script.read_bytes())
    write(folder / "scripts/build_try_it.py", "")
    configuration = (CHECKOUT / "_config.yml").read_text(encoding="utf-8")
    configuration = configuration.replace("execute_notebooks: cache", "execute_notebooks: off")
    write(folder / "_config.yml", configuration)
    write(folder / "_toc.yml", "format: jb-book\nroot: index\nchapters:\n  - file: bird\n")
    write(folder / "index.md", "# A book\n\nOf birds.\n")
    write(folder / "bird.md", "# A bird\n\nIt is red.\n")
    (folder / "references.bib").touch()


def builds_a_book(folder: Path) -> int:
    sys.path.insert(0, str(folder / "scripts"))
    os.chdir(folder)
    import build_book

    build_book.main()
    return 0


EVALUATE = ("evaluate", "run", "--json", "figures.json")
EMBED = ("embed", "run", "captions.txt", "--out", "rows.npy")
IMPORT = ("import-weights", "weights.pth", "--out", "imported")
WORKS = [
    Work("a download", at_the_publisher, fetches),
    Work("an archive that is unpacked", fetched_already, fetches),
    Work("features into the cache", photographs, extracts),
    Work("FieldGuide, drawn into the cache", lambda folder: None, draws),
    Work("training", lambda folder: None, trains),
    Work("the grid of runs", lambda folder: None, measures, ("minutes", "sha256")),
    Work("figures", a_run_and_captions, command(*EVALUATE)),
    Work("embedded captions", a_run_and_captions, command(*EMBED)),
    Work("imported weights", port, command(*IMPORT)),
]
BOOK = Work("the book", a_small_book, builds_a_book, ("environment.pickle",))


def work_of(name: str) -> Work:
    (found,) = (work for work in (*WORKS, BOOK) if work.name == name)
    return found


def begin(name: str, folder: Path, begun: object) -> None:
    """Do a work in this process and in a group of its own; its exit code says how it ended."""
    os.setpgid(0, 0)
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):
        os.dup2(quiet, stream)
    torch.set_num_threads(1)
    begun.set()
    try:
        sys.exit(work_of(name).do(folder))
    except InputError:
        sys.exit(2)
