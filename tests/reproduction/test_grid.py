"""Grids of small runs, in order and on Ray: workers that die, runs that fail, restarts."""

import _thread
import builtins
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict
from functools import partial

import numpy as np
import pytest
import torch

from dse.config import TrainingConfig
from dse.reproduction.grid import COLUMNS, run_grid
from dse.utils.errors import InputError

# Ray's workers give way to everything else; on a machine with other work a test would wait long.
os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - Ray spells it so


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("TQDM_DISABLE", "1")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")


@pytest.fixture(scope="module")
def cluster():
    """A connection to a Ray cluster of two cores."""
    ray = pytest.importorskip("ray")
    ray.init("local", num_cpus=2, num_gpus=0, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


@pytest.fixture(params=[None, "ray"])
def parallel(request):
    """Both ways: what comes out depends on neither."""
    if request.param == "ray":
        request.getfixturevalue("cluster")
    return request.param


def contents(folder):
    return {path.name: json.loads(path.read_text()) for path in folder.iterdir()}


def wait_for(path, hope=lambda: True):
    while not (path.exists() and path.read_text()):
        assert hope()
        time.sleep(0.01)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for_the_end_of(*pids):
    deadline = time.monotonic() + 60
    while any(is_alive(int(pid.read_text())) for pid in pids):
        assert time.monotonic() < deadline, "a worker goes on"
        time.sleep(0.01)


# These two come before the tests that share a connection: a grid would take that one.
@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nowhere"])
def test_a_cluster_that_is_not_there_is_an_input_error(tmp_path, monkeypatch, address):
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(InputError, match=f"RAY_ADDRESS={address} "):
        run_grid({"a": 1}, lambda job: {}, tmp_path, parallel="ray")


def test_a_cluster_of_its_own_gives_a_gpu_and_one_thread_and_ends(tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")
    monkeypatch.setenv("RAY_OVERRIDE_RESOURCES", '{"CPU": 4, "GPU": 1}')
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    threads = torch.get_num_threads()

    def work(job):
        return {"gpu": os.environ["CUDA_VISIBLE_DEVICES"], "threads": torch.get_num_threads()}

    run_grid({"a": 1}, work, tmp_path, parallel="ray")
    assert torch.get_num_threads() == threads
    assert contents(tmp_path) == {"a.json": {"gpu": "0", "threads": 1}}
    assert not ray.is_initialized()


def test_every_job_has_a_row_and_a_file(tmp_path, parallel):
    folder = tmp_path / "new" / "folder"
    jobs = {f"job-{n}": n for n in (3, 1, 2)}
    frame = run_grid(jobs, lambda n: {"square": n * n}, folder, parallel=parallel)
    assert list(frame.columns) == COLUMNS
    assert frame.name.tolist() == list(jobs)
    assert (frame.state == "done").all()
    assert (frame.minutes >= 0).all()
    assert frame.error.isna().all()
    assert contents(folder) == {f"job-{n}.json": {"square": n * n} for n in (1, 2, 3)}


def test_work_and_jobs_may_come_from_a_module(tmp_path, parallel):
    jobs = {"one": TrainingConfig("char-cnn", seed=4)}
    run_grid(jobs, asdict, tmp_path, parallel=parallel)
    assert contents(tmp_path) == {"one.json": asdict(jobs["one"])}


def test_what_is_done_is_skipped_and_left_as_it_is(tmp_path, parallel):
    (tmp_path / "a.json").write_text('{"by": "hand"}')
    (tmp_path / ".b.json.half").mkdir()  # a run that was killed while it wrote
    first = run_grid({"a": 1, "b": 2}, lambda n: {"n": n}, tmp_path, parallel=parallel)
    assert first.state.tolist() == ["skipped", "done"]
    assert np.isnan(first.minutes[0])
    assert json.loads((tmp_path / "a.json").read_text()) == {"by": "hand"}
    again = run_grid({"a": 1, "b": 2}, None, tmp_path, parallel=parallel)
    assert again.state.tolist() == ["skipped", "skipped"]


def test_a_failing_run_takes_no_other_down(tmp_path, parallel, caplog):
    def work(job):
        if job == "input":
            raise InputError("file x is empty: remove it")
        if job == "defect":
            raise KeyError("two\nlines")
        return {"tensor": {"json": None, "tensor": torch.ones(1)}[job]}

    jobs = {name: name for name in ("input", "defect", "tensor", "json")} | {"last": "json"}
    frame = run_grid(jobs, work, tmp_path, parallel=parallel).set_index("name")
    assert frame.state.to_dict() == {
        **dict.fromkeys(("input", "defect", "tensor"), "failed"),
        **dict.fromkeys(("json", "last"), "done"),
    }
    assert sorted(contents(tmp_path)) == ["json.json", "last.json"]
    assert frame.error["input"] == "file x is empty: remove it"
    assert frame.error["defect"] == r"KeyError: 'two\nlines'"
    assert frame.error["tensor"].startswith("TypeError: ")
    assert frame.error[["json", "last"]].isna().all()
    told = [r.getMessage().splitlines()[0] for r in caplog.records if r.levelname == "ERROR"]
    failed = ("input", "defect", "tensor")
    assert sorted(told) == sorted(f"{n}: failed, {frame.error[n]}" for n in failed)
    assert run_grid(jobs, lambda job: {}, tmp_path, parallel=parallel).state.tolist() == [
        *("done", "done", "done", "skipped", "skipped")
    ]


def test_the_traceback_of_a_defect_is_logged(tmp_path, parallel, caplog):
    def work(job):
        return {"share": 1 / job}

    run_grid({"zero": 0}, work, tmp_path, parallel=parallel)
    assert "zero: failed, ZeroDivisionError: " in caplog.text and "in work" in caplog.text


def test_a_result_that_cannot_be_written_fails_alone(tmp_path):
    def work(job):
        if job == "taken":
            (tmp_path / "taken.json").mkdir()  # in the way of the file
        return {}

    frame = run_grid({"taken": "taken", "free": "free"}, work, tmp_path)
    assert frame.state.tolist() == ["failed", "done"]
    assert "taken.json cannot be written" in frame.error[0]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_result_that_could_not_be_read_again_fails(tmp_path, value):
    frame = run_grid({"a": value, "b": 0.5}, lambda loss: {"loss": loss}, tmp_path)
    assert frame.state.tolist() == ["failed", "done"]
    assert "JSON" in frame.error[0] and contents(tmp_path) == {"b.json": {"loss": 0.5}}


def test_work_that_forgets_its_result_fails(tmp_path):
    assert run_grid({"a": 1}, lambda job: None, tmp_path).state.tolist() == ["failed"]
    assert contents(tmp_path) == {}


def test_no_jobs_no_rows(tmp_path, parallel):
    frame = run_grid({}, None, tmp_path, parallel=parallel)
    assert list(frame.columns) == COLUMNS and len(frame) == 0


@pytest.mark.parametrize("text", ["", '{"half": ', "\x00", b"\xff"])
def test_a_damaged_result_is_named(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=r"a\.json"):
        run_grid({"a": 1}, lambda job: {}, tmp_path)


@pytest.mark.parametrize(
    "name", ["", ".hidden", "../up", "a/b", "a\\b", "a b", "a\n", "a:b", "-rf", "é", "n" * 201]
)
def test_a_name_that_is_no_file_name_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="cannot name a file"):
        run_grid({"good": 1, name: 2}, lambda job: {}, tmp_path)
    assert contents(tmp_path) == {}


def test_what_cannot_be_had_is_an_input_error(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="threads"):
        run_grid({"a": 1}, lambda job: {}, tmp_path, parallel="threads")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        run_grid({"a": 1}, lambda job: {}, tmp_path / "file")
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it were not installed
    with pytest.raises(InputError, match=r"\[ray\]"):
        run_grid({"a": 1}, lambda job: {}, tmp_path, parallel="ray")


def test_an_interrupted_grid_goes_on(tmp_path):
    def work(job):
        if job == "b":
            raise KeyboardInterrupt
        return {"job": job}

    jobs = dict(zip("abc", "abc", strict=True))
    with pytest.raises(KeyboardInterrupt):
        run_grid(jobs, work, tmp_path)
    assert contents(tmp_path) == {"a.json": {"job": "a"}}
    frame = run_grid(jobs, lambda job: {"job": job}, tmp_path)
    assert frame.state.tolist() == ["skipped", "done", "done"]


def test_what_ended_is_logged_with_its_first_figures(tmp_path, caplog):
    caplog.set_level("INFO", "dse")

    def work(job):
        if job == 0:
            raise InputError("zero is not a number of steps")
        return {"steps": job, "top1": 0.98765, "split": "test", "ap50": 1 / job, "map": 0.1}

    run_grid({"none": 0, "some-steps": 4}, work, tmp_path)
    assert caplog.messages == [
        "none: started",
        "none: failed, zero is not a number of steps",
        "some-steps: started",
        "some-steps: done in 0.0 min, top1 0.9877, ap50 0.25",
    ]


def test_twelve_runs_survive_the_death_of_a_worker(tmp_path, cluster):
    starts, ends, pid = (tmp_path / name for name in ("starts", "ends", "pid"))
    folder = tmp_path / "results"

    def work(job):
        with starts.open("a") as file:
            file.write(f"{job}\n")
        if job == 5 and not pid.exists():
            pid.write_text(str(os.getpid()))
            time.sleep(600)  # it is killed long before that
        with ends.open("a") as file:
            file.write(f"{job}\n")
        return {"square": job**2}

    def kill():
        wait_for(pid)
        os.kill(int(pid.read_text()), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    jobs = {f"job-{n}": n for n in range(12)}
    frame = run_grid(jobs, work, folder, parallel="ray")
    killer.join()
    assert frame.name.tolist() == list(jobs)
    assert (frame.state == "done").all()
    assert contents(folder) == {f"job-{n}.json": {"square": n**2} for n in range(12)}
    started = Counter(starts.read_text().split())
    assert started == {str(n): 2 if n == 5 else 1 for n in range(12)}
    assert sorted(ends.read_text().split(), key=int) == [str(n) for n in range(12)]


def test_a_run_that_kills_every_worker_fails_alone(tmp_path, cluster):
    starts = tmp_path / "starts"

    def work(job):
        if job == "deadly":
            with starts.open("a") as file:
                file.write("x")
            os.kill(os.getpid(), signal.SIGKILL)
        return {}

    jobs = {name: name for name in ("deadly", "a", "b")}
    frame = run_grid(jobs, work, tmp_path / "results", parallel="ray", retries=1)
    assert frame.state.tolist() == ["failed", "done", "done"]
    assert frame.error[0].startswith("its worker died (WorkerCrashedError: ")
    assert starts.read_text() == "xx"


def test_work_travels_once(tmp_path, cluster):
    pickled = []

    class Data:
        def __init__(self, rows):
            self.rows = rows

        def __reduce__(self):
            pickled.append("here")
            return Data, (self.rows,)

    work = partial(lambda data, job: {"sum": float(data.rows[:job].sum())}, Data(np.ones(5)))
    run_grid({f"job-{n}": n for n in range(5)}, work, tmp_path, parallel="ray")
    assert contents(tmp_path) == {f"job-{n}.json": {"sum": n} for n in range(5)}
    assert pickled == ["here"]


def test_what_cannot_be_unpickled_there_is_a_failure(tmp_path, cluster):
    class OnlyHere:
        def __reduce__(self):
            return builtins.eval, ("1 / 0",)

    frame = run_grid({"a": OnlyHere(), "b": 1}, lambda job: {}, tmp_path, parallel="ray")
    assert frame.state.tolist() == ["failed", "done"]
    assert "ZeroDivisionError" in frame.error[0]


@pytest.fixture
def interruptible():
    """Ctrl-C works, also where the tests run in the background and would ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interruption_ends_what_is_running_on_a_cluster_that_stays(tmp_path, cluster):
    pids = tmp_path / "pids"
    pids.mkdir()

    def work(job):
        (pids / job).write_text(str(os.getpid()))
        time.sleep(600)

    def interrupt():
        while sum(bool(path.read_text()) for path in pids.iterdir()) < 2:
            time.sleep(0.01)
        _thread.interrupt_main()

    thread = threading.Thread(target=interrupt)
    thread.start()
    jobs = dict(zip("abcd", "abcd", strict=True))  # two can run at once
    with pytest.raises(KeyboardInterrupt):
        run_grid(jobs, work, tmp_path / "results", parallel="ray")
    thread.join()
    wait_for_the_end_of(*pids.iterdir())
    frame = run_grid(jobs, lambda job: {}, tmp_path / "results", parallel="ray")
    assert frame.state.tolist() == ["done"] * 4
    assert len(list(pids.iterdir())) == 2  # what waited was never begun


PROGRAM_TO_INTERRUPT = """
import os, sys, time
from pathlib import Path
from dse.reproduction.grid import run_grid

folder = Path(sys.argv[1])

def work(job):
    if job == "slow":
        (folder / "pid").write_text(str(os.getpid()))
        time.sleep(600)
    return {"job": job}

run_grid({"a": "quick", "b": "slow", "c": "quick"}, work, folder / "results", parallel="ray")
"""


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_with_a_cluster_by_address_leaves_results(tmp_path, cluster):
    address = cluster.get_runtime_context().gcs_address
    command = [sys.executable, "-c", PROGRAM_TO_INTERRUPT, str(tmp_path)]
    environment = os.environ | {"RAY_ADDRESS": address}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        for path in (tmp_path / "pid", tmp_path / "results" / "a.json"):
            wait_for(path, lambda: process.poll() is None)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()
    assert told.endswith("KeyboardInterrupt\n")
    wait_for_the_end_of(tmp_path / "pid")
    done = contents(tmp_path / "results")
    assert {"a.json"} <= done.keys() <= {"a.json", "c.json"}
