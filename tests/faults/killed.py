"""Work in a process of its own, for tests that kill it at any moment."""

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import torch

from dse.cli import main
from dse.reproduction import Cell, run_cells
from faults.calls import small_world
from faults.run_roots import world

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["faults.killed"])
KILLED = -9
CELLS = [Cell("bag-of-words", seed=seed, length=5) for seed in range(4)]


def measures(folder: Path) -> None:
    """The grid of `dse reproduce`, four cells of it."""
    torch.set_num_threads(1)
    run_cells(world(), CELLS, folder)


def evaluates(folder: Path) -> None:
    """A command that writes its figures."""
    torch.set_num_threads(1)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    with small_world():
        assert main(["evaluate", str(folder / "run"), "--json", str(folder / "figures.json")]) == 0


def embeds(folder: Path) -> None:
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    words = [str(folder / name) for name in ("run", "captions.txt")]
    assert main(["embed", *words, "--out", str(folder / "rows.npy")]) == 0


def kill_at_random(work: Callable[[Path], None], folder: Path, kills: int, seconds: float) -> int:
    """Start the work, kill it, and so on; then let it end. How many kills came in time."""
    moments, done = Random(0), 0
    for _ in range(kills):
        process = PROCESSES.Process(target=work, args=(folder,))
        process.start()
        process.join(moments.uniform(0, seconds))
        process.kill()
        process.join()
        done += process.exitcode == KILLED
    last = PROCESSES.Process(target=work, args=(folder,))
    last.start()
    last.join()
    assert last.exitcode == 0
    return done
