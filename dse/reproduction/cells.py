"""The cells behind the paper's tables and figures: which runs there are, and their names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dse.config import RANGES, TrainingConfig
from dse.datasets.described_images import DescribedImages
from dse.objective import OBJECTIVES
from dse.sampling import fit_batch_size
from dse.text import TEXT_ENCODERS
from dse.utils.errors import InputError

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
BASELINES = ("bag-of-bigrams", "word2vec-standardised")
"""Simple readers that the paper has not."""
MODERN_ENCODERS = ("word-transformer", "sentence-vectors")
SEEDED_ENCODERS = (
    "bag-of-words",
    "bag-of-bigrams",
    "char-cnn",
    "char-cnn-rnn",
    "word-cnn",
    "word-cnn-rnn",
    "word-lstm",
    *MODERN_ENCODERS,
)
"""Those that are trained with three seeds, to see how far a seed alone moves a figure."""
FIGURE_4A_ENCODERS = PAPER_ENCODERS[1:]
FIGURE_4A_CAPTIONS = (1, 2, 4, 6, 8, 10)

FIELDGUIDE_STEPS = {"all": 1800, "attributes": 700, "figure4a": 1500}
PHOTOGRAPH_STEPS = {"all": 4200, "char-lstm": 2000, "attributes": 1050, "figure4a": 3000}
"""Minibatches of a run. `attributes` has 7 times 150, as the paper: it over-fits."""
FULL_EPOCHS = {"all": 200, "attributes": 7}
"""The authors' length. An epoch has as many minibatches as there are training classes, so that is
30,000 minibatches on CUB's 150 classes and 16,400 on the 82 of Flowers."""

CHOSEN = {"word-transformer": {"learning_rate": 3e-4}}
"""What the authors' settings do not suit, chosen on CUB's validation classes: the search is
`results/cub/word-transformer.json`."""

MOST_SEEDS = 1000
MOST_CAPTIONS = 10

FORMS = ("float64", "zero-bias", "annealed")
"""What a cell may change in the authors' form of training, one thing at a time:

- `float64`: weights, loss and optimizer in double precision;
- `zero-bias`: the output bias is 0 and stays 0;
- `annealed`: the learning rate falls as far as it does in the authors' 200 epochs, in the cell's
  own number of minibatches.
"""


@dataclass(frozen=True)
class Cell:
    """One run of the grid. Its name says all that it is, but for its length.

    Two cells that differ in their length alone are equal, and share a file: `run_cells` refuses to
    take the one for the other.

    Attributes:
        text_encoder: a name of `dse.text.TEXT_ENCODERS`.
        objective: `ds` or `da`.
        seed: of the run and of the draws of its caption curve.
        captions: captions of an image in training, a point of Figure 4a; None: the table's ten.
        form: one of `FORMS`; None: the authors' form of training.
        length: minibatches; `full`: the authors' number, see `FULL_EPOCHS`; None: the grid's own,
            which two cores can do.

    Example:
        >>> Cell("word-cnn-rnn", captions=2).name
        'word-cnn-rnn-ds-seed0-captions2'
        >>> Cell.from_name("word-cnn-rnn-ds-seed0-captions2").captions
        2
        >>> Cell.from_name("bag-of-words-da-seed0-zero-bias").form
        'zero-bias'
    """

    text_encoder: str
    objective: str = "ds"
    seed: int = 0
    captions: int | None = None
    form: str | None = None
    length: int | str | None = field(default=None, compare=False)

    def __post_init__(self):
        for name, (lowest, highest) in (("seed", RANGES["seed"]), ("captions", (1, MOST_CAPTIONS))):
            value = getattr(self, name)
            if value is not None and not lowest <= value <= highest:
                raise InputError(f"{name} of a cell is {value}: it must be {lowest} to {highest:,}")

    @property
    def name(self) -> str:
        """The name of the cell's file, without `.json`."""
        name = f"{self.text_encoder}-{self.objective}-seed{self.seed}"
        name += "" if self.captions is None else f"-captions{self.captions}"
        return name + ("" if self.form is None else f"-{self.form}")

    @classmethod
    def from_name(cls, name: str) -> "Cell":
        """The cell of a name.

        Raises:
            InputError: it is not the name of a cell.
        """
        encoders = "|".join(map(re.escape, TEXT_ENCODERS))  # some have names of your own
        objectives, forms = "|".join(OBJECTIVES), "|".join(FORMS)
        seed, captions = "seed([0-9]{1,10})", "captions([0-9]{1,3})"
        pattern = rf"({encoders})-({objectives})-{seed}(?:-{captions})?(?:-({forms}))?"
        found = re.fullmatch(pattern, name)
        if found is None:
            raise InputError(f"{name!r} is not a cell: write one as char-cnn-rnn-ds-seed0")
        encoder, objective, seed, captions, form = found.groups()
        cell = cls(encoder, objective, int(seed), None if captions is None else int(captions), form)
        if cell.name != name:
            raise InputError(f"{name!r} is not how a cell is written: write {cell.name}")
        return cell

    def training_config(self, data: DescribedImages) -> TrainingConfig:
        """How the cell is trained on a data set."""
        config = TrainingConfig(
            self.text_encoder,
            objective=self.objective,
            steps=self._steps(data),
            captions_per_image=10 if self.captions is None else self.captions,
            seed=self.seed,
            output_bias="learned",
            **CHOSEN.get(self.text_encoder, {}),
        )
        config = fit_batch_size(config, len(data.splits["trainval"]))
        if self.form == "float64":
            return replace(config, precision="64-true")
        if self.form == "zero-bias":
            return replace(config, output_bias="zero")
        if self.form == "annealed":
            epochs = config.steps / len(data.splits["trainval"])
            return replace(config, lr_decay=config.lr_decay ** (FULL_EPOCHS["all"] / epochs))
        return config

    def _steps(self, data: DescribedImages) -> int:
        if self.length == "full":
            epochs = FULL_EPOCHS.get(self.text_encoder, FULL_EPOCHS["all"])
            return epochs * len(data.splits["trainval"])
        if self.length is not None:
            return self.length
        grid = FIELDGUIDE_STEPS if data.name == "fieldguide" else PHOTOGRAPH_STEPS
        kind = self.text_encoder if self.captions is None else "figure4a"
        return grid.get(kind, grid["all"])


PARTS: dict[str, tuple[Cell, ...]] = {
    "table": tuple(
        Cell(encoder, objective) for objective in ("ds", "da") for encoder in PAPER_ENCODERS
    ),
    "seeds": tuple(Cell(encoder, seed=seed) for seed in (1, 2) for encoder in SEEDED_ENCODERS),
    "figure4a": tuple(
        Cell(encoder, captions=n) for encoder in FIGURE_4A_ENCODERS for n in FIGURE_4A_CAPTIONS
    ),
    "baselines": tuple(
        Cell(encoder, objective) for objective in OBJECTIVES for encoder in BASELINES
    ),
    "modern": tuple(map(Cell, MODERN_ENCODERS)),
    "da": tuple(
        Cell(encoder, "da", form=form)
        for encoder in (*PAPER_ENCODERS, "bag-of-bigrams")
        for form in ("zero-bias", "float64")
    ),
}
"""Parts of the grid by name, in the order in which they are run."""


def choose_cells(
    only: Sequence[str] = (), seeds: int | None = None, length: int | str | None = None
) -> list[Cell]:
    """The cells to run, in order, each once.

    Args:
        only: parts (`table`), text encoders (all their cells) or cells (`char-cnn-rnn-ds-seed0`);
            everything if empty.
        seeds: repeat each of them with the seeds 0 to `seeds` - 1.
        length: of each of them, see `Cell`.

    Raises:
        InputError: a name that is none of these, or no seeds or steps.

    Example:
        >>> [cell.name for cell in choose_cells(["word-cnn-ds-seed0"], seeds=2)]
        ['word-cnn-ds-seed0', 'word-cnn-ds-seed1']
    """
    cells = [cell for name in only or PARTS for cell in _named(name)]
    for name, number, most in (("seeds", seeds, MOST_SEEDS), ("steps", length, RANGES["steps"][1])):
        if isinstance(number, int) and not 1 <= number <= most:
            raise InputError(f"{name} is {number}: it must be 1 to {most:,}")
    if seeds is not None:
        cells += [replace(cell, seed=seed) for cell in cells for seed in range(seeds)]
    return [replace(cell, length=length) for cell in dict.fromkeys(cells)]


def _named(name: str) -> list[Cell]:
    if name in PARTS:
        return list(PARTS[name])
    if name in TEXT_ENCODERS:
        own = [cell for part in PARTS.values() for cell in part if cell.text_encoder == name]
        return own or [Cell(name)]
    if "-seed" in name:
        return [Cell.from_name(name)]
    parts = ", ".join(PARTS)
    raise InputError(
        f"--only {name!r} is no part ({parts}, summary), no text encoder and no cell such as "
        "char-cnn-rnn-ds-seed0"
    )
