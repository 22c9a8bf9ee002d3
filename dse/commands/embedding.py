"""Captions as vectors: `dse embed`."""

import hashlib
import json
from argparse import Namespace
from collections.abc import Iterable, Iterator
from itertools import islice

import dse
from dse.commands.figures import refuse_no_place, write_json
from dse.datasets.captions import CaptionLines, CaptionTree
from dse.text.coverage import Coverage, coverage_of
from dse.utils.devices import pick_device
from dse.utils.errors import InputError
from dse.utils.files import written_whole
from dse.utils.progress import progress_bar
from dse.utils.rows import refuse_unknown_ending, row_file_header

BLOCK = 4096
"""Captions in memory at a time."""


def embed(options: Namespace) -> None:
    refuse_unknown_ending(options.out)
    refuse_no_place(options.out, "out")
    is_tree = options.captions.is_dir()
    names_file = None
    if is_tree and options.out.suffix == ".npy":  # it has no place for the images' names
        names_file = options.out.with_suffix(".images.json")
        refuse_no_place(names_file, "out")
        if options.json is not None and options.json.resolve() == names_file.resolve():
            raise InputError(f"{options.json} gets the images' names: give --json another name")
    captions = CaptionTree(options.captions) if is_tree else CaptionLines(options.captions)
    run = dse.Run.load(options.run, pick_device(options.device))
    dim = run.encode([]).shape[1]
    coverage = coverage_of(run.encoder.tokenizer)
    total, digest = _survey(captions, coverage)

    metadata = {
        "captions_sha256": digest,
        "text_encoder": run.config.text_encoder,
        "run_fingerprint": run.fingerprint(),
    }
    if is_tree:
        metadata["images"] = json.dumps(captions.images, ensure_ascii=False)
    shape = (len(captions.images), captions.per_image, dim) if is_tree else (total, dim)
    with written_whole(options.out) as partial, partial.open("wb") as file:
        file.write(row_file_header(options.out, shape, metadata))
        for rows in _embedded(run, captions, total, digest):
            file.write(rows)
    if names_file is not None:
        write_json(captions.images, names_file)

    figures = {"shape": shape, **metadata, "read": None if coverage is None else coverage.to_dict()}
    if is_tree:
        print(f"{options.out}: {shape[0]} images, {shape[1]} rows of {shape[2]} for each")
        figures |= {"images": shape[0], "fewer": captions.fewer, "more": captions.more}
    else:
        print(f"{options.out}: {shape[0]} rows of {shape[1]}")
    if coverage is not None:
        print(coverage)
    if is_tree and (captions.fewer or captions.more):
        print(
            f"note: {captions.fewer} images have fewer than {captions.per_image} captions: theirs "
            f"are repeated; {captions.more} have more: the first {captions.per_image} are taken"
        )
    write_json(figures, options.json)


def _survey(captions: Iterable[str], coverage: Coverage | None) -> tuple[int, str]:
    """How many captions there are, and their hash; they are counted in `coverage`, too."""
    digest, total = hashlib.sha256(), 0
    for caption in captions:
        total += 1
        digest.update(f"{caption}\n".encode())
        if coverage is not None:
            coverage.add(caption)
    return total, digest.hexdigest()


def _embedded(run: dse.Run, captions: Iterable[str], total: int, expected: str) -> Iterator[bytes]:
    """The rows of all captions, a block at a time; at the end their hash must be as expected."""
    digest, left = hashlib.sha256(), iter(captions)
    with progress_bar(total=total, desc="encoding", unit="caption") as bar:
        while block := list(islice(left, BLOCK)):
            digest.update("".join(f"{caption}\n" for caption in block).encode())
            yield run.encode(block).numpy().tobytes()
            bar.update(len(block))
    if digest.hexdigest() != expected:
        raise InputError("the captions changed while they were embedded: embed them again")
