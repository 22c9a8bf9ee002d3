"""What the page answers, as HTML: the functions of `dse.search` and `dse.explain` for one run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import NamedTuple

import torch

from dse.demo.gate import uploaded_file
from dse.explanation import explain
from dse.explanation.page import html_fragment
from dse.images.encoders import ImageEncoder
from dse.images.features import extract_features
from dse.images.image_folder import ImageFolder
from dse.images.views import read_image
from dse.runs import Run
from dse.search.classes import classify
from dse.search.pages import Tile, heading, notes, paragraph, ranking, sheet, thumbnail
from dse.search.ranking import rank_descriptions, reading_notes, search_images
from dse.utils.errors import InputError

IMAGES_SHOWN, TEXTS_SHOWN = 12, 10


class Example(NamedTuple):
    """What stands in the fields when the page opens.

    Attributes:
        description: to find photographs by.
        photograph: an image file, or None.
        descriptions: of the photograph, and of others.
    """

    description: str = ""
    photograph: Path | None = None
    descriptions: tuple[str, ...] = ()


def _answer(question: Callable[..., list[str]]) -> Callable[..., str]:
    """Join the parts of an answer; an `InputError` becomes a note in its place."""

    @wraps(question)
    def answer(demo: "Demo", *inputs: object) -> str:
        try:
            parts = question(demo, *inputs)
        except InputError as error:
            parts = [notes([str(error)])]
        text = '<div class="dse">\n' + "\n".join(parts) + "\n</div>"
        return text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate cannot be sent

    return answer


@dataclass(frozen=True, eq=False)
class Demo:
    """A run, and what is asked of it. Each answer is HTML that loads nothing.

    Attributes:
        run: a trained text encoder.
        encoder: the image encoder that goes with it.
        images: the photographs to find.
        classes: names and descriptions, to name an uploaded photograph; or empty.
        uploads: the folder of the uploaded photographs.
    """

    run: Run
    encoder: ImageEncoder
    images: ImageFolder
    classes: dict[str, list[str]]
    uploads: Path

    @_answer
    def find(self, description: str | None) -> list[str]:
        """The photographs that a description fits best, as `search_images` ranks them."""
        description = str(description or "")
        matches = search_images(self.run, description, self.images, IMAGES_SHOWN)
        tiles = []
        for rank, match in enumerate(matches, start=1):
            name = self.images.name(match.item)
            with _named(match.item, name):
                picture = thumbnail(read_image(match.item))
            score = f"score {match.score:.3f}"
            tiles.append(Tile(picture, f"{rank}. {name}", [score], alt=f"rank {rank}: {name}"))
        summary = f"the best {len(matches)} of {len(self.images):,} photographs"
        return [notes(reading_notes(self.run, description)), paragraph(summary), sheet(tiles)]

    @_answer
    def rank(self, photograph: dict | None, descriptions: str | None) -> list[str]:
        """Descriptions, one a line, ranked for a photograph, and what speaks for the first.

        That is told of the photograph's feature less the mean of all: what all photographs have in
        common speaks for none of them.
        """
        texts = [line.strip() for line in str(descriptions or "").splitlines() if line.strip()]
        file = self._file(photograph)
        if not texts:
            raise InputError("there is no description: write one or more, each on its own line")
        feature = self._feature(file)
        matches = rank_descriptions(self.run, feature, texts, TEXTS_SHOWN)
        told = [
            f"{match.item[:40]!r}: {note}"
            for match in matches
            for note in reading_notes(self.run, match.item)
        ]
        summary = f"the best {len(matches)} of {len(texts)} descriptions"
        try:
            why = self._why(matches[0].item, feature)
        except InputError as error:
            why = [notes([str(error)])]
        return [
            notes(told),
            paragraph(summary),
            ranking(matches),
            heading("Why the first?"),
            *why,
        ]

    def _why(self, description: str, feature: torch.Tensor) -> list[str]:
        """What speaks for a photograph rather than for the average one, and against it."""
        difference = feature - self.images.features.mean(0)
        explanation = explain(self.run, description, difference)
        told = (
            f"its score is {abs(explanation.score):.3f} "
            f"{'above' if explanation.score >= 0 else 'below'} its mean with all "
            f"{len(self.images):,} photographs. What speaks for it, and against it:"
        )
        return [paragraph(told), html_fragment(explanation)]

    @_answer
    def name(self, photograph: dict | None) -> list[str]:
        """The classes ranked for a photograph, as `classify` scores them."""
        file = self._file(photograph)
        image = ImageFolder(file.parent, [file], self._feature(file)[None])
        found = classify(self.run, self.classes, image)
        scores, order = found.scores[0].sort(descending=True, stable=True)
        best = [found.class_names[c] for c in order[:TEXTS_SHOWN]]
        summary = f"the best {len(best)} of {len(self.classes)} classes"
        return [paragraph(summary), ranking(list(zip(best, scores.tolist(), strict=False)))]

    def _file(self, photograph: object) -> Path:
        if photograph is None:
            raise InputError("there is no photograph: choose one first")
        path = photograph.get("path") if isinstance(photograph, dict) else None
        return uploaded_file(path, self.uploads)

    def _feature(self, file: Path) -> torch.Tensor:
        with _named(file, file.name):
            return extract_features([file], self.encoder.to(self.run.device))[0, 0]


@contextmanager
def _named(file: Path, name: str) -> Iterator[None]:
    """Errors call a file by a name without its folder, which is not a visitor's business."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error).replace(str(file), name)) from None
