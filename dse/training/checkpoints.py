"""Checkpoints: the state of a training run on the disk, to resume from.

While a run trains for the folder RUN, its checkpoints are beside it, in `RUN.partial`. Each is a
folder `step-NUMBER`: a run that `Run.load` reads, and the state of the optimizer and the generator.
The last is kept, and the best on the validation classes. RUN itself is made at the very end.
"""

import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from dse.config import TrainingConfig
from dse.runs import Run
from dse.training.history import History
from dse.training.optimizer import RMSprop
from dse.utils.errors import InputError, first_line
from dse.utils.files import workspace_beside, written_whole

STATE_FILE = "training_state.safetensors"


@dataclass
class TrainingState:
    """All that the next step depends on, besides the data.

    Attributes:
        run: the encoder and its configuration; its `validation` grows while training.
        optimizer: over the encoder's parameters.
        generator: of every minibatch.
        history: of every step taken.
        step: steps taken.
    """

    run: Run
    optimizer: RMSprop
    generator: torch.Generator
    history: History
    step: int = 0


def partial_folder(out: Path) -> Path:
    """Where the checkpoints of a run for the folder `out` are until it is complete."""
    out = out.resolve()
    return out.with_name(out.name + ".partial")


def save_checkpoint(out: Path, state: TrainingState) -> None:
    """Write a checkpoint, then remove those that are neither last nor best.

    Args:
        out: the folder that the run will have.
        state: with `run.history` up to date.
    """
    names = [name for name, _ in state.run.encoder.named_parameters()]
    squares = [state.optimizer.state[p] for p in state.run.encoder.parameters()]
    tensors = {
        f"mean_square.{name}": held["mean_square"]
        for name, held in zip(names, squares, strict=True)
        if held
    }
    tensors["generator"] = state.generator.get_state()
    tensors["history"] = state.history.rows().contiguous()
    with written_whole(_place(out, state.step)) as folder:
        state.run.write(folder)
        save_file(tensors, folder / STATE_FILE)
    kept = {state.step, state.run.best_step} - {None}
    for folder in set(_checkpoints(out)) - {_place(out, step) for step in kept}:
        shutil.rmtree(folder)


def load_checkpoint(out: Path, config: TrainingConfig, fingerprint: str) -> TrainingState | None:
    """The last checkpoint of a run for the folder `out`, or None if there is none.

    Raises:
        InputError: it is of another configuration or of other data, is damaged, or has a newer
            format.
    """
    checkpoints = _checkpoints(out)
    if not checkpoints:
        return None
    run = Run.load(checkpoints[-1])
    refuse_other(partial_folder(out), run, config, fingerprint)
    try:
        tensors = load_file(checkpoints[-1] / STATE_FILE)
        history = History(tensors["history"])
        generator = torch.Generator()
        generator.set_state(tensors["generator"])
        optimizer = RMSprop(run.encoder.parameters(), lr=config.learning_rate)
        for name, parameter in run.encoder.named_parameters():
            if f"mean_square.{name}" in tensors:
                optimizer.state[parameter]["mean_square"] = tensors[f"mean_square.{name}"]
    except Exception as error:
        raise InputError(
            f"{checkpoints[-1]} is damaged ({first_line(error)}): remove {partial_folder(out)} and "
            "train again"
        ) from error
    return TrainingState(run, optimizer, generator, history, len(history.rows()))


def refuse_other(folder: Path, run: Run, config: TrainingConfig, fingerprint: str) -> None:
    """Raise an `InputError` that says what differs, unless `run` is of this configuration and data.

    Args:
        folder: where `run` lies.
        run: as it was read from there.
        config: what is asked for.
        fingerprint: of the data at hand.
    """
    there, asked = asdict(run.config), asdict(config)
    there["data"], asked["data"] = run.dataset.get("fingerprint"), fingerprint
    differences = [
        f"{name} {there[name]!r} there, {asked[name]!r} asked for"
        for name in asked
        if there[name] != asked[name]
    ]
    if differences:
        raise InputError(
            f"{folder} is of another run ({'; '.join(differences)}): give another folder, or "
            "remove it first"
        )


def finish(out: Path, state: TrainingState) -> None:
    """Write the run to `out`, the best on the validation classes into it, and clean up."""
    out, best = out.resolve(), state.run.best_step
    if out.exists():
        out.rmdir()  # it is empty: `refuse_used_folder` has seen to that
    with written_whole(out) as folder:
        state.run.write(folder)
        if best is not None:
            without_state = shutil.ignore_patterns(STATE_FILE)
            shutil.copytree(_place(out, best), folder / "best", ignore=without_state)
    if partial_folder(out).exists():
        # Moved away first: what is left of it after a kill must not look like an unfinished run.
        with workspace_beside(out) as rest:
            os.replace(partial_folder(out), rest / "partial")


def _checkpoints(out: Path) -> list[Path]:
    return sorted(partial_folder(out).glob("step-*"))


def _place(out: Path, step: int) -> Path:
    return partial_folder(out) / f"step-{step:08d}"
