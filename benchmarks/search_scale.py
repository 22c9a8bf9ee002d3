"""What search costs: exact from a thousand to a million rows, approximate at a hundred thousand.

    python benchmarks/search_scale.py --out results/search/scale.json

Seconds are processor time of one thread, which a busy machine hardly changes. The rows lie in a
float16 file of a temporary folder, memory-mapped. They are FieldGuide's image features with noise
of a third of each feature's deviation; the queries are captions of unseen species, embedded by a
bag of words. Wants Linux, 2.2 GB of disk, the extra `faiss`, and about five minutes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import faiss
import numpy as np
import torch
from machine import processor
from numpy.lib.format import open_memmap

import dse
from dse.search import ApproximateIndex, nearest, recall
from dse.utils.files import written_whole

SIZES = (1_000, 10_000, 100_000, 1_000_000)
APPROXIMATE_SIZE = 100_000
CANDIDATES = (10, 100, 1_000, 10_000)
QUERIES = 100
TOP = 10
WRITTEN_ROWS = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, metavar="FILE")
    parser.add_argument("--exact", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    if arguments.exact:
        folder, size = arguments.exact
        print(json.dumps(measure_exact(Path(folder), int(size))))
        return
    data = dse.load_dataset("fieldguide", progress=False)
    run = dse.train(data, dse.TrainingConfig("bag-of-words", steps=300), progress=False)
    captions = data.subset("test").all_captions
    texts = run.encode(captions[:: len(captions) // QUERIES][:QUERIES])
    images = data.whole_images()
    with tempfile.TemporaryDirectory() as folder:
        write_rows(images, Path(folder) / "rows.npy")
        np.save(Path(folder) / "texts.npy", texts.numpy())
        rows = np.load(Path(folder) / "rows.npy", mmap_mode="r")
        result = {
            "processor": processor(),
            "capability": torch.backends.cpu.get_cpu_capability(),
            "torch": torch.__version__,
            "faiss": faiss.__version__,
            "dim": rows.shape[1],
            "top": TOP,
            "queries": QUERIES,
            "exact": [in_own_process(folder, size) for size in SIZES],
            "approximate": measure_approximate(texts, images, rows[:APPROXIMATE_SIZE]),
        }
    with written_whole(arguments.out) as partial:
        partial.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def write_rows(images: torch.Tensor, file: Path) -> None:
    """The largest set of rows, of which the smaller ones are the beginning."""
    generator = torch.Generator().manual_seed(0)
    noise = images.std(0) / 3
    rows = open_memmap(file, "w+", np.float16, (SIZES[-1], images.shape[1]))
    for start in range(0, len(rows), WRITTEN_ROWS):
        chosen = images[torch.randint(len(images), (WRITTEN_ROWS,), generator=generator)]
        noisy = chosen + noise * torch.randn(chosen.shape, generator=generator)
        rows[start : start + WRITTEN_ROWS] = noisy.half().numpy()
    rows.flush()


def in_own_process(folder: str, size: int) -> dict:
    """`measure_exact` in a process that has done nothing else: then its memory is its own."""
    command = [sys.executable, __file__, "--exact", folder, str(size)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def measure_exact(folder: Path, size: int) -> dict:
    rows = np.load(folder / "rows.npy", mmap_mode="r")[:size]
    texts = torch.from_numpy(np.load(folder / "texts.npy"))
    with peak_memory() as peak:
        one = shortest(lambda: nearest(texts[:1], rows, TOP))
    with peak_memory() as peak_of_many:
        many = shortest(lambda: nearest(texts, rows, TOP))
    return {
        "rows": size,
        "file_megabytes": round(rows.nbytes / 1e6, 1),
        "seconds_one_query": float(f"{one:.3g}"),
        f"seconds_{QUERIES}_queries": float(f"{many:.3g}"),
        "memory_megabytes": round(max(peak[0], peak_of_many[0]) / 1e6),
    }


def measure_approximate(texts: torch.Tensor, images: torch.Tensor, rows: np.ndarray) -> list[dict]:
    generator = torch.Generator().manual_seed(1)
    queries = {"texts": texts, "images": images[torch.randperm(len(images), generator=generator)]}
    queries["images"] = queries["images"][:QUERIES]
    exact = {kind: nearest(own, rows, TOP).indices for kind, own in queries.items()}
    results = []
    for kind in ("hnsw", "ivf-pq"):
        started = time.thread_time()
        index = ApproximateIndex(rows, kind)
        built = time.thread_time() - started
        searches = []
        for count in CANDIDATES:
            started = time.thread_time()
            found = {q: index.search(own, TOP, count).indices for q, own in queries.items()}
            seconds = (time.thread_time() - started) / (2 * QUERIES)
            searches.append(
                {
                    "candidates": count,
                    "seconds_a_query": float(f"{seconds:.3g}"),
                    **{f"recall_{q}": round(recall(found[q], exact[q]), 3) for q in queries},
                }
            )
        results.append(
            {
                "index": kind,
                "rows": len(rows),
                "seconds_to_build": float(f"{built:.3g}"),
                "bytes_a_row": round(len(faiss.serialize_index(index.index)) / len(rows)),
                "searches": searches,
            }
        )
    return results


def shortest(work, repeats: int = 3) -> float:
    """Seconds of the shortest of several runs, after one to warm up."""
    work()
    times = []
    for _ in range(repeats):
        started = time.thread_time()
        work()
        times.append(time.thread_time() - started)
    return min(times)


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """A list that holds, afterwards, the most bytes of memory that the block took at a time.

    Pages of the mapped file are left out: the system takes them back when it needs them. Linux.
    """
    before, peak, done = own_memory(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak[0] = max(peak[0], own_memory() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def own_memory() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * int(status.partition("RssAnon:")[2].split()[0])


if __name__ == "__main__":
    main()
