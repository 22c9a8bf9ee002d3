"""What does a text encoder still read when each description begins further to the right?

    python experiments/moved_captions.py --runs RUNS --out results/fieldguide/moved.json

Trains the char-CNN and the char-CNN-RNN of chapters 4 and 5, with two seeds each, into the folder
RUNS; a run that is there already is not made again. Then puts 0 to 100 characters before plain
captions of the `val` species, and measures which share of each confusable pair's images scores
higher with their own species. As in the chapters, an image has three captions in place of ten.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import dse
from dse.datasets.described_images import DescribedImages
from dse.datasets.fieldguide import confusable_pairs
from dse.datasets.fieldguide.challenges import with_challenge, with_clause
from dse.utils.files import written_whole

ENCODERS = ("char-cnn", "char-cnn-rnn")
SEEDS = (0, 1)
STEPS = 1800
"""As in the tables."""
CAPTIONS = 3
CHARACTERS = (0, 25, 50, 75, 100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    data = dse.load_dataset("fieldguide")
    plain = with_challenge(data, "reordered")
    plain = replace(plain, captions=[own[:CAPTIONS] for own in plain.captions])
    result = {"steps": STEPS, "split": "val", "captions_per_image": CAPTIONS, "pair_accuracy": {}}
    for name in ENCODERS:
        by_seed = [pair_shares(trained(data, name, seed, args.runs), plain) for seed in SEEDS]
        result["pair_accuracy"][name] = {
            str(characters): [own[characters] for own in by_seed] for characters in CHARACTERS
        }
    with written_whole(args.out) as partial:
        partial.write_text(json.dumps(result) + "\n", encoding="utf-8")


def trained(data: DescribedImages, name: str, seed: int, runs: Path) -> dse.Run:
    config = dse.TrainingConfig(name, steps=STEPS, split="train", seed=seed)
    return dse.train(data, config, runs / f"{name}-seed{seed}", resume=True)


def pair_shares(run: dse.Run, plain: DescribedImages) -> dict[int, list[float]]:
    """Characters in front -> for each pair the percentage of its images told apart."""
    found = {}
    for characters in CHARACTERS:
        metrics = dse.evaluate(run, with_clause(plain, characters), "val")
        pairs = confusable_pairs(metrics.class_names)
        shares = 100 * dse.pair_accuracy(metrics.scores, metrics.labels, pairs)
        found[characters] = [round(share, 2) for share in shares.tolist()]
    return found


if __name__ == "__main__":
    main()
