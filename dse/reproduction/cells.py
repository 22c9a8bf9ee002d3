"""The cells behind the paper's tables and figures: which runs there are, and their names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dse.errors import InputError
from dse.objective import OBJECTIVES
from dse.runs import TrainingConfig
from dse.text import TEXT_ENCODERS

PAPER_ENCODERS = (
    "attributes",
    "word2vec",
    "bag-of-words",
    "char-cnn",
    "char-lstm",
    "char-cnn-rnn",
    "word-cnn",
    "word-lstm",
    "word-cnn-rnn",
)
"""The paper's nine, in the order of its tables."""
MODERN_ENCODERS = ("word-transformer", "sentence-vectors")
SEEDED_ENCODERS = ("bag-of-words", "char-cnn-rnn", "word-cnn-rnn", "word-lstm")
"""Those that are trained with three seeds, to see how far a seed alone moves a figure."""
FIGURE_4A_ENCODERS = ("bag-of-words", "word-cnn-rnn")
FIGURE_4A_CAPTIONS = (1, 2, 4, 6, 8, 10)

FIELDGUIDE_STEPS = {"all": 1800, "attributes": 700, "figure4a": 1500}
PHOTOGRAPH_STEPS = {"all": 4200, "char-lstm": 2000, "attributes": 1050, "figure4a": 3000}
"""Minibatches of a run. `attributes` has 7 times 150, as the paper: it over-fits."""


@dataclass(frozen=True)
class Cell:
    """One run of the grid. Its name and its fields say the same.

    Attributes:
        text_encoder: a name of `dse.text.TEXT_ENCODERS`.
        objective: `ds` or `da`.
        seed: of the run and of the draws of its caption curve.
        captions: captions of a picture in training, a point of Figure 4a; None: the table's ten.
        steps: minibatches; None: the grid's own number, see `training_config`.

    Example:
        >>> Cell("word-cnn-rnn", captions=2).name
        'word-cnn-rnn-ds-seed0-captions2'
        >>> Cell.from_name("word-cnn-rnn-ds-seed0-captions2").captions
        2
    """

    text_encoder: str
    objective: str = "ds"
    seed: int = 0
    captions: int | None = None
    steps: int | None = None

    @property
    def name(self) -> str:
        """The name of the cell's file, without `.json`."""
        name = f"{self.text_encoder}-{self.objective}-seed{self.seed}"
        name += "" if self.captions is None else f"-captions{self.captions}"
        return name + ("" if self.steps is None else f"-steps{self.steps}")

    @classmethod
    def from_name(cls, name: str) -> "Cell":
        """The cell of a name.

        Raises:
            InputError: it is not the name of a cell.
        """
        encoders, objectives = "|".join(TEXT_ENCODERS), "|".join(OBJECTIVES)
        found = re.fullmatch(
            rf"({encoders})-({objectives})-seed(\d+)(?:-captions(\d+))?(?:-steps(\d+))?", name
        )
        if found is None:
            raise InputError(f"{name!r} is not a cell: write one as char-cnn-rnn-ds-seed0")
        encoder, objective, seed, captions, steps = found.groups()
        return cls(
            encoder,
            objective,
            int(seed),
            None if captions is None else int(captions),
            None if steps is None else int(steps),
        )

    def training_config(self, dataset: str) -> TrainingConfig:
        """How the cell is trained on a data set, with the grid's number of steps if it has none."""
        grid = FIELDGUIDE_STEPS if dataset == "fieldguide" else PHOTOGRAPH_STEPS
        kind = self.text_encoder if self.captions is None else "figure4a"
        return TrainingConfig(
            self.text_encoder,
            objective=self.objective,
            steps=grid.get(kind, grid["all"]) if self.steps is None else self.steps,
            captions_per_image=10 if self.captions is None else self.captions,
            seed=self.seed,
        )


PARTS: dict[str, tuple[Cell, ...]] = {
    "table": tuple(
        Cell(encoder, objective) for objective in ("ds", "da") for encoder in PAPER_ENCODERS
    ),
    "seeds": tuple(Cell(encoder, seed=seed) for seed in (1, 2) for encoder in SEEDED_ENCODERS),
    "figure4a": tuple(
        Cell(encoder, captions=n) for encoder in FIGURE_4A_ENCODERS for n in FIGURE_4A_CAPTIONS
    ),
    "modern": tuple(map(Cell, MODERN_ENCODERS)),
}
"""Parts of the grid by name, in the order in which they are run."""


def choose_cells(
    only: Sequence[str] = (), seeds: int | None = None, steps: int | None = None
) -> list[Cell]:
    """The cells to run, in order, each once.

    Args:
        only: parts (`table`), text encoders (all their cells) or cells (`char-cnn-rnn-ds-seed0`);
            everything if empty.
        seeds: repeat each of them with the seeds 0 to `seeds` - 1.
        steps: minibatches in place of the grid's own numbers.

    Raises:
        InputError: a name that is none of these, or no seeds or steps.

    Example:
        >>> [cell.name for cell in choose_cells(["word-cnn-ds-seed0"], seeds=2)]
        ['word-cnn-ds-seed0', 'word-cnn-ds-seed1']
    """
    cells = [cell for name in only or PARTS for cell in _named(name)]
    for name, number in (("seeds", seeds), ("steps", steps)):
        if number is not None and number < 1:
            raise InputError(f"{name} is {number}: it must be 1 or more")
    if seeds is not None:
        cells += [replace(cell, seed=seed) for cell in cells for seed in range(seeds)]
    if steps is not None:
        cells = [replace(cell, steps=steps) for cell in cells]
    return list(dict.fromkeys(cells))


def _named(name: str) -> list[Cell]:
    if name in PARTS:
        return list(PARTS[name])
    if name in TEXT_ENCODERS:
        own = [cell for part in PARTS.values() for cell in part if cell.text_encoder == name]
        return own or [Cell(name)]
    try:
        return [Cell.from_name(name)]
    except InputError:
        parts = ", ".join(PARTS)
        raise InputError(
            f"--only {name!r} is no part ({parts}, summary), no text encoder and no cell such as "
            "char-cnn-rnn-ds-seed0"
        ) from None
