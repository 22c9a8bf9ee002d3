"""Many runs, each with a result of its own: in order, or side by side through Ray."""

import json
import logging
import os
import re
import socket
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dse.utils.errors import InputError, first_line, missing_extra
from dse.utils.files import remove_abandoned, written_whole
from dse.utils.progress import progress_bar
from dse.utils.records import read_json
from dse.utils.telemetry import switch_off_telemetry

logger = logging.getLogger(__name__)

COLUMNS = ["name", "state", "minutes", "error"]
SECONDS_TO_CONNECT = 10.0
SECONDS_TO_CANCEL = 10.0


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
    exception is not tried again; the others go on. Each job that ends is logged, a failure as an
    error with its traceback.

    With `parallel="ray"` a job gets one core, and a GPU of its own where the cluster has any; hide
    the GPUs (`CUDA_VISIBLE_DEVICES=`) to use the cores. Ray tries a job again whose worker dies (a
    crash, too little memory, SIGKILL, a lost machine). Ray's cluster is the one that this process
    is connected to; else that of `$RAY_ADDRESS`; else one of this machine's cores, for as long as
    the grid takes. The machines of a cluster need `dse`, but no shared disk: this process writes
    the files. `work` travels once and not once a job, so it may hold a data set; NumPy arrays that
    it holds are read-only there.

    Args:
        jobs: by name, what `work` needs. A name is that of a file: letters, digits, `.-_`.
        work: gives a result that JSON can hold, which has no NaN. With Ray it and the jobs are
            pickled.
        folder: gets the results.
        parallel: None, in order in this process, or `ray`.
        retries: how often Ray tries a job again whose worker died. A cluster that is not ours may
            have a number of its own for too little memory (`RAY_task_oom_retries`).
        progress: show a bar; `$TQDM_DISABLE` turns it off.

    Returns:
        A data frame with a row a job, in the order of `jobs`, and the columns `name`, `state`
        (`done`, `skipped`, `failed`), `minutes` and `error`, one line.

    Raises:
        InputError: a name that cannot be that of a file, a result that cannot be read, a folder
            that cannot be made, no such `parallel`, Ray not installed or not reached.

    Chapter: 7, birds.

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
    bar = progress_bar(desc="runs", total=len(jobs), initial=len(rows), progress=progress)
    with bar, closing(RUNNERS[parallel](left, work, retries)) as outcomes:
        for name, outcome in outcomes:
            outcome = _kept(outcome, folder / f"{name}.json")
            rows[name] = (outcome.state, outcome.minutes, outcome.error)
            _log(name, outcome)
            bar.update()
    return pd.DataFrame([(name, *rows[name]) for name in jobs], columns=COLUMNS)


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
    remove_abandoned(path)
    if not os.path.lexists(path):
        return False
    read_json(path, dict[str, Any], "remove it, and run the grid again")
    return True


def _attempt(work: Callable[[Any], dict], job: Any) -> _Outcome:
    started = time.monotonic()
    result = {}
    try:
        result["text"] = json.dumps(dict(work(job)), indent=1, allow_nan=False) + "\n"
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
            partial.write_text(outcome.text, encoding="utf-8")
    except OSError as error:
        return _Outcome(outcome.minutes, error=f"{path} cannot be written ({error.strerror})")
    return outcome


def _log(name: str, outcome: _Outcome) -> None:
    if outcome.error is not None:
        logger.error("%s: failed, %s%s", name, outcome.error, f"\n{outcome.traceback}".rstrip())
        return
    values = [(key, v) for key, v in json.loads(outcome.text).items() if isinstance(v, float)]
    first = "".join(f", {key} {value:.4g}" for key, value in values[:2])
    logger.info("%s: done in %.1f min%s", name, outcome.minutes, first)


def _in_order(
    jobs: Mapping[str, Any], work: Callable[[Any], dict], retries: int
) -> Iterator[tuple[str, _Outcome]]:
    for name, job in jobs.items():
        logger.info("%s: started", name)
        yield name, _attempt(work, job)


def _with_ray(
    jobs: Mapping[str, Any], work: Callable[[Any], dict], retries: int
) -> Iterator[tuple[str, _Outcome]]:
    if not jobs:
        return
    try:
        import ray
    except ImportError:
        raise missing_extra('parallel="ray"', "ray") from None
    with _cluster(ray, retries) as stays:
        gpus = min(1, ray.cluster_resources().get("GPU", 0))
        attempt = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=retries)(_attempt)
        shared_work = ray.put(work)
        names = {attempt.remote(shared_work, job): name for name, job in jobs.items()}
        left = list(names)
        try:
            while left:
                (ended,), left = ray.wait(left)
                yield names[ended], _fetched(ray, ended)
        finally:
            if left and stays:  # else they end with our connection; Ray may crash if it does both
                for reference in left:
                    ray.cancel(reference, force=True)
                ray.wait(left, num_returns=len(left), timeout=SECONDS_TO_CANCEL)


RUNNERS = {None: _in_order, "ray": _with_ray}


@contextmanager
def _cluster(ray, retries: int) -> Iterator[bool]:
    """A connection to a cluster, and whether it stays; one that we made ends with the block."""
    if ray.is_initialized():
        yield True
        return
    switch_off_telemetry()
    address = os.environ.get("RAY_ADDRESS") or "local"
    options = {}
    if address == "local":  # Ray's default is to try again for ever where memory runs out
        options = {"include_dashboard": False, "_system_config": {"task_oom_retries": retries}}
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
        yield False
    finally:
        ray.shutdown()


def _fetched(ray, reference) -> _Outcome:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:  # not from `work`: it could not be unpickled there
        return _Outcome(error=_one_line(error.cause), traceback=str(error))
    except ray.exceptions.RayError as error:
        return _Outcome(error=f"its worker died ({type(error).__name__}: {first_line(error)})")
