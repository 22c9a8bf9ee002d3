"""The command line: `dse COMMAND`, the same as `python -m dse COMMAND`."""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dse.errors import InputError
from dse.files import written_whole

if TYPE_CHECKING:
    from dse.datasets.described_images import DescribedImages

EXIT_WRONG_INPUT = 2
EXIT_INTERRUPTED = 130


class _OneLineParser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line that says where help is."""

    def error(self, message: str) -> None:
        print(f"dse: {message}; see {self.prog} --help", file=sys.stderr)
        sys.exit(EXIT_WRONG_INPUT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, or 2 after one line about what is wrong.

    `dse data` prints a line for everything that is wrong with the data set.
    """
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except InputError as error:
        lines = error.problems if options.command is _describe_data else [error]
        for line in lines:
            print(f"dse: {line}", file=sys.stderr)
        return EXIT_WRONG_INPUT
    except KeyboardInterrupt:
        print("dse: interrupted; nothing half-written is taken for whole", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(
        prog="dse",
        description="Recognise and retrieve unseen species from plain descriptions.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_OneLineParser)

    data = commands.add_parser("data", help="describe and verify a data set")
    _add_dataset(data)
    _add_json(data)
    data.set_defaults(command=_describe_data)

    download = commands.add_parser("download", help="fetch the public archives of a data set")
    download.add_argument("name", metavar="NAME", help="cub or flowers")
    download.add_argument("--root", metavar="DIR", help="the folder to put them into ($DSE_ROOT)")
    download.set_defaults(command=_download)

    features = commands.add_parser("features", help="extract and cache image features")
    _add_dataset(features)
    _add_features(features)
    _add_json(features)
    features.set_defaults(command=_extract_features)

    train = commands.add_parser("train", help="train a text encoder")
    _add_dataset(train)
    _add_features(train)
    train.add_argument("--text-encoder", required=True, metavar="NAME")
    train.add_argument("--objective", default="ds", help="ds (symmetric, default) or da")
    train.add_argument("--steps", type=int, default=30_000, help="minibatches (default 30000)")
    train.add_argument(
        "--batch-size", type=int, default=40, help="matching pairs a minibatch (default 40)"
    )
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--split", default="trainval", help="classes to train on (default trainval)")
    train.add_argument("--out", required=True, type=Path, metavar="RUN", help="a new folder")
    train.set_defaults(command=_train)

    evaluate = commands.add_parser("evaluate", help="measure a run on unseen classes")
    evaluate.add_argument("run", type=Path, metavar="RUN", help="a folder that dse train made")
    evaluate.add_argument("--root", metavar="DIR", help="if the data have moved since training")
    evaluate.add_argument("--split", default="test", help="classes to choose from (default test)")
    _add_json(evaluate)
    evaluate.set_defaults(command=_evaluate)

    embed = commands.add_parser("embed", help="captions in, one embedding each out")
    embed.add_argument("run", type=Path, metavar="RUN", help="a folder that dse train made")
    embed.add_argument("captions", type=Path, metavar="FILE", help="one caption a line")
    embed.add_argument("--out", required=True, type=Path, metavar="FILE.npy")
    embed.set_defaults(command=_embed)

    weights = commands.add_parser("import-weights", help="make a run of published weights")
    weights.add_argument("file", type=Path, metavar="FILE", help="the authors' .t7, a port's .pth")
    weights.add_argument("--out", required=True, type=Path, metavar="RUN", help="a new folder")
    weights.set_defaults(command=_import_weights)
    return parser


def _add_dataset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="fieldguide, cub, flowers, release or folder")
    parser.add_argument(
        "--root", metavar="DIR", help="the folder that holds the data ($DSE_ROOT); none: fieldguide"
    )


def _add_features(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--image-encoder",
        metavar="NAME",
        help="googlenet, efficientnet-lite0, torchvision/MODEL, timm/MODEL or fieldguide",
    )
    parser.add_argument(
        "--views", type=int, default=1, help="1, the whole picture (default), or 10 crops"
    )
    parser.add_argument(
        "--float16", action="store_true", help="keep the features in half the memory"
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")


def _describe_data(options: argparse.Namespace) -> None:
    from dse.datasets import read_dataset
    from dse.datasets.verification import verify_pictures

    data = read_dataset(options.name, options.root)
    notes = [*data.notes, *verify_pictures(data)]
    captions = [len(own) for own in data.captions]
    figures = {
        "name": data.name,
        "classes": len(data.class_names),
        "images": len(data.labels),
        "captions": sum(captions),
        "captions_per_image": [min(captions), statistics.median(captions), max(captions)],
        "attributes": None if data.class_attributes is None else data.class_attributes.shape[1],
        "splits": {},
        "notes": notes,
    }
    for split in ("train", "val", "trainval", "test"):
        part = data.subset(split)
        figures["splits"][split] = {
            "classes": len(part.class_names),
            "images": len(part.labels),
            "captions": sum(len(own) for own in part.captions),
        }
    print(f"{'split':10}{'classes':>9}{'images':>9}{'captions':>10}")
    for split, counts in [*figures["splits"].items(), ("all", figures)]:
        print(f"{split:10}{counts['classes']:9}{counts['images']:9}{counts['captions']:10}")
    low, median, high = figures["captions_per_image"]
    print(f"captions per image: {low} to {high}, median {median:g}")
    print(f"class attributes: {figures['attributes'] or 'none'}")
    for note in notes:
        print(f"note: {note}")
    _write_json(figures, options.json)


def _download(options: argparse.Namespace) -> None:
    from dse.datasets.download import download_dataset

    placed = download_dataset(options.name, options.root)
    for path in placed:
        print(f"{path}: in place")
    if not placed:
        print(f"{options.name} is complete: nothing to download")


def _load(options: argparse.Namespace) -> "DescribedImages":
    from dse.datasets import load_dataset

    return load_dataset(
        options.name,
        options.root,
        image_encoder=options.image_encoder,
        views=options.views,
        float16=options.float16,
    )


def _extract_features(options: argparse.Namespace) -> None:
    data = _load(options)
    images, views, dim = data.features.shape
    dtype = str(data.features.dtype).removeprefix("torch.")
    plural = "s" if views > 1 else ""
    print(f"{data.image_encoder}: {images} images, {views} view{plural}, {dim} features, {dtype}")
    figures = {
        "image_encoder": data.image_encoder,
        "images": images,
        "views": views,
        "dim": dim,
        "dtype": dtype,
    }
    _write_json(figures, options.json)


def _train(options: argparse.Namespace) -> None:
    from dse.training import TrainingConfig, refuse_used_folder, train

    config = TrainingConfig(
        options.text_encoder,
        objective=options.objective,
        steps=options.steps,
        batch_size=options.batch_size,
        seed=options.seed,
        split=options.split,
    )
    refuse_used_folder(options.out)
    run = train(_load(options), config, out=options.out)
    recent = run.history.tail(100)
    print(
        f"{options.out}: {config.text_encoder}, {config.steps} steps; over the last {len(recent)}: "
        f"loss {recent.loss.mean():.3f}, accuracy in the batch {recent.batch_accuracy.mean():.2f}"
    )


def _evaluate(options: argparse.Namespace) -> None:
    from dse.datasets import load_dataset
    from dse.datasets.fieldguide import confusable_pairs
    from dse.evaluation import evaluate, pair_accuracy
    from dse.text import WORD_ENCODERS
    from dse.text.tokens import unknown_words, words
    from dse.training import Run

    run = Run.load(options.run)
    data = load_dataset(
        run.dataset["name"],
        options.root or run.dataset["root"],
        image_encoder=run.dataset["image_encoder"],
        float16=run.dataset["float16"],
    )
    metrics = evaluate(run, data, options.split)
    figures = metrics.to_dict()
    chance = 100 / figures["classes"]
    print(f"{options.split}: {figures['classes']} classes, {figures['images']} images")
    print(f"top-1            {100 * metrics.top1:5.1f} %  (a guess: {chance:.1f} %)")
    print(f"top-1 per class  {100 * metrics.top1_per_class:5.1f} %")
    print(f"precision at 50  {100 * metrics.ap50:5.1f} %")
    pairs = confusable_pairs(metrics.class_names)
    if len(pairs):
        accuracy = pair_accuracy(metrics.scores, metrics.labels, pairs).mean()
        figures["pair_accuracy"] = float(accuracy)
        print(f"confusable pairs {100 * figures['pair_accuracy']:5.1f} %  (a guess: 50 %)")
    if run.config.text_encoder in WORD_ENCODERS:
        captions = [caption for own in data.subset(options.split).captions for caption in own]
        unknown = unknown_words(captions, run.encoder.tokenizer.vocabulary)
        figures["unknown_words"] = unknown.total() / max(1, sum(len(words(c)) for c in captions))
        often = ", ".join(word for word, _ in unknown.most_common(5)) or "none"
        print(f"unknown words    {100 * figures['unknown_words']:5.1f} %  (most often: {often})")
    _write_json(figures, options.json)


def _embed(options: argparse.Namespace) -> None:
    import numpy as np

    from dse.training import Run

    run = Run.load(options.run)
    try:
        lines = options.captions.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise InputError(f"{options.captions} cannot be read ({error.strerror})") from None
    embeddings = run.encode(lines, progress=True).numpy()

    def write(partial: Path) -> None:
        with partial.open("wb") as file:  # given a name, numpy would add a suffix to it
            np.save(file, embeddings)

    _write_whole(options.out, write)
    print(f"{options.out}: {len(embeddings)} rows of {embeddings.shape[1]}")


def _import_weights(options: argparse.Namespace) -> None:
    from dse.training import refuse_used_folder
    from dse.weights import import_weights

    refuse_used_folder(options.out)
    run = import_weights(options.file)
    run.save(options.out)
    print(f"{options.out}: {run.config.text_encoder}")


def _write_json(figures: dict, path: Path | None) -> None:
    if path is not None:
        _write_whole(path, lambda partial: partial.write_text(json.dumps(figures, indent=1) + "\n"))


def _write_whole(path: Path, write: Callable[[Path], object]) -> None:
    try:
        with written_whole(path) as partial:
            write(partial)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): choose another") from error
