"""Time and memory of a data set of up to a million captions, at each stage from text to search.

    python benchmarks/load.py --out results/load.json

The data are made on the spot: 200 classes, half of them to train on, images with one row of 1,024
features and five captions each. Each size runs in a process of its own, on one thread. Seconds are
processor time, which a busy machine hardly changes. Memory is the most that the process held at a
time during a stage, the data set and the program included. Wants Linux, 4 GB of memory and about
five minutes.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from machine import processor

import dse
from dse.search import nearest
from dse.text.tokens import CharacterTokenizer, WordTokenizer, build_vocabulary
from dse.utils.files import written_whole

IMAGES = (2_000, 20_000, 200_000)
CAPTIONS = 5
CLASSES = 200
DIM = 1024
STEPS = 50
SYLLABLES = ("ba", "ke", "lo", "mi", "nu", "ra", "se", "to", "vi", "zu")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, metavar="FILE")
    parser.add_argument("--images", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.images:
        print(json.dumps(measure(arguments.images)))
        return
    result = {
        "processor": processor(),
        "torch": torch.__version__,
        "classes": CLASSES,
        "captions_an_image": CAPTIONS,
        "dim": DIM,
        "steps": STEPS,
        "sizes": [in_own_process(images) for images in IMAGES],
    }
    with written_whole(arguments.out) as partial:
        partial.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def in_own_process(images: int) -> dict:
    command = [sys.executable, __file__, "--images", str(images)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def measure(images: int) -> dict:
    """What each stage takes for a data set of so many images."""
    stages = {}

    def stage(name: str, work: Callable):
        started = time.process_time()
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak begins anew
        value = work()
        seconds = time.process_time() - started
        stages[name] = {"seconds": float(f"{seconds:.3g}"), "megabytes": peak_megabytes()}
        return value

    data = stage("data", lambda: described_images(images))
    stage("characters", lambda: CharacterTokenizer()(data.all_captions))
    stage("words", lambda: WordTokenizer(build_vocabulary(data.all_captions))(data.all_captions))
    config = dse.TrainingConfig("bag-of-words", steps=STEPS)
    run = stage("training", lambda: dse.train(data, config, progress=False))
    stage("evaluation", lambda: dse.evaluate(run, data))
    queries = run.encode(data.captions[0])
    stage("search", lambda: nearest(queries, data.whole_images(), 10))
    return {"images": images, "captions": CAPTIONS * images, "stages": stages}


def peak_megabytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return round(int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6)


def described_images(images: int) -> dse.DescribedImages:
    """Images whose captions hold words of their class among words of no meaning."""
    generator = np.random.default_rng(0)
    words = np.array([a + b + c for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES])
    labels = np.arange(images) % CLASSES
    features = generator.standard_normal((images, 1, DIM), dtype=np.float32)
    features[:, 0] += generator.standard_normal((CLASSES, DIM), dtype=np.float32)[labels]
    captions = []
    for label in labels:
        of_class, others = 5 * label % 1000, generator.integers(1000, size=(CAPTIONS, 8))
        captions.append(
            [" ".join([*words[of_class : of_class + 5], *words[row]]) for row in others]
        )
    return dse.DescribedImages(
        "load",
        torch.from_numpy(features),
        torch.from_numpy(labels),
        captions,
        [f"class {c}" for c in range(CLASSES)],
        {"trainval": torch.arange(0, CLASSES, 2), "test": torch.arange(1, CLASSES, 2)},
    )


if __name__ == "__main__":
    main()
