"""Why this score? `dse explain`."""

import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import torch

import dse
from dse.commands.figures import write_json
from dse.explanation.page import AFTER, numbers, table, total, write_html
from dse.images.features import extract_features
from dse.utils.devices import pick_device
from dse.utils.errors import InputError


def explain(options: Namespace) -> None:
    write = None if options.out is None else _writer(options.out)
    run = dse.Run.load(options.run, pick_device(options.device))
    feature = _feature(run, options.run, options.image)
    explanation = dse.explain(run, options.caption, feature, image=options.image)
    print(f"evidence  characters  text ({explanation.text_encoder}, {explanation.method})")
    for number, term in zip(numbers(explanation), table(explanation), strict=True):
        after = term.start == term.end
        place, text = ("", AFTER) if after else (f"{term.start}-{term.end}", term.text)
        print(f"{number:>8}  {place:>10}  {_printable(text)}")
    print(total(explanation))
    print(f"the sum differs from the score by {abs(explanation.difference):.1e}")
    write_json(explanation.to_dict(), options.json)
    if write is not None:
        write(explanation, options.out)
        print(f"{options.out}: written")


def _writer(path: Path) -> Callable[[dse.Explanation, Path], None]:
    if path.suffix.lower() == ".html":
        return write_html
    if path.suffix.lower() == ".png":
        from dse.explanation.plots import write_png  # takes a second to import

        return write_png
    raise InputError(f"{path} is neither .png nor .html: give --out another name")


def _feature(run: dse.Run, folder: Path, image: Path) -> torch.Tensor:
    """The feature of one image file, from the image encoder that the run was trained with."""
    name = run.dataset.get("image_encoder")
    if name in (None, "release"):
        raise InputError(
            f"{folder} was trained on features without their network ({name}): no image can be "
            "encoded for it; in Python, dse.explain takes a feature"
        )
    precision = run.dataset.get("feature_precision", "32-true")
    encoder = dse.load_image_encoder(name, run.device, precision)
    return extract_features([image], encoder)[0, 0]


def _printable(text: str) -> str:
    """A text in one line, with a ? for what the terminal cannot show."""
    line = "".join(symbol if symbol.isprintable() else " " for symbol in text)
    encoding = sys.stdout.encoding or "utf-8"
    return line.encode(encoding, "replace").decode(encoding)
