"""What the commands do, once `dse.cli` has parsed their arguments."""

import json
import statistics
from argparse import Namespace
from dataclasses import fields
from pathlib import Path

import numpy as np

import dse
from dse.datasets import DATASETS
from dse.datasets.download import download_dataset
from dse.datasets.fieldguide import confusable_pairs
from dse.datasets.verification import verify_images
from dse.reproduction import choose_cells, run_cells, write_summary
from dse.runs import refuse_used_folder
from dse.text.tokens import unknown_words, words
from dse.training.devices import is_first_process, refuse_uneven_shares, start_devices
from dse.training.loop import refuse_unless_free
from dse.utils.devices import pick_device
from dse.utils.errors import InputError
from dse.utils.files import written_whole


def describe_data(options: Namespace) -> None:
    data = dse.read_dataset(options.name, options.root)
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
    placed = download_dataset(options.name, options.root)
    for path in placed:
        print(f"{path}: in place")
    if not placed:
        print(f"{options.name} is complete: nothing to download")


def extract_features(options: Namespace) -> None:
    data = _load(options, device=options.device)
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


def _load(options: Namespace, **more) -> dse.DescribedImages:
    return dse.load_dataset(
        options.name,
        options.root,
        image_encoder=options.image_encoder,
        views=options.views,
        float16=options.float16,
        precision=options.feature_precision,
        **more,
    )


def train(options: Namespace) -> None:
    names = [field.name for field in fields(dse.TrainingConfig)]
    config = dse.TrainingConfig(**{name: getattr(options, name) for name in names})
    refuse_unless_free(options.out, options.resume)
    refuse_uneven_shares(config.batch_size, max(1, options.devices * options.nodes))
    # Processes start first: one of them then prepares the data, and the others wait.
    fabric = start_devices(options.devices, options.nodes, config.precision, options.device)
    with fabric.rank_zero_first():
        data = _load(options, device=fabric.device, progress=fabric.is_global_zero)
    run = dse.train(
        data, config, options.out, options.resume, fabric=fabric, tensorboard=options.tensorboard
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
            f"val: best top-1 {100 * best.top1:.1f} % and precision at 50 {100 * best.ap50:.1f} % "
            f"after {run.best_step} steps ({options.out / 'best'}); now train on both: --split "
            f"trainval --steps {run.best_step}"
        )


def evaluate(options: Namespace) -> None:
    device = pick_device(options.device)
    run = dse.Run.load(options.run, device)
    data = dse.load_dataset(
        run.dataset["name"],
        options.root or run.dataset["root"],
        image_encoder=run.dataset["image_encoder"],
        float16=run.dataset["float16"],
        precision=run.dataset.get("feature_precision", "32-true"),
        device=device,
    )
    _refuse_other_data(options.run, run, data)
    metrics = dse.evaluate(run, data, options.split)
    figures = metrics.to_dict()
    chance = 100 / figures["classes"]
    print(f"{options.split}: {figures['classes']} classes, {figures['images']} images")
    print(f"top-1            {100 * metrics.top1:5.1f} %  (chance level {chance:.1f} %)")
    print(f"top-1 per class  {100 * metrics.top1_per_class:5.1f} %")
    print(f"precision at 50  {100 * metrics.ap50:5.1f} %")
    pairs = confusable_pairs(metrics.class_names)
    if len(pairs):
        accuracy = dse.pair_accuracy(metrics.scores, metrics.labels, pairs).mean()
        figures["pair_accuracy"] = float(accuracy)
        print(f"confusable pairs {100 * figures['pair_accuracy']:5.1f} %  (chance level 50 %)")
    vocabulary = getattr(getattr(run.encoder, "tokenizer", None), "vocabulary", None)
    if vocabulary is not None:
        captions = data.subset(options.split).all_captions
        unknown = unknown_words(captions, vocabulary)
        figures["unknown_words"] = unknown.total() / max(1, sum(len(words(c)) for c in captions))
        often = ", ".join(word for word, _ in unknown.most_common(5)) or "none"
        print(f"unknown words    {100 * figures['unknown_words']:5.1f} %  (most often: {often})")
    _write_json(figures, options.json)


def _refuse_other_data(folder: Path, run: dse.Run, data: dse.DescribedImages) -> None:
    """Raise an `InputError` if captions, classes or splits are not those of the run's training.

    Features are left out: another device or processor gives others in their last digits.
    """
    there, here = run.dataset, data.describe()
    if there.get("content") in (None, here["content"]):  # imported weights have none
        return
    counts = [
        f"{there[what]:,} {what} then, {here[what]:,} now"
        for what in ("classes", "images", "captions")
        if there[what] != here[what]
    ]
    raise InputError(
        f"{data.name} differs from the data that {folder} was trained on "
        f"({'; '.join(counts) or 'as many images and captions, but others'}): name the same data "
        "with --root, or train again"
    )


def embed(options: Namespace) -> None:
    run = dse.Run.load(options.run, pick_device(options.device))
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
    if options.name not in DATASETS:
        raise InputError(f"unknown data set {options.name!r}: choose one of {', '.join(DATASETS)}")
    parts = [name for name in options.only if name != "summary"]
    folder = options.out / options.name
    if parts or not options.only:
        length = "full" if options.full else options.steps
        cells = choose_cells(parts, options.seeds, length)
        data = _load(options, device=options.device)
        states = run_cells(data, cells, folder, options.parallel, options.device)
        failed = states.name[states.state == "failed"].tolist()
        if failed:
            raise InputError(
                f"{len(failed)} of {len(states)} runs failed ({', '.join(failed)}); the others are "
                f"in {folder}"
            )
        print(f"{folder}: {len(states)} runs")
    if "summary" in options.only or not options.only:
        write_summary(folder)
        print(f"{folder / 'summary.md'}: written")


def import_weights(options: Namespace) -> None:
    refuse_used_folder(options.out)
    run = dse.import_weights(options.file)
    run.save(options.out)
    print(f"{options.out}: {run.config.text_encoder}")


def _write_json(figures: dict, path: Path | None) -> None:
    if path is not None:
        with written_whole(path) as partial:
            partial.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
