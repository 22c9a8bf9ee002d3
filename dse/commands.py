"""What the commands do, once `dse.cli` has parsed their arguments.

Heavy modules are imported where they are needed, so that `dse --help` answers at once.
"""

import json
import statistics
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from dse.utils.errors import InputError
from dse.utils.files import written_whole

if TYPE_CHECKING:
    from dse.datasets.described_images import DescribedImages


def describe_data(options: Namespace) -> None:
    from dse.datasets import read_dataset
    from dse.datasets.verification import verify_images

    data = read_dataset(options.name, options.root)
    notes = [*data.notes, *verify_images(data)]
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


def download(options: Namespace) -> None:
    from dse.datasets.download import download_dataset

    placed = download_dataset(options.name, options.root)
    for path in placed:
        print(f"{path}: in place")
    if not placed:
        print(f"{options.name} is complete: nothing to download")


def _load(options: Namespace) -> "DescribedImages":
    from dse.datasets import load_dataset

    return load_dataset(
        options.name,
        options.root,
        image_encoder=options.image_encoder,
        views=options.views,
        float16=options.float16,
    )


def extract_features(options: Namespace) -> None:
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


def train(options: Namespace) -> None:
    from dse.runs import TrainingConfig
    from dse.training.devices import is_first_process
    from dse.training.loop import refuse_unless_free, train

    config = TrainingConfig(
        options.text_encoder,
        objective=options.objective,
        loss=options.loss,
        temperature=options.temperature,
        steps=options.steps,
        batch_size=options.batch_size,
        seed=options.seed,
        split=options.split,
        validate_every=options.validate_every,
        patience=options.patience,
        precision=options.precision,
        learning_rate=options.learning_rate,
    )
    refuse_unless_free(options.out, options.resume)
    run = train(
        _load(options),
        config,
        options.out,
        options.resume,
        devices=options.devices,
        nodes=options.nodes,
        tensorboard=options.tensorboard,
    )
    if not is_first_process():
        return
    recent = run.history.tail(100)
    print(
        f"{options.out}: {config.text_encoder}, {len(run.history)} steps; over the last "
        f"{len(recent)}: loss {recent.loss.mean():.3f}, accuracy in the batch "
        f"{recent.batch_accuracy.mean():.2f}"
    )
    if run.best_step is not None:
        best = run.validation.set_index("step").loc[run.best_step]
        print(
            f"val: top-1 {100 * best.top1:.1f} %, precision at 50 {100 * best.ap50:.1f} % at best, "
            f"after {run.best_step} steps ({options.out / 'best'}); now train on both: --split "
            f"trainval --steps {run.best_step}"
        )


def evaluate(options: Namespace) -> None:
    from dse.datasets import load_dataset
    from dse.datasets.fieldguide import confusable_pairs
    from dse.evaluation import evaluate, pair_accuracy
    from dse.runs import Run
    from dse.text import WORD_ENCODERS
    from dse.text.tokens import unknown_words, words

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


def embed(options: Namespace) -> None:
    import numpy as np

    from dse.runs import Run

    run = Run.load(options.run)
    try:
        text = options.captions.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"{options.captions} cannot be read ({error.strerror})") from None
    lines = text.removesuffix("\n").split("\n") if text else []
    embeddings = run.encode(lines, progress=True).numpy()

    with written_whole(options.out) as partial, partial.open("wb") as file:
        np.save(file, embeddings)  # given a name, numpy would add a suffix to it
    print(f"{options.out}: {len(embeddings)} rows of {embeddings.shape[1]}")


def reproduce(options: Namespace) -> None:
    from dse.datasets import DATASETS
    from dse.reproduction import choose_cells, run_cells, write_summary

    if options.name not in DATASETS:
        raise InputError(f"unknown data set {options.name!r}: choose one of {', '.join(DATASETS)}")
    parts = [name for name in options.only if name != "summary"]
    folder = options.out / options.name
    if parts or not options.only:
        length = "full" if options.full else options.steps
        cells = choose_cells(parts, options.seeds, length)
        states = run_cells(_load(options), cells, folder, options.parallel)
        failed = sum(states.state == "failed")
        if failed:
            raise InputError(f"{failed} of {len(states)} runs failed; the others are in {folder}")
        print(f"{folder}: {len(states)} runs")
    if "summary" in options.only or not options.only:
        write_summary(folder)
        print(f"{folder / 'summary.md'}: written")


def import_weights(options: Namespace) -> None:
    from dse.runs import refuse_used_folder
    from dse.text.published import import_weights

    refuse_used_folder(options.out)
    run = import_weights(options.file)
    run.save(options.out)
    print(f"{options.out}: {run.config.text_encoder}")


def _write_json(figures: dict, path: Path | None) -> None:
    if path is not None:
        with written_whole(path) as partial:
            partial.write_text(json.dumps(figures, indent=1) + "\n")
