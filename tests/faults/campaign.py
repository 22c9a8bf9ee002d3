"""Breaks valid inputs in many ways, has `dse` read them, and says what came of each.

A target is a format with its reader. Each case builds the valid files, breaks one of them, and
reads them in a process of its own that is watched: its time, its memory, the files that it writes.
"""

import os
import re
import resource
import shutil
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

import torch
from safetensors import SafetensorError

from dse.utils.errors import InputError
from dse.utils.progress import progress_bar
from faults.corruptions import NO_FILE, Corruption

SECONDS = 60
"""A case that takes longer hangs."""
MEMORY = 2 << 30
"""Bytes that a case may take beyond what the process had before."""
OUTCOMES = {
    "same": "read, with the same result as the whole file",
    "noted": "read, with another result and a note or a warning about it",
    "changed": "read, with another result: what is left is valid, and nothing tells that it is not "
    "what was meant (a letter of a caption, a pixel of a JPEG, a whole other class list)",
    "refused": "refused in one line that names the file",
    "forbidden": "a traceback, a hang, more than 2 GB, a program that ran, a file outside the "
    "folder, several lines, a line that does not name the file, or another result from a file "
    "that has a checksum",
}


@dataclass(frozen=True)
class Reading:
    """What a reader gave: anything that can be compared, and the sentences that a user sees."""

    result: Any
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Target:
    """A format, and how `dse` reads it.

    Attributes:
        name: of the format.
        build: writes valid files into an existing empty folder.
        file: the file to break, below that folder; a pattern, of which one file is taken.
        read: reads the folder as a command does.
        corruptions: those to try.
        has_checksum: whether another result than that of the valid files has to be noticed.
        named: words of which one has to be in a refusal; none: the name of the broken file.
    """

    name: str
    build: Callable[[Path], None]
    file: str
    read: Callable[[Path], Reading]
    corruptions: Mapping[str, Corruption]
    has_checksum: bool = False
    named: Sequence[str] = ()


@dataclass(frozen=True)
class Case:
    """One fault: the same seed gives the same one again."""

    target: Target
    corruption: str
    seed: str


@dataclass(frozen=True)
class Result:
    """What came of a case: one of `OUTCOMES`, and what was said or went wrong."""

    case: Case
    outcome: str
    said: str = ""


def cases(targets: Sequence[Target], number: int, seed: int) -> list[Case]:
    """So many cases, each pair of a target and a corruption as often as the next."""
    pairs = [(target, name) for target in targets for name in target.corruptions]
    Random(seed).shuffle(pairs)
    rounds = -(-number // len(pairs))
    return [
        Case(target, name, f"{seed}-{round}-{target.name}-{name}")
        for round in range(rounds)
        for target, name in pairs
    ][:number]


def run(chosen: Sequence[Case], seconds: float = SECONDS) -> Iterator[Result]:
    """What comes of each case, in their order."""
    todo = list(chosen)
    while todo:
        ours, theirs = Pipe()
        with tempfile.TemporaryDirectory(prefix="faults-") as place:
            worker = get_context("fork").Process(
                target=_work, args=(theirs, todo, Path(place)), daemon=True
            )
            worker.start()
            theirs.close()
            for result in _results(ours, todo, seconds):
                todo.pop(0)
                yield result
            worker.kill()
            worker.join()


def _results(ours: Connection, todo: Sequence[Case], seconds: float) -> Iterator[Result]:
    """Results as they come; a last one for a case that hangs or that ends the process."""
    for case in list(todo):
        try:
            ready = ours.poll(600)  # bombs, too, take their time to be made
            if ready and ours.recv() == "begun":
                ready = ours.poll(seconds)
            if not ready:
                yield Result(case, "forbidden", f"hangs for more than {seconds:g} s")
                return
            outcome, said = ours.recv()
        except (EOFError, ConnectionError):
            yield Result(case, "forbidden", "the process died")
            return
        yield Result(case, outcome, said)


def _work(theirs: Connection, todo: Sequence[Case], place: Path) -> None:
    """The cases one after the other, in a process that may die of one."""
    os.dup2(os.open(os.devnull, os.O_RDWR), 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")  # as the command line does
    torch.set_num_threads(1)
    templates: dict[str, _Template] = {}
    for case in todo:
        if case.target.name not in templates:
            folder = place / f"template{len(templates)}"
            templates[case.target.name] = _template(case.target, folder, place / "work")
        file = _broken(case, templates[case.target.name], place / "work")
        theirs.send("begun")
        theirs.send(_judge(case, file, templates[case.target.name].expected, place / "work"))


@dataclass
class _Template:
    """The valid files of a target, those to break, and what they give."""

    folder: Path
    files: list[Path]
    expected: Reading = Reading(None)


def _template(target: Target, folder: Path, work: Path) -> _Template:
    folder.mkdir()
    target.build(folder)
    template = _Template(folder, sorted(folder.glob(target.file)))
    assert template.files, f"{target.name}: there is no {target.file}"
    _lay_out(template, work)
    template.expected = target.read(work / "root")
    return template


def _lay_out(template: _Template, work: Path) -> None:
    """`work/root` holds the valid files, `work/cache` the cache, `work/elsewhere` others' files."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(template.folder, work / "root", symlinks=True)
    (work / "cache").mkdir()
    (work / "elsewhere").mkdir()
    (work / "elsewhere" / "kept.txt").write_text("not yours\n", encoding="utf-8")
    os.environ["DSE_CACHE"] = str(work / "cache")
    os.chdir(work / "elsewhere")


@contextmanager
def _limited_memory() -> Iterator[None]:
    """`MEMORY` bytes more than the process has now; files that are mapped do not count."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    used = 1024 * int(re.search(r"VmData:\s*(\d+) kB", status)[1])
    resource.setrlimit(resource.RLIMIT_DATA, (used + MEMORY, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY,) * 2)


def _broken(case: Case, template: _Template, work: Path) -> Path:
    """Lay the valid files out, and break one of them."""
    random = Random(case.seed)
    _lay_out(template, work)
    file = work / "root" / random.choice(template.files).relative_to(template.folder)
    case.target.corruptions[case.corruption](file, random)
    return file


def _judge(case: Case, file: Path, expected: Reading, work: Path) -> tuple[str, str]:
    try:
        with _limited_memory():
            reading = case.target.read(work / "root")
    except InputError as error:
        outcome = _judge_refusal(str(error), case.target.named or (file.name,))
    except (OSError, SafetensorError) as error:  # as the command line does
        where = getattr(error, "filename", None) or "a file"
        line = f"{where} cannot be read or written ({getattr(error, 'strerror', None) or error})"
        outcome = _judge_refusal(line, case.target.named or (file.name,))
    except (Exception, SystemExit) as error:
        outcome = "forbidden", f"{type(error).__name__}: {error}"[:300]
    else:
        outcome = _judge_reading(reading, expected, case)
    return _trespass(work) or outcome


def _judge_refusal(line: str, named: Sequence[str]) -> tuple[str, str]:
    if not line.isprintable():
        return "forbidden", f"not one printable line: {line!r}"[:300]
    if not any(name in line for name in named):
        return "forbidden", f"does not name {' or '.join(named)}: {line}"[:300]
    if len(line) > 1000:
        return "forbidden", f"a line of {len(line)} characters: {line}"[:300]
    return "refused", line[:300]


def _judge_reading(reading: Reading, expected: Reading, case: Case) -> tuple[str, str]:
    new_notes = [note for note in reading.notes if note not in expected.notes]
    if any(not note.isprintable() for note in new_notes):
        return "forbidden", f"a note that is not one printable line: {new_notes}"[:300]
    if reading.result == expected.result:
        return "same", ""
    if new_notes:
        return "noted", " ".join(new_notes)[:300]
    if case.target.has_checksum:
        return "forbidden", "another result, and the checksum did not tell"
    if case.corruption in NO_FILE:
        return "forbidden", "what cannot be read was taken for absent"
    return "changed", ""


def _trespass(work: Path) -> tuple[str, str] | None:
    """What was written where nothing should be."""
    entries = {path.name for path in work.iterdir()} | {
        f"elsewhere/{path.name}" for path in (work / "elsewhere").iterdir()
    }
    strange = entries - {"root", "cache", "elsewhere", "elsewhere/kept.txt"}
    kept = (work / "elsewhere" / "kept.txt").read_text(encoding="utf-8")
    if strange or kept != "not yours\n":
        return "forbidden", f"wrote outside of its folder: {sorted(strange)}"
    return None


def campaign(targets: Sequence[Target], number: int, seed: int) -> dict[str, Any]:
    """Run so many cases: the counts by format and corruption, and what should not have been."""
    started, counts, forbidden = time.monotonic(), {}, []
    for result in progress_bar(run(cases(targets, number, seed)), total=number, unit="case"):
        pair = {"format": result.case.target.name, "corruption": result.case.corruption}
        counts.setdefault(tuple(pair.values()), Counter())[result.outcome] += 1
        if result.outcome == "forbidden":
            forbidden.append(pair | {"seed": result.case.seed, "what": result.said})
    cells = [
        {"format": format, "corruption": corruption} | {name: own[name] for name in OUTCOMES}
        for (format, corruption), own in sorted(counts.items())
    ]
    seconds = round(time.monotonic() - started)
    about = {"seed": seed, "cases": number, "seconds": seconds, "outcomes": OUTCOMES}
    return about | {"table": cells, "forbidden": forbidden}
