"""Kill work at any moment and start it again; start it twice: both end as if undisturbed."""

import multiprocessing
import os
import shutil
import signal
import time
from contextlib import suppress
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import BaseContext
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from dse.utils.progress import progress_bar
from faults.works import BOOK, WORKS, Work, begin, contents, publisher


@cache
def processes() -> BaseContext:
    """Where processes begin that have imported everything already, so that kills hit the work."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["faults.works"])
    tests = str(Path(__file__).parents[1])
    with mock.patch.dict(os.environ, PYTHONPATH=tests):  # or Python 3.11's would not find it
        forkserver.ensure_running()
    return context


class Process:
    """A work that has begun in a process of its own."""

    def __init__(self, work: Work, folder: Path):
        self.begun = processes().Event()
        self.process = processes().Process(target=begin, args=(work.name, folder, self.begun))
        self.process.start()
        self.begun.wait()

    def kill(self, seconds: float) -> bool:
        """Kill it with all that it started after so many seconds; whether that was in time."""
        self.process.join(seconds)
        if self.process.is_alive():
            with suppress(ProcessLookupError):  # it ends at this very moment
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.join()
        return self.process.exitcode == -signal.SIGKILL

    def end(self) -> int:
        """Its exit code, when it has ended."""
        self.process.join()
        return self.process.exitcode


class Trials:
    """Folders in which a work is tried, each compared with one where nothing disturbed it."""

    def __init__(self, work: Work, place: Path):
        publisher()  # here and not in the processes to come
        self.work, self.folder, self.template = work, place / "work", place / "template"
        self.template.mkdir()
        work.prepare(self.template)
        self.new()
        undisturbed = Process(work, self.folder)
        started = time.monotonic()
        assert undisturbed.end() == 0, f"{work.name}: does not work"
        self.seconds = time.monotonic() - started
        self.expected = contents(self.folder, work.ignored)

    def new(self) -> None:
        """The same place as before, with what the work needs in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.template, self.folder)

    def wrong(self) -> str:
        """What is not as it should be now; empty if all is."""
        found = contents(self.folder, self.work.ignored)
        names = sorted(found.keys() ^ self.expected.keys())
        if names:
            return f"left over or missing: {', '.join(names[:5])}"
        differing = [name for name in found if found[name] != self.expected[name]]
        return f"not the same: {', '.join(differing[:5])}" if differing else ""


def kills(work: Work, number: int, seed: int) -> dict[str, Any]:
    """So many kills in time, each followed by the same work once more.

    Returns:
        `kills`, `same`: after how many of them it ended as if nothing had happened; `wrong`: what
        came of the others.
    """
    random, counted, wrong = Random(f"{seed}-{work.name}"), 0, []
    with TemporaryDirectory(prefix="kills-") as place:
        trials = Trials(work, Path(place))
        for _ in range(10 * number):  # a work may be faster than before
            trials.new()
            moment = random.uniform(0, trials.seconds)
            if Process(work, trials.folder).kill(moment):
                counted += 1
                code = Process(work, trials.folder).end()
                # 2: it had ended just before, and does not write its result twice
                found = trials.wrong() if code in (0, 2) else f"exit code {code}"
                wrong += [f"{moment:.3f} s: {found}"] if found else []
            if counted == number:
                break
    return {"work": work.name, "kills": counted, "same": counted - len(wrong), "wrong": wrong}


def together(work: Work, number: int, seed: int) -> dict[str, Any]:
    """Two processes at once, so often: one at least does the work, the other may be refused.

    Returns:
        `starts`; `both`: how often both ended well; `refused`: how often one was; `wrong`.
    """
    random, both, refused, wrong = Random(f"{seed}-{work.name}"), 0, 0, []
    with TemporaryDirectory(prefix="kills-") as place:
        trials = Trials(work, Path(place))
        for _ in range(number):
            trials.new()
            first = Process(work, trials.folder)
            time.sleep(random.uniform(0, trials.seconds / 2))
            codes = sorted([Process(work, trials.folder).end(), first.end()])
            both += codes == [0, 0]
            refused += codes == [0, 2]
            found = trials.wrong() if codes in ([0, 0], [0, 2]) else f"exit codes {codes}"
            wrong += [found] if found else []
    row = {"work": work.name, "starts": number, "both": both, "refused": refused, "wrong": wrong}
    return row


def campaign(number: int, seed: int) -> dict[str, Any]:
    """Each work killed so often, and started twice at once a fifth as often; the book three times.

    Returns:
        as of `faults.campaign.campaign`, with a row for each work.
    """
    started, rows, forbidden = time.monotonic(), [], []
    for work in progress_bar((*WORKS, BOOK), desc="killed and started twice", unit="work"):
        row = kills(work, min(3, number) if work is BOOK else number, seed)
        wrong = row.pop("wrong")
        if work is not BOOK:
            row |= together(work, -(-number // 5), seed)
            wrong += row.pop("wrong")
        rows.append(row)
        forbidden += [{"work": work.name, "what": what} for what in wrong]
    total = sum(row["kills"] + row.get("starts", 0) for row in rows)
    about = {"seed": seed, "cases": total, "seconds": round(time.monotonic() - started)}
    return about | {"table": rows, "forbidden": forbidden}
