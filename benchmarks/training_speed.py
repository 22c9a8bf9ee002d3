"""What training costs beside the network itself, and how much memory a run takes.

    python benchmarks/training_speed.py fieldguide
    python benchmarks/training_speed.py cub --root DATA --encoders char-cnn-rnn

Rounds of `dse.train`, of the bare network (forward, loss and backward on minibatches that lie
ready) and of the bare network with `torch.optim.RMSprop` follow each other in one process, so that
all meet the same machine. The share of validations and checkpoints is taken from a run of its own.
The memory is that of `dse train` and `dse evaluate` as commands.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from machine import describe_machine

import dse
import dse.training.loop
from dse.objective import joint_embedding_loss
from dse.sampling import MinibatchSampler
from dse.text.layers import use_dense_gradients
from dse.training.loop import encoder_inputs

ENCODERS = (
    "attributes", "word2vec", "bag-of-words", "word-cnn", "word-lstm", "word-cnn-rnn",
    "char-cnn", "char-lstm", "char-cnn-rnn",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--root")
    parser.add_argument("--image-encoder")
    parser.add_argument("--encoders", nargs="+", default=ENCODERS)
    parser.add_argument("--steps", type=int, default=50, help="of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--watched", type=int, default=1500, help="steps of the run that is watched"
    )
    arguments = parser.parse_args()

    data = dse.load_dataset(
        arguments.dataset, arguments.root, image_encoder=arguments.image_encoder
    )
    result = {"dataset": arguments.dataset, **describe_machine()}
    for name in arguments.encoders:
        config = dse.TrainingConfig(name, steps=arguments.steps)
        rounds = [steps_per_second(data, config) for _ in range(arguments.rounds)]
        result[name] = {
            "steps_per_second": round(statistics.median(ours for ours, _, _ in rounds), 2),
            "to_bare": round(statistics.median(ours / bare for ours, bare, _ in rounds), 3),
            "to_bare_and_rmsprop": round(
                statistics.median(ours / optimised for ours, _, optimised in rounds), 3
            ),
        }
        print(json.dumps({name: result[name]}), flush=True)
    result["validations_and_checkpoints"] = share_of_validations_and_checkpoints(
        data, arguments.encoders[-1], arguments.watched
    )
    result["peak_gigabytes"] = round(peak_memory(arguments), 2)
    print(json.dumps(result, indent=1))


def steps_per_second(data: dse.DescribedImages, config: dse.TrainingConfig):
    """Of `train`; of the network it trained on minibatches that lie ready; of that with RMSprop."""
    times = []
    run = dse.train(
        data, config, progress=False, callback=lambda *_: times.append(time.monotonic())
    )

    classes = data.subset(config.split)
    inputs = encoder_inputs(run.encoder, classes)
    sampler = MinibatchSampler(classes, config.batch_size, config.captions_per_image)
    generator = torch.Generator().manual_seed(config.seed)
    batches = [sampler.draw(generator) for _ in range(config.steps)]
    ready = [(classes.features[b.images, b.views], inputs[b.captions]) for b in batches]
    run.encoder.train()
    bare = bare_times(run.encoder, ready, config, lambda: None)
    use_dense_gradients(run.encoder)  # torch.optim.RMSprop takes no others
    optimizer = torch.optim.RMSprop(run.encoder.parameters(), config.learning_rate)
    optimised = bare_times(run.encoder, ready, config, optimizer.step)
    return [(len(each) - 1) / (each[-1] - each[0]) for each in (times, bare, optimised)]


def bare_times(encoder, ready, config: dse.TrainingConfig, step) -> list[float]:
    times = []
    for images, texts in ready:
        encoder.zero_grad()
        joint_embedding_loss(images, encoder(texts), objective=config.objective).backward()
        step()
        times.append(time.monotonic())
    return times


def share_of_validations_and_checkpoints(data: dse.DescribedImages, name: str, steps: int) -> float:
    """The share of a run's time that goes into both, each after every 500 steps."""
    spent = []

    def timed(function):
        def measured(*arguments, **options):
            started = time.monotonic()
            result = function(*arguments, **options)
            spent.append(time.monotonic() - started)
            return result

        return measured

    originals = dse.training.loop.evaluate, dse.training.loop.save_checkpoint
    dse.training.loop.evaluate, dse.training.loop.save_checkpoint = map(timed, originals)
    config = dse.TrainingConfig(name, steps=steps, split="train", validate_every=500)
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        dse.train(data, config, Path(folder) / "run", progress=False)
        total = time.monotonic() - started
    dse.training.loop.evaluate, dse.training.loop.save_checkpoint = originals
    return round(sum(spent) / total, 3)


def peak_memory(arguments: argparse.Namespace) -> float:
    """Gigabytes that the larger of `dse train` and `dse evaluate` holds at its peak."""
    command = [sys.executable, "-m", "dse"]
    root = ["--root", arguments.root] if arguments.root else []
    if arguments.image_encoder:
        root += ["--image-encoder", arguments.image_encoder]
    with tempfile.TemporaryDirectory() as folder:
        options = ["--text-encoder", arguments.encoders[-1], "--steps", "50", "--out", folder]
        quiet = {"check": True, "stdout": subprocess.DEVNULL}
        subprocess.run([*command, "train", arguments.dataset, *root, *options], **quiet)
        subprocess.run([*command, "evaluate", folder, "--split", "test"], **quiet)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e6)


if __name__ == "__main__":
    main()
