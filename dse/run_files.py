"""The files of a run: what must stand in them, and how damage is noticed.

A run's folder holds `config.json` (configuration, data set, vocabulary, versions),
`model.safetensors`, `history.csv` and `validation.jsonl`; and `SHA256SUMS`, a checksum of each, as
`sha256sum --check` reads it. Runs of earlier versions have no checksums.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
from pydantic import ConfigDict, Field
from safetensors import SafetensorError
from safetensors.torch import load_file

from dse.utils.errors import InputError, first_line
from dse.utils.files import read_bytes, refuse_no_file
from dse.utils.records import Strict, check, parse_json, read_json

RUN_FORMAT = 4
ABOUT, WEIGHTS = "config.json", "model.safetensors"
HISTORY, VALIDATION = "history.csv", "validation.jsonl"
CHECKSUMS = "SHA256SUMS"
HISTORY_COLUMNS = ["loss", "batch_accuracy", "learning_rate"]
VALIDATION_COLUMNS = ["step", "top1", "ap50"]
REMEDY = "restore it from a copy, or make the run again"
LARGEST_TEXT = 1 << 28
LARGEST_FILE = 2 << 30
"""Bytes; the largest text encoder has a twentieth of it."""

Share = Annotated[float, Field(ge=0, le=1)]


class Data(Strict):
    """What a run remembers of its data; imported weights know little of theirs."""

    model_config = ConfigDict(extra="allow")
    name: str | None = None
    root: str | None = None
    image_encoder: str | None = None
    feature_precision: str = ""
    views: int | None = None
    float16: bool = False
    fingerprint: str = ""
    content: str = ""
    classes: int = 0
    images: int = 0
    captions: int = 0


class About(Strict):
    """`config.json`."""

    format: Annotated[int, Field(ge=1, le=RUN_FORMAT)]
    config: dict[str, Any]
    dataset: Data
    embedding_dim: Annotated[int, Field(ge=1, le=100_000)]
    vocabulary: list[str] | None
    bigrams: list[str] | None = None
    versions: dict[str, str]


class ValidationRow(Strict):
    """A line of `validation.jsonl`."""

    step: Annotated[int, Field(ge=1)]
    top1: Share
    ap50: Share


def read_about(folder: Path, remedy: str) -> dict[str, Any]:
    """`config.json`, once the checksums of all files are right.

    Raises:
        InputError: as for all readers here: a missing or damaged file, named; `remedy` is what to
            do about it. Or a run of a newer format.
    """
    path = folder / ABOUT
    about = read_json(path, dict[str, Any], remedy)
    if isinstance(about.get("format"), int) and about["format"] > RUN_FORMAT:
        raise InputError(f"{path} has format {about['format']}: update dse to read it")
    refuse_changed(folder, (ABOUT, WEIGHTS, HISTORY, VALIDATION), remedy)
    check(about, About, path, remedy)
    return about


def read_history(folder: Path, remedy: str) -> pd.DataFrame:
    """`history.csv`, float32, a row a step."""
    path = folder / HISTORY
    try:
        header, *lines = read_bytes(path, remedy, LARGEST_TEXT).decode("ascii").splitlines() or [""]
        rows = torch.tensor([[float(x) for x in line.split(",")] for line in lines])
        rows = rows.view(-1, len(HISTORY_COLUMNS))
        if header != ",".join(HISTORY_COLUMNS) or not rows.isfinite().all():
            raise ValueError("other columns, or no numbers")
    except (ValueError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is damaged ({first_line(error)}): {remedy}") from None
    return pd.DataFrame(rows.numpy(), columns=HISTORY_COLUMNS)


def read_validation(folder: Path, remedy: str) -> pd.DataFrame:
    """`validation.jsonl`, a row a validation."""
    path = folder / VALIDATION
    lines = read_bytes(path, remedy, LARGEST_TEXT).splitlines()
    rows = [
        parse_json(line, ValidationRow, f"{path}, line {number},", remedy)
        for number, line in enumerate(lines, start=1)
    ]
    return pd.DataFrame(rows, columns=VALIDATION_COLUMNS)


def read_tensors(path: Path, remedy: str) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file by name, on the CPU: real and finite."""
    refuse_no_file(path, remedy, LARGEST_FILE)
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} is damaged ({first_line(error)}): {remedy}") from None
    for name, value in tensors.items():
        if value.is_complex() or not value.isfinite().all():
            raise InputError(f"{path} is damaged (not all of {name} are numbers): {remedy}")
    return tensors


def write_checksums(folder: Path) -> None:
    """Write the checksums of all files of a folder into it."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != CHECKSUMS)
    lines = [f"{_sha256(path)}  {path.name}\n" for path in files]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def drop_checksum(folder: Path, name: str) -> None:
    """Take a file that was left out of a copy from the list of the others, which stays as it was.

    They are not counted again: damage that has been done already would be hidden.
    """
    path = folder / CHECKSUMS
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not line.endswith(f"  {name}\n")]
        path.write_text("".join(kept), encoding="utf-8")


def refuse_changed(folder: Path, names: tuple[str, ...], remedy: str) -> None:
    """Raise an `InputError` if one of the files is not the one that was written."""
    path = folder / CHECKSUMS
    if not (path.exists() or path.is_symlink()):
        return
    expected = read_bytes(path, remedy, LARGEST_TEXT).splitlines()
    for name in names:
        refuse_no_file(folder / name, remedy, LARGEST_FILE)
        if f"{_sha256(folder / name)}  {name}".encode() not in expected:
            raise InputError(f"{folder / name} is damaged ({CHECKSUMS} has another sum): {remedy}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
