"""Zero-shot classification of one's own images among one's own classes."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from dse.evaluation import mean_by_class
from dse.images.image_folder import ImageFolder
from dse.runs import Run
from dse.search.ranking import refuse_other_dimension
from dse.utils.errors import InputError
from dse.utils.files import read_lines

UNKNOWN = -1
"""The label of an image in no folder that is named as a class."""


@dataclass(frozen=True, eq=False, repr=False)
class Classification:
    """The scores of N images with C classes.

    Attributes:
        images: the N images.
        class_names: C names.
        scores: float32 (N, C), inner product of image and class embedding.
        labels: int64 (N,), the class whose name the image's folder has, or `UNKNOWN`.
    """

    images: ImageFolder
    class_names: list[str]
    scores: torch.Tensor
    labels: torch.Tensor

    def __repr__(self) -> str:
        return f"Classification({len(self.images)} images, {len(self.class_names)} classes)"

    @property
    def predicted(self) -> torch.Tensor:
        """The class of the highest score, int64 (N,); of equal scores the first class."""
        return self.scores.argmax(1)

    @property
    def margins(self) -> torch.Tensor:
        """How far the highest score is above the second, float32 (N,)."""
        best = self.scores.topk(2, dim=1).values
        return best[:, 0] - best[:, 1]

    @property
    def labelled(self) -> torch.Tensor:
        """The images whose class is known, int64 indices."""
        return (self.labels != UNKNOWN).nonzero().flatten()


def classify(run: Run, classes: Mapping[str, Sequence[str]], images: ImageFolder) -> Classification:
    """Score images with classes that are known by their descriptions alone.

    A class is represented by the mean embedding of its descriptions (equation 8). An image whose
    folder, or a folder above it, has the name of a class is labelled with that class.

    Args:
        run: a trained text encoder.
        classes: two or more names -> one or more descriptions each.
        images: see `dse.search.read_image_folder`.

    Raises:
        InputError: fewer classes or descriptions, features of another dimension.

    Source: paper, equation 8. Chapter: 6, zero-shot results.
    """
    if len(classes) < 2:
        raise InputError(f"{len(classes)} classes: two or more are needed to choose from")
    for name, descriptions in classes.items():
        if not descriptions:
            raise InputError(f"class {name!r} has no description: write one or more")
    refuse_other_dimension(run, images.features.shape[1], "these images")
    flat = [text for descriptions in classes.values() for text in descriptions]
    counts = torch.tensor([len(descriptions) for descriptions in classes.values()])
    owners = torch.arange(len(classes)).repeat_interleave(counts)
    embeddings = mean_by_class(run.encode(flat, progress=True), owners, len(classes))
    labels = folder_labels(images.folder, images.paths, list(classes))
    return Classification(images, list(classes), images.features @ embeddings.T, labels)


def folder_labels(folder: Path, paths: Sequence[Path], class_names: Sequence[str]) -> torch.Tensor:
    """The class of each image by the nearest folder that has the name of one, int64 (N,).

    Args:
        folder: only folders below it count.
        paths: N images under it.
        class_names: C names.

    Example:
        >>> photos = Path("photos")
        >>> paths = [photos / name for name in ("jay/1.jpg", "jay/old/2.jpg", "3.jpg")]
        >>> folder_labels(photos, paths, ["wren", "jay"]).tolist()
        [1, 1, -1]
    """
    number = {name: c for c, name in enumerate(class_names)}
    above = [path.relative_to(folder).parents for path in paths]
    return torch.tensor(
        [next((number[p.name] for p in own if p.name in number), UNKNOWN) for own in above]
    )


def read_classes(path: Path | str) -> dict[str, list[str]]:
    """Read classes and their descriptions from a file.

    Args:
        path: JSON, `{"wren": ["a small brown bird", "..."], ...}`; or text, one description a line,
            `wren: a small brown bird`, as many lines for a class as you like.

    Returns:
        Class name -> descriptions, in the file's order.

    Raises:
        InputError: a file that cannot be read or holds neither, fewer than two classes, a class
            without a description, or twice in JSON; the message names the file and the line.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "classes.txt"
        >>> lines = "wren: small and brown\\njay: blue\\nwren: a short tail\\n"
        >>> _ = file.write_text(lines, encoding="utf-8")
        >>> read_classes(file)
        {'wren': ['small and brown', 'a short tail'], 'jay': ['blue']}
    """
    path = Path(path)
    lines = read_lines(path)
    text = "\n".join(lines)
    is_json = path.suffix.lower() == ".json" or text.lstrip().startswith("{")
    classes = _from_json(path, text) if is_json else _from_lines(path, lines)
    if len(classes) < 2:
        plural = "" if len(classes) == 1 else "es"
        raise InputError(
            f"{path} holds {len(classes)} class{plural}: two or more are needed to choose from"
        )
    return classes


def _from_lines(path: Path, lines: Sequence[str]) -> dict[str, list[str]]:
    classes: dict[str, list[str]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name, colon, description = (part.strip() for part in line.partition(":"))
        if not colon or not name:
            raise InputError(
                f"{path}, line {number}: {line.strip()[:40]!r} names no class: write CLASS NAME: "
                "DESCRIPTION"
            )
        if not description:
            raise InputError(
                f"{path}, line {number}: class {name!r} has no description: write it after the "
                "colon"
            )
        classes.setdefault(name, []).append(description)
    return classes


def _from_json(path: Path, text: str) -> dict[str, list[str]]:
    try:
        pairs = json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as error:  # one is a number of thousands of digits
        line, reason = getattr(error, "lineno", 1), getattr(error, "msg", error)
        raise InputError(f"{path}, line {line}: not JSON ({reason}): correct it") from None
    if not isinstance(pairs, _Pairs):
        raise InputError(f'{path}, line 1: write {{"class name": ["description", ...], ...}}')
    lines = _lines_of_keys(text)
    classes: dict[str, list[str]] = {}
    for line, (name, descriptions) in zip(lines, pairs, strict=False):
        name = name.strip()
        where = f"{path}, line {line}: class {name!r}"
        if not name:
            raise InputError(f"{path}, line {line}: a class without a name: give it one")
        if name in classes:
            raise InputError(f"{where} stands there twice: join the two")
        texts = isinstance(descriptions, list) and all(isinstance(d, str) for d in descriptions)
        if not texts:
            raise InputError(f"{where} needs a list of descriptions in quotation marks")
        if any("\ud800" <= letter <= "\udfff" for text in (name, *descriptions) for letter in text):
            raise InputError(f"{where} has half of a character, written \\ud800 or so: correct it")
        classes[name] = [d.strip() for d in descriptions]
        if not classes[name] or "" in classes[name]:
            raise InputError(f"{where} has no description, or an empty one: write it, or remove it")
    return classes


class _Pairs(list):
    """The names and values of a JSON object, in order; a name may stand there twice."""


def _lines_of_keys(text: str) -> Iterator[int]:
    """The lines of the strings that a colon follows: of the names, if no value is an object."""
    line, place = 1, 0
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"(\s*:)?', text, re.DOTALL):
        if found[1]:
            line, place = line + text.count("\n", place, found.start()), found.start()
            yield line
