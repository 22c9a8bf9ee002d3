"""A trained run as a local web page: `dse demo`."""

import os
import tempfile
from argparse import Namespace
from collections import Counter
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import torch

import dse
from dse.commands.searching import counted, load_run
from dse.datasets import DATASETS
from dse.demo.answers import Demo, Example
from dse.demo.page import build_app
from dse.demo.server import address, listen, serve
from dse.images.encoders import ImageEncoder
from dse.images.image_folder import ImageFolder, read_image_folder
from dse.search.classes import read_classes
from dse.text.tokens import words
from dse.utils.errors import InputError, missing_extra

EXAMPLES = 5
"""Descriptions that stand on the page at first."""


def demo(options: Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="dse-demo-") as uploads:
        # Gradio reads both, the first of them when it is imported.
        os.environ |= {"GRADIO_TEMP_DIR": uploads, "GRADIO_ANALYTICS_ENABLED": "False"}
        try:
            import_module("gradio")
        except ModuleNotFoundError as error:
            raise missing_extra("dse demo", "demo") from error
        classes = {} if options.classes is None else read_classes(options.classes)
        with listen(options.host, options.port) as listener:
            run, encoder = load_run(options)
            images, example = _images(options, run, encoder)
            app = build_app(Demo(run, encoder, images, classes, Path(uploads)), example)
            print(
                f"{counted(images)}\n{address(listener)}: open it in a browser; Ctrl-C ends it",
                flush=True,
            )
            with suppress(KeyboardInterrupt):
                serve(app, listener, Path(uploads))
            print("ended")


def _images(options: Namespace, run: dse.Run, encoder: ImageEncoder) -> tuple[ImageFolder, Example]:
    """The photographs to find, and what stands in the fields at first.

    Without --images they are those of the unseen classes of the run's own data set.
    """
    if options.images is not None:
        return read_image_folder(options.images, encoder, device=run.device), Example()
    name, data = run.dataset.get("name"), None
    if name in DATASETS and name != "release":  # which has features, but no images
        data = dse.load_dataset(
            name,
            options.root or run.dataset.get("root"),
            image_encoder=encoder.name,
            precision=encoder.precision,
            device=run.device,
        ).subset("test")
    if data is None or not data.image_paths:
        raise InputError(
            f"{options.run} was trained on data without images of unseen classes: name photographs "
            "with --images DIR"
        )
    folder = Path(os.path.commonpath(data.image_paths))
    return ImageFolder(folder, data.image_paths, data.whole_images()), _example(data)


def _example(data: dse.DescribedImages) -> Example:
    """An image with a caption of its own, and captions of images far apart in the data set."""
    chosen = torch.linspace(0, len(data) - 1, EXAMPLES).long().unique().tolist()
    counts = Counter(word for caption in data.all_captions for word in words(caption))
    captions = []
    for i in chosen:
        correct = [c for c in data.captions[i] if min(map(counts.get, words(c)), default=0) >= 10]
        by_length = sorted(correct or data.captions[i], key=len)
        captions.append(by_length[len(by_length) // 2])
    middle = len(chosen) // 2
    return Example(captions[middle], data.image_paths[chosen[middle]], tuple(captions))
