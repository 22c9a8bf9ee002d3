"""How many classes, images and captions does a text encoder need to name unseen classes?

    python experiments/how_much_data.py --out results/own_data/how_much_data.json

Text encoders are trained on a part of FieldGuide's `train` species and measured on all of its `val`
species; the test species are not touched. One of three numbers is varied at a time: species, images
of each, captions of each image. The other two are as large as the guide has them. A seed draws the
part as well as the initial weights and the minibatches.

A run that is in the file already is not made again, unless FieldGuide has changed since.
`python scripts/own_data_page.py` brings the figures into the book.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

import dse
from dse.datasets.described_images import DescribedImages
from dse.datasets.fieldguide import confusable_pairs
from dse.utils.files import written_whole

ENCODERS = ("bag-of-bigrams", "char-cnn-rnn")
STEPS = 600
FULL = {"classes": 100, "images": 26, "captions": 10}
"""What every training species of the guide has: some have up to 34 images."""
VARIED = {
    "classes": (5, 10, 20, 40, 70, 100),
    "images": (1, 2, 5, 10, 26),
    "captions": (1, 2, 5, 10),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoders", nargs="+", default=ENCODERS)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    measure(arguments.encoders, arguments.steps, arguments.seeds, arguments.out)


def measure(encoders: Sequence[str], steps: int, seeds: int, out: Path) -> None:
    """Train and measure what is not in the file yet; write it after each run."""
    data = dse.load_dataset("fieldguide")
    train, val = data.subset("train"), data.subset("val")
    content = data.describe()["content"]  # without features: they differ in their last digits
    for name in encoders:
        for sizes in points():
            for seed in range(seeds):
                key = "-".join([name, *(f"{what}{n}" for what, n in sizes.items()), f"seed{seed}"])
                results = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
                about = {"steps": steps, "data": content}
                if about.items() <= results.get(key, {}).items():
                    continue
                config = dse.TrainingConfig(name, steps=steps, split="train", seed=seed)
                run = dse.train(part(train, **sizes, seed=seed), config, progress=False)
                results[key] = {
                    "text_encoder": name,
                    **sizes,
                    "seed": seed,
                    "batch_size": run.config.batch_size,
                    **figures(run, val),
                    **about,
                    **run.versions,
                }
                with written_whole(out) as path:
                    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
                print(key, f"top-1 {100 * results[key]['top1']:.1f} %", flush=True)


def points() -> Iterator[dict[str, int]]:
    """The sizes to measure, the full one once."""
    seen = []
    for what, numbers in VARIED.items():
        for number in numbers:
            sizes = {**FULL, what: number}
            if sizes not in seen:
                seen.append(sizes)
                yield sizes


def part(
    train: DescribedImages, classes: int, images: int, captions: int, seed: int
) -> DescribedImages:
    """So many random classes, so many random images of each, the first captions of each image."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(train.class_names), generator=generator)[:classes]
    few = replace(train, splits={"train": chosen}).subset("train")
    order = torch.randperm(len(few), generator=generator)
    kept = torch.cat([order[few.labels[order] == c][:images] for c in range(classes)])
    return replace(
        few,
        features=few.features[kept],
        labels=few.labels[kept],
        captions=[few.captions[i][:captions] for i in kept],
        image_paths=[few.image_paths[i] for i in kept],
    )


def figures(run: dse.Run, val: DescribedImages) -> dict[str, float]:
    """Top-1, precision at 50 and pair accuracy on the validation species."""
    metrics = dse.evaluate(run, val, "val")
    pairs = confusable_pairs(metrics.class_names)
    accuracy = dse.pair_accuracy(metrics.scores, metrics.labels, pairs).mean()
    return {
        "top1": round(metrics.top1, 4),
        "ap50": round(metrics.ap50, 4),
        "pairs": round(float(accuracy), 4),
    }


if __name__ == "__main__":
    main()
