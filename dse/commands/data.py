"""Data sets: `dse data`, `dse download`, `dse features`."""

import statistics
from argparse import Namespace

import dse
from dse.commands.figures import write_json
from dse.datasets import add_features
from dse.datasets.download import download_dataset
from dse.datasets.verification import verify_images


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
    write_json(figures, options.json)


def download(options: Namespace) -> None:
    placed = download_dataset(options.name, options.root)
    for path in placed:
        print(f"{path}: in place")
    if not placed:
        print(f"{options.name} is complete: nothing to download")


def extract_features(options: Namespace) -> None:
    data = dse.read_dataset(options.name, options.root)
    data = with_features(data, options, device=options.device)
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
    write_json(figures, options.json)


def with_features(data: dse.DescribedImages, options: Namespace, **more) -> dse.DescribedImages:
    return add_features(
        data,
        image_encoder=options.image_encoder,
        views=options.views,
        float16=options.float16,
        precision=options.feature_precision,
        **more,
    )
