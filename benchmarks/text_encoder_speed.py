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
from torch import nn
from torch.nn import functional as F

from dse.datasets.captions import read_caption_files
from dse.datasets.fieldguide import read_fieldguide
from dse.objective import joint_embedding_loss
from dse.text import WORD_ENCODERS, build_text_encoder
from dse.text.cnn import threshold
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
    result = {"threads": torch.get_num_threads(), "matrix_gflops": matrix_rate()}
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
    if name in WORD_ENCODERS:
        words = build_vocabulary(captions)
        filler = [f"word{i}" for i in range(arguments.vocabulary)]
        needs["vocabulary"] = (words + filler)[: arguments.vocabulary]
    ours = build_text_encoder(name, **needs, generator=torch.Generator().manual_seed(0))
    forms = {"dse": ours, "plain": PlainForm(ours)}
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


class PlainForm(nn.Module):
    """The same network from torch's own layers, on dense one-hot columns."""

    def __init__(self, encoder: nn.Module):
        super().__init__()
        trunk = encoder.trunk
        self.size, self.pools = trunk.tokenizer.size, trunk.pools
        first, *others = trunk.convolutions
        weights = [first.weight.view(first.kernel, first.size, -1).permute(2, 1, 0)]
        for convolution, kernel in zip(others, trunk.kernels[1:], strict=True):
            weight = convolution.weight
            weights.append(weight.view(len(weight), kernel, -1).transpose(1, 2))
        self.convolutions = nn.ModuleList()
        for source, weight in zip(trunk.convolutions, weights, strict=True):
            convolution = nn.Conv1d(weight.shape[1], weight.shape[0], weight.shape[2])
            convolution.weight.data.copy_(weight)
            convolution.bias.data.copy_(source.bias)
            self.convolutions.append(convolution)
        for part in ("rnn", "hidden", "linear"):
            if hasattr(encoder, part):
                source = getattr(encoder, part)
                copy = type(source)(source.from_input.in_features) if part == "rnn" else None
                copy = copy or nn.Linear(source.in_features, source.out_features)
                copy.load_state_dict(source.state_dict())
                setattr(self, part, copy)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.read(F.one_hot(tokens.long(), 1 + self.size)[..., 1:].float().transpose(1, 2))

    def read(self, x: torch.Tensor) -> torch.Tensor:
        """Embed one-hot columns, float32 (B, V, length)."""
        for convolution, (pool, stride) in zip(self.convolutions, self.pools, strict=True):
            x = F.max_pool1d(threshold(convolution(x)), pool, stride)
        x = x.transpose(1, 2)
        x = self.rnn(x) if hasattr(self, "rnn") else self.hidden(x.flatten(1))
        return self.linear(x)


def matrix_rate() -> float:
    """GFLOP a second of a large matrix product: the machine's own limit."""
    a = torch.rand(2048, 2048)
    rates = []
    for _ in range(5):
        started = time.monotonic()
        a @ a
        rates.append(2 * 2048**3 / (time.monotonic() - started) / 1e9)
    return round(max(rates), 1)


if __name__ == "__main__":
    main()
