"""One's own images by description, and descriptions by image: `dse search`, `dse describe`."""

import logging
import re
from argparse import Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image

import dse
from dse.commands.figures import refuse_no_place, write_json
from dse.images.encoders import ImageEncoder
from dse.images.features import extract_features
from dse.images.image_folder import ImageFolder, read_image_folder
from dse.images.views import IMAGE_SUFFIXES, read_image
from dse.search.pages import Tile, collapsed_list, notes, page, paragraph, sheet, thumbnail
from dse.search.ranking import (
    Match,
    image_encoder_of,
    rank_descriptions,
    reading_notes,
    refuse_empty,
    search_images,
)
from dse.utils.devices import pick_device
from dse.utils.errors import InputError, printable
from dse.utils.files import read_lines, written_whole

logger = logging.getLogger(__name__)

FILES = (*IMAGE_SUFFIXES, ".gif", ".htm", ".html", ".pdf", ".svg")
"""Endings by which `--out` is taken for a file and not for a folder."""


def search(options: Namespace) -> None:
    description = options.description.strip()
    refuse_empty(description)
    files = output_files(options, _file_name(description), (".html", ".png"))
    run, encoder = load_run(options)
    told = reading_notes(run, description)
    images = read_image_folder(options.images, encoder, device=run.device)
    matches = search_images(run, description, images, options.top)

    summary = f"the best {len(matches)} of {counted(images)}"
    print(summary)
    for rank, match in enumerate(matches, start=1):
        print(f"{rank:4} {match.score:10.3f}  {images.name(match.item)}")
    log_notes(told)
    pictures = [thumbnail(read_image(match.item)) for match in matches]
    for kind, file in files.items():
        with written_whole(file) as partial:
            if kind == ".png":
                from dse.search.plots import contact_sheet, save_png  # slow to import

                titles = [_title(rank, match, images) for rank, match in enumerate(matches, 1)]
                save_png(contact_sheet(pictures, titles, printable(description)), partial)
            else:
                by = f"{summary}, by {run.config.text_encoder}"
                tiles = _tiles(pictures, matches, images)
                parts = [paragraph(by), notes(told), sheet(tiles), skipped_list(images)]
                partial.write_text(page(description, parts), encoding="utf-8")
    print_written(files)
    figures = {
        "run": str(options.run),
        "description": description,
        "notes": told,
        **describe_images(images, encoder),
        "results": [
            {"rank": rank, "image": str(match.item), "score": match.score}
            for rank, match in enumerate(matches, start=1)
        ],
    }
    write_json(figures, options.json)


def describe(options: Namespace) -> None:
    lines = [line.strip() for line in read_lines(options.captions)]
    descriptions = [line for line in lines if line]
    if not descriptions:
        raise InputError(f"{options.captions} holds no description: write one a line")
    run, encoder = load_run(options)
    feature = extract_features([options.image], encoder.to(run.device))[0, 0]
    matches = rank_descriptions(run, feature, descriptions, options.top)

    print(f"the best {len(matches)} of {len(descriptions)} descriptions")
    for rank, match in enumerate(matches, start=1):
        print(f"{rank:4} {match.score:10.3f}  {printable(match.item)}")
    told = [
        f"{match.item[:40]!r}: {note}"
        for match in matches
        for note in reading_notes(run, match.item)
    ]
    log_notes(told)
    figures = {
        "run": str(options.run),
        "image": str(options.image),
        "image_encoder": encoder.name,
        "descriptions": len(descriptions),
        "notes": told,
        "results": [
            {"rank": rank, "description": match.item, "score": match.score}
            for rank, match in enumerate(matches, start=1)
        ],
    }
    write_json(figures, options.json)


def load_run(options: Namespace) -> tuple[dse.Run, ImageEncoder]:
    """A run that reads captions, and the image encoder that goes with it."""
    run = dse.Run.load(options.run, pick_device(options.device))
    run.encode([])  # a run that reads no captions says so now, and not after minutes of extraction
    return run, image_encoder_of(run, options.image_encoder)


def output_files(options: Namespace, name: str, kinds: Sequence[str]) -> dict[str, Path]:
    """What `--out` asks for: one file, or one of each kind in a folder; by suffix.

    Raises:
        InputError: a file of another kind, a place where none can be written, or a picture that
            the next search would find.
    """
    out, suffix = options.out, options.out.suffix.lower()
    files = {suffix: out} if suffix in FILES else {kind: out / f"{name}{kind}" for kind in kinds}
    for kind, file in files.items():
        if kind not in kinds:
            raise InputError(f"{file} is no {' or '.join(kinds)} file: name one, or a folder")
        refuse_no_place(file, "out")
        if kind == ".png" and file.resolve().is_relative_to(options.images.resolve()):
            raise InputError(
                f"{file} would lie among the images, and be found as one: choose another --out"
            )
    return files


def _tiles(
    pictures: Sequence[Image.Image], matches: Sequence[Match], images: ImageFolder
) -> list[Tile]:
    tiles = []
    for rank, (picture, match) in enumerate(zip(pictures, matches, strict=True), start=1):
        name = images.name(match.item)
        below = [f"score {match.score:.3f}"]
        tiles.append(Tile(picture, f"{rank}. {name}", below, alt=f"rank {rank}: {name}"))
    return tiles


def _title(rank: int, match: Match, images: ImageFolder) -> str:
    """What stands above a picture; of a long name the end, which tells it from the others."""
    name = images.name(match.item)
    return f"{rank}. {name if len(name) <= 50 else f'…{name[-49:]}'} ({match.score:.3f})"


def _file_name(description: str) -> str:
    return re.sub("[^a-z0-9]+", "-", description.lower())[:60].strip("-") or "description"


def counted(images: ImageFolder) -> str:
    """`12 images under photos (1 skipped)`"""
    plural = "" if len(images) == 1 else "s"
    skipped = f" ({len(images.skipped)} skipped)" if images.skipped else ""
    return f"{len(images):,} image{plural} under {printable(images.folder)}{skipped}"


def skipped_list(images: ImageFolder) -> str:
    """What could not be read, as HTML."""
    plural = "" if len(images.skipped) == 1 else "s"
    faults = list(images.skipped.values())
    return collapsed_list(f"{len(faults)} file{plural} skipped", faults)


def describe_images(images: ImageFolder, encoder: ImageEncoder) -> dict:
    """What was searched, for JSON."""
    return {
        "folder": str(images.folder),
        "image_encoder": encoder.name,
        "images": len(images),
        "skipped": [{"image": str(path), "why": why} for path, why in images.skipped.items()],
    }


def log_notes(told: Iterable[str]) -> None:
    for note in told:
        logger.warning("note: %s", printable(note))


def print_written(files: dict[str, Path]) -> None:
    for file in files.values():
        print(f"{file}: written")
