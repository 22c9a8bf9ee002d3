"""Text encoders against their plain form: dense one-hot input, every column computed.

    python benchmarks/text_encoder_speed.py --root DATA
    python benchmarks/text_encoder_speed.py            (FieldGuide's captions)

Both forms hold the same weights. Rounds of each follow each other in one process. A step is what
training does: forward, loss, backward, RMSprop, on 40 captions; features are random.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from machine import describe_machine
from plain_form import one_hot_form

from dse.datasets.captions import read_caption_files
from dse.datasets.fieldguide import read_fieldguide
from dse.objective import joint_embedding_loss
from dse.text import TEXT_ENCODERS, build_text_encoder
from dse.text.tokens import build_vocabulary
from dse.training.optimizer import RMSprop
from dse.utils.errors import Problems

ENCODED = 29_330
BATCH_SIZE = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, help="holds cvpr2016_cub; FieldGuide if left out")
    parser.add_argument("--encoders", nargs="+", default=["char-cnn-rnn", "word-cnn-rnn"])
    parser.add_argument("--vocabulary", type=int, default=5_000, help="words of the word encoders")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--encoded", type=int, default=ENCODED)
    arguments = parser.parse_args()
    captions = read_captions(arguments.root)
    result = describe_machine()
    for name in arguments.encoders:
        result[name] = compare(name, captions, arguments)
        print(json.dumps({name: result[name]}, indent=1), flush=True)
    print(json.dumps(result, indent=1))


def read_captions(root: Path | None) -> list[str]:
    if root is None:
        described = read_fieldguide().captions
    else:
        paths = sorted((root / "cvpr2016_cub/text_c10").glob("*/*.txt"))
        described = read_caption_files(paths, Problems())
    flat = [caption for own in described for caption in own]
    order = torch.randperm(len(flat), generator=torch.Generator().manual_seed(0))
    return [flat[i] for i in order]


def compare(name: str, captions: list[str], arguments: argparse.Namespace) -> dict:
    """Speeds of both forms and their ratios, medians over the rounds."""
    needs = {}
    if "vocabulary" in TEXT_ENCODERS[name].needs:
        words = build_vocabulary(captions)
        filler = [f"word{i}" for i in range(arguments.vocabulary)]
        needs["vocabulary"] = (words + filler)[: arguments.vocabulary]
    ours = build_text_encoder(name, **needs, generator=torch.Generator().manual_seed(0))
    forms = {"dse": ours, "plain": one_hot_form(ours)}
    tokens = ours.tokenizer(captions[: max(arguments.encoded, 4000)])
    with torch.no_grad():
        difference = (forms["plain"](tokens[:40]) - ours(tokens[:40])).abs().max()
    images = torch.rand(BATCH_SIZE, 1024)
    optimizers = {
        "dse": RMSprop(ours.parameters(), lr=1e-6),
        "plain": torch.optim.RMSprop(forms["plain"].parameters(), lr=1e-6, alpha=0.99),
    }
    steps: dict[str, list[float]] = {form: [] for form in forms}
    encoded: dict[str, list[float]] = {form: [] for form in forms}
    for turn in range(arguments.rounds):
        first = turn * arguments.steps * BATCH_SIZE % 2000
        batches = tokens[first : first + arguments.steps * BATCH_SIZE].split(BATCH_SIZE)
        for form, network in forms.items():
            started = time.monotonic()
            for batch in batches:
                loss = joint_embedding_loss(images[: len(batch)], network(batch))
                optimizers[form].zero_grad()
                loss.backward()
                optimizers[form].step()
            steps[form].append(len(batches) / (time.monotonic() - started))
    sample = {"dse": arguments.encoded, "plain": arguments.encoded // 10}  # the plain form is slow
    for _ in range(2):
        for form, network in forms.items():
            started = time.monotonic()
            with torch.inference_mode():
                for batch in tokens[: sample[form]].split(256):
                    network(batch)
            encoded[form].append(sample[form] / (time.monotonic() - started))
    return {
        "largest_difference": float(f"{difference:.1e}"),
        "steps_per_second": {f: round(statistics.median(v), 2) for f, v in steps.items()},
        "training_ratio": ratio(steps),
        "captions_per_second": {f: round(statistics.median(v)) for f, v in encoded.items()},
        "encoding_ratio": ratio(encoded),
    }


def ratio(speeds: dict[str, list[float]]) -> float:
    pairs = zip(speeds["dse"], speeds["plain"], strict=True)
    return round(statistics.median(a / b for a, b in pairs), 2)


if __name__ == "__main__":
    main()
