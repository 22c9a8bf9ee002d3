"""Many runs, each with a result of its own: in order, or side by side through Ray."""

import json
import logging
import os
import re
import socket
import sys
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from tqdm.auto import tqdm

from dse.reproduction.grid_display import GridDisplay
from dse.utils.errors import InputError, missing_extra
from dse.utils.files import written_whole

COLUMNS = ["name", "state", "minutes", "error"]
SECONDS_BETWEEN_LOOKS = 1.0
TIMES_TO_CANCEL = 10
SECONDS_TO_CONNECT = 10.0


def run_grid(
    jobs: Mapping[str, Any],
    work: Callable[[Any], dict],
    folder: Path | str,
    *,
    parallel: str | None = None,
    retries: int = 2,
    progress: bool = True,
) -> pd.DataFrame:
    """Do every job whose result is not there yet, and write each result whole as it comes.

    The result of the job `NAME` is the file `folder/NAME.json`. A job whose file is there is
    skipped, so a grid that was interrupted goes on when it is run again. A job that raises an
    exception is not tried again; the others go on. Its traceback is printed at once, and all
    failures are listed at the end, on stderr.

    With `parallel="ray"` a job gets one core, and a GPU of its own where the cluster has any; hide
    the GPUs (`CUDA_VISIBLE_DEVICES=`) to use the cores. A job whose worker dies (a crash, too
    little memory, SIGKILL, a lost machine) is tried again. Ray's cluster is the one that this
    process is connected to; else that of `$RAY_ADDRESS`; else one of this machine's cores, for as
    long as the grid takes. The machines of a cluster need `dse`, but no shared disk: this process
    writes the files. `work` travels once and not once a job, so it may hold a data set; NumPy
    arrays that it holds are read-only there.

    Args:
        jobs: by name, what `work` needs. A name is that of a file: letters, digits, `.-_`.
        work: gives a result that JSON can hold. With Ray it and the jobs are pickled.
        folder: gets the results.
        parallel: None, in order in this process, or `ray`.
        retries: how often a job is tried again whose worker died.
        progress: print a line for each job that ends, and show a bar with those that are running;
            `$TQDM_DISABLE` turns both off.

    Returns:
        A data frame with a row a job, in the order of `jobs`, and the columns `name`, `state`
        (`done`, `skipped`, `failed`), `minutes` and `error`, one line.

    Raises:
        InputError: a name that cannot be that of a file, a result that cannot be read, a folder
            that cannot be made, no such `parallel`, Ray not installed or not reached.

    Chapter: 6, zero-shot results.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> def work(job):
        ...     return {"mean": sum(job) / len(job)}
        >>> jobs = {"small": [1, 2], "large": [30, 50]}
        >>> run_grid(jobs, work, folder, progress=False).state.tolist()
        ['done', 'done']
        >>> json.loads((folder / "large.json").read_text())
        {'mean': 40.0}
        >>> run_grid(jobs | {"huge": [700]}, work, folder, progress=False).state.tolist()
        ['skipped', 'skipped', 'done']
    """
    if parallel not in RUNNERS:
        raise InputError(f"unknown parallel {parallel!r}: choose ray, or leave it out")
    folder = Path(folder)
    rows = {name: ("skipped", None, None) for name in jobs if _is_done(name, folder)}
    left = {name: job for name, job in jobs.items() if name not in rows}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made ({error.strerror}): choose another") from None
    with (
        GridDisplay(jobs, len(rows), progress) as display,
        closing(RUNNERS[parallel](left, work, retries, display)) as outcomes,
    ):
        for name, outcome in outcomes:
            outcome = _kept(outcome, folder / f"{name}.json")
            row = rows[name] = (outcome.state, outcome.minutes, outcome.error)
            display.ended(name, *row[:2], outcome.error or _first_figures(outcome.text))
            if outcome.traceback:
                tqdm.write(outcome.traceback, file=sys.stderr)
    frame = pd.DataFrame([(name, *rows[name]) for name in jobs], columns=COLUMNS)
    _report(frame)
    return frame


@dataclass(frozen=True)
class _Outcome:
    """How a job ended: with a result as JSON text, or with an error of one line."""

    minutes: float | None = None
    text: str | None = None
    error: str | None = None
    traceback: str = ""

    @property
    def state(self) -> str:
        return "done" if self.error is None else "failed"


def _is_done(name: str, folder: Path) -> bool:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{,199}", name):
        raise InputError(f"{name!r} cannot name a file: use at most 200 letters, digits, '.-_'")
    path = folder / f"{name}.json"
    if not path.exists():
        return False
    try:
        json.loads(path.read_text())
    except (OSError, ValueError):
        raise InputError(f"{path} is damaged: remove it, and the job is done again") from None
    return True


def _attempt(work: Callable[[Any], dict], job: Any) -> _Outcome:
    started = time.monotonic()
    result = {}
    try:
        result["text"] = json.dumps(dict(work(job)), indent=1) + "\n"
    except InputError as error:
        result["error"] = str(error)
    except Exception as error:
        result["error"] = _one_line(error)
        result["traceback"] = traceback.format_exc()
    return _Outcome((time.monotonic() - started) / 60, **result)


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _kept(outcome: _Outcome, path: Path) -> _Outcome:
    """Write the result; a full disk is the failure of this job alone."""
    if outcome.text is None:
        return outcome
    try:
        with written_whole(path) as partial:
            partial.write_text(outcome.text)
    except OSError as error:
        return _Outcome(outcome.minutes, error=f"{path} cannot be written ({error.strerror})")
    return outcome


def _report(frame: pd.DataFrame) -> None:
    failed = frame[frame.state == "failed"]
    if len(failed):
        print(f"{len(failed)} of {len(frame)} runs failed:", file=sys.stderr)
    for name, error in zip(failed.name, failed.error, strict=True):
        print(f"  {name}: {error}", file=sys.stderr)


def _first_figures(text: str) -> str:
    result = json.loads(text)
    figures = [(key, value) for key, value in result.items() if isinstance(value, float)]
    return "  ".join(f"{key} {value:.4g}" for key, value in figures[:2])


def _in_order(
    jobs: Mapping[str, Any], work: Callable[[Any], dict], retries: int, display: GridDisplay
) -> Iterator[tuple[str, _Outcome]]:
    for name, job in jobs.items():
        display.running([name])
        yield name, _attempt(work, job)


def _with_ray(
    jobs: Mapping[str, Any], work: Callable[[Any], dict], retries: int, display: GridDisplay
) -> Iterator[tuple[str, _Outcome]]:
    if not jobs:
        return
    try:
        import ray
    except ImportError:
        raise missing_extra('parallel="ray"', "ray") from None
    with _cluster(ray):
        yield from _on_cluster(ray, jobs, work, retries, display)


RUNNERS = {None: _in_order, "ray": _with_ray}


@contextmanager
def _cluster(ray) -> Iterator[None]:
    """A connection to a cluster; one that we made ends with the block."""
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    address = os.environ.get("RAY_ADDRESS") or "local"
    options = {"include_dashboard": False} if address == "local" else {}
    try:
        if host_and_port := re.fullmatch(r"(?:ray://)?(.+):(\d+)", address):
            # Ray itself goes on looking for minutes for a cluster that is not there.
            socket.create_connection(host_and_port.groups(), SECONDS_TO_CONNECT).close()
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **options)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"no Ray cluster at RAY_ADDRESS={address} ({_one_line(error)}): start it, or unset it"
        ) from None
    try:
        yield
    finally:
        ray.shutdown()


def _on_cluster(
    ray, jobs: Mapping[str, Any], work: Callable[[Any], dict], retries: int, display: GridDisplay
) -> Iterator[tuple[str, _Outcome]]:
    gpus = min(1, ray.cluster_resources().get("GPU", 0))
    # Ray's own retries have no end where memory runs out: we count ourselves.
    attempt = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=0)(_attempt_on_one_core)
    shared_work = ray.put(work)
    waiting, running, deaths = deque(jobs), {}, Counter()
    try:
        while waiting or running:
            # No more than can run at once, so that what is said to be running is.
            places = int(ray.cluster_resources().get("GPU" if gpus else "CPU", 0))
            while waiting and len(running) < max(1, places):
                name = waiting.popleft()
                running[attempt.remote(shared_work, jobs[name])] = name
            display.running(running.values())
            for reference in ray.wait(list(running), timeout=SECONDS_BETWEEN_LOOKS)[0]:
                name = running.pop(reference)
                outcome = _fetched(ray, reference)
                if outcome is not None:
                    yield name, outcome
                    continue
                deaths[name] += 1
                if deaths[name] > retries:
                    yield name, _Outcome(error=f"its worker died, {deaths[name]} times")
                    continue
                display.line(name, "died", None, f"is tried again, {deaths[name]} of {retries}")
                waiting.append(name)
    finally:
        _cancel(ray, list(running))


def _cancel(ray, references: list) -> None:
    """End tasks, and see them end: Ray may crash if it is shut down in the midst of it."""
    for _ in range(TIMES_TO_CANCEL):
        if not references:
            return
        for reference in references:
            ray.cancel(reference, force=True)
        _, references = ray.wait(
            references, num_returns=len(references), timeout=SECONDS_BETWEEN_LOOKS
        )


def _attempt_on_one_core(work: Callable[[Any], dict], job: Any) -> _Outcome:
    torch.set_num_threads(1)
    return _attempt(work, job)


def _fetched(ray, reference) -> _Outcome | None:
    """What a job came to, or None if its worker died."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:  # not from `work`: it could not be unpickled there
        return _Outcome(error=_one_line(error.cause), traceback=str(error))
    except ray.exceptions.RayError:
        return None
