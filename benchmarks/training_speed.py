"""What training costs beside the network itself, and how much memory a run takes.

    python benchmarks/training_speed.py fieldguide
    python benchmarks/training_speed.py cub --root DATA

Rounds of `dse.train` and of the bare network (forward, loss and backward on minibatches that lie
ready) follow each other in one process, so that both meet the same machine. The memory is that of
`dse train` and `dse evaluate` as commands.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import torch

import dse
from dse.objective import joint_embedding_loss
from dse.sampling import MinibatchSampler


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--root")
    parser.add_argument("--text-encoder", default="char-cnn-rnn")
    parser.add_argument("--steps", type=int, default=100, help="of a round")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()

    data = dse.load_dataset(arguments.dataset, arguments.root)
    config = dse.TrainingConfig(arguments.text_encoder, steps=arguments.steps)
    rounds = [end_to_end_and_bare(data, config) for _ in range(arguments.rounds)]
    end_to_end, bare = (statistics.median(rates) for rates in zip(*rounds, strict=True))
    result = {
        "dataset": arguments.dataset,
        "text_encoder": arguments.text_encoder,
        "threads": torch.get_num_threads(),
        "steps_per_second": round(end_to_end, 2),
        "bare_steps_per_second": round(bare, 2),
        "ratio": round(statistics.median(a / b for a, b in rounds), 3),
        "peak_gigabytes": round(peak_memory(arguments), 2),
    }
    print(json.dumps(result, indent=1))


def end_to_end_and_bare(data: dse.DescribedImages, config: dse.TrainingConfig):
    """Steps a second of `train`, and of the network it trained on minibatches that lie ready."""
    times = []
    run = dse.train(data, config, progress=False, watch=lambda *_: times.append(time.monotonic()))
    end_to_end = (len(times) - 1) / (times[-1] - times[0])

    classes = data.subset(config.split)
    tokens = run.encoder.tokenizer([caption for own in classes.captions for caption in own])
    sampler = MinibatchSampler(classes, config.batch_size, config.captions_per_image)
    generator = torch.Generator().manual_seed(config.seed)
    batches = [sampler.draw(generator) for _ in range(config.steps)]
    ready = [(classes.features[b.images, b.views], tokens[b.captions]) for b in batches]
    run.encoder.train()
    times = []
    for images, texts in ready:
        run.encoder.zero_grad()
        joint_embedding_loss(images, run.encoder(texts), objective=config.objective).backward()
        times.append(time.monotonic())
    return end_to_end, (len(times) - 1) / (times[-1] - times[0])


def peak_memory(arguments: argparse.Namespace) -> float:
    """Gigabytes that the larger of `dse train` and `dse evaluate` holds at its peak."""
    command = [sys.executable, "-m", "dse"]
    root = ["--root", arguments.root] if arguments.root else []
    with tempfile.TemporaryDirectory() as folder:
        options = ["--text-encoder", arguments.text_encoder, "--steps", "50", "--out", folder]
        quiet = {"check": True, "stdout": subprocess.DEVNULL}
        subprocess.run([*command, "train", arguments.dataset, *root, *options], **quiet)
        subprocess.run([*command, "evaluate", folder, "--split", "test"], **quiet)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e6)


if __name__ == "__main__":
    main()
