"""`dse.train` against the loop that the PyTorch ports of the authors' code have in common.

    python benchmarks/port_speed.py --root DATA
    python benchmarks/port_speed.py            (FieldGuide)

That loop, made again here from its description: a DataLoader worker draws the minibatch and builds
one-hot captions, a dense network reads them, and the loss is fetched from the device after every
step. Both loops take the same minibatches from the same weights, and their losses are compared.
"""

import argparse
import json
import statistics
import time
from dataclasses import replace

import torch
from machine import describe_machine
from plain_form import one_hot_form
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

import dse
from dse.objective import joint_embedding_loss
from dse.sampling import MinibatchSampler
from dse.text import build_text_encoder
from dse.text.tokens import build_vocabulary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", help="holds CUB; FieldGuide if left out")
    parser.add_argument("--encoders", nargs="+", default=["char-cnn-rnn", "word-cnn-rnn"])
    parser.add_argument("--vocabulary", type=int, default=5_000, help="words of the word encoders")
    parser.add_argument("--steps", type=int, default=30, help="of a round")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.root:
        data = dse.load_dataset("cub", arguments.root, image_encoder="efficientnet-lite0")
    else:
        data = dse.load_dataset("fieldguide")
    captions = data.subset("trainval").all_captions
    words = build_vocabulary(captions)
    filler = [f"word{i}" for i in range(arguments.vocabulary)]
    data = replace(data, vocabulary=(words + filler)[: arguments.vocabulary])
    result = {"dataset": data.name, **describe_machine()}
    for name in arguments.encoders:
        rounds = [compare(data, name, arguments.steps) for _ in range(arguments.rounds)]
        result[name] = {
            "steps_per_second": round(statistics.median(r[0] for r in rounds), 2),
            "port_steps_per_second": round(statistics.median(r[1] for r in rounds), 2),
            "ratio": round(statistics.median(a / b for a, b, *_ in rounds), 2),
            "difference_of_first_losses": float(f"{max(r[2] for r in rounds):.1e}"),
            "difference_of_mean_losses": float(f"{max(r[3] for r in rounds):.1e}"),
        }
        print(json.dumps({name: result[name]}, indent=1), flush=True)
    print(json.dumps(result, indent=1))


def compare(data: dse.DescribedImages, name: str, steps: int) -> tuple[float, ...]:
    """Steps a second of both loops; how far their first losses are apart, and the mean of all.

    RMSprop divides by a gradient's size, so that last digits grow into visible ones in a few steps.
    """
    config = dse.TrainingConfig(name, steps=steps, lr_decay=1.0)
    times = []
    run = dse.train(
        data, config, progress=False, callback=lambda *_: times.append(time.monotonic())
    )
    ours = (steps - 1) / (times[-1] - times[0])

    classes = data.subset("trainval")
    generator = torch.Generator().manual_seed(config.seed)
    dim = classes.features.shape[2]
    encoder = build_text_encoder(name, dim, vocabulary=data.vocabulary, generator=generator)
    network = one_hot_form(encoder)
    network.convolutions[0] = nn.Identity()  # the loader's worker makes the one-hot columns
    optimizer = torch.optim.RMSprop(network.parameters(), lr=config.learning_rate, alpha=0.99)
    minibatches = OneHotMinibatches(classes, run.encoder.tokenizer, config, generator)
    losses, times = [], []
    for images, one_hot in DataLoader(minibatches, batch_size=None, num_workers=1):
        loss = joint_embedding_loss(images, network(one_hot))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        times.append(time.monotonic())
    theirs = (steps - 1) / (times[-1] - times[0])
    mine = run.history.loss
    return ours, theirs, abs(losses[0] - mine[0]), abs(statistics.mean(losses) - mine.mean())


class OneHotMinibatches(Dataset):
    """Minibatches as a port's worker makes them, drawn in the order in which `dse.train` does."""

    def __init__(self, classes, tokenizer, config, generator):
        sampler = MinibatchSampler(classes, config.batch_size, config.captions_per_image)
        self.drawn = [sampler.draw(generator) for _ in range(config.steps)]
        self.captions = classes.all_captions
        self.features, self.tokenizer = classes.features, tokenizer

    def __len__(self) -> int:
        return len(self.drawn)

    def __getitem__(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        batch = self.drawn[step]
        tokens = self.tokenizer([self.captions[i] for i in batch.captions])
        one_hot = F.one_hot(tokens.long(), 1 + self.tokenizer.size)[..., 1:].float()
        return self.features[batch.images, batch.views].float(), one_hot.transpose(
            1, 2
        ).contiguous()


if __name__ == "__main__":
    main()
