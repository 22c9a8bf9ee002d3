"""Checkpoints: the state of a training run on the disk, to resume from.

While a run trains for the folder RUN, its checkpoints are beside it, in `RUN.partial`. Each is a
folder `step-NUMBER`: a run that `Run.load` reads, and the state of the optimizer and the generator.
The last is kept, and the best on the validation classes. RUN itself is made at the very end.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from lightning_fabric import Fabric
from safetensors.torch import save_file

from dse.config import TrainingConfig
from dse.run_files import (
    ABOUT,
    HISTORY_COLUMNS,
    drop_checksum,
    read_tensors,
    refuse_changed,
    write_checksums,
)
from dse.runs import Run, read_run, refuse_used_folder
from dse.training.history import History
from dse.training.optimizer import RMSprop
from dse.utils.errors import InputError, first_line
from dse.utils.files import only_process, remove_abandoned, workspace_beside, written_whole

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


@contextmanager
def only_run(out: Path | None, resume: bool, fabric: Fabric) -> Iterator[None]:
    """Keep other runs off the folder `out` while this one is trained; None: there is no folder.

    The first of several processes holds the lock for all.

    Raises:
        InputError: another run is being trained for it, or has just been completed there.
    """
    with ExitStack() as stack:
        refusal = None
        if out is not None and fabric.is_global_zero:
            try:
                stack.enter_context(only_process(out.resolve()))
                stack.callback(_remove_if_empty, partial_folder(out))
                refuse_unless_free(out, resume)
            except (InputError, OSError) as error:
                refusal = str(error)
        refusal = fabric.broadcast(refusal)
        if refusal is not None:
            raise InputError(refusal)
        yield


def refuse_unless_free(out: Path, resume: bool) -> None:
    """Raise an `InputError` if a run for the folder `out` cannot begin, or continue, there."""
    if resume and (out / ABOUT).exists():
        return
    refuse_used_folder(out)
    if _checkpoints(out) and not resume:
        raise InputError(
            f"{partial_folder(out)} holds an unfinished run: continue it with --resume, or remove "
            "it"
        )
    there = next(parent for parent in out.absolute().parents if parent.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise InputError(f"{out} cannot be written, because of {there}: choose another folder")


def whole_run(
    out: Path, config: TrainingConfig, fingerprint: str, device: torch.device | str | None
) -> Run | None:
    """The run in `out`, of this configuration and these data, if it is complete.

    Raises:
        InputError: it is damaged, or another.
    """
    if not (out / ABOUT).exists():
        return None
    run = Run.load(out, device)
    refuse_other(out, run, config, fingerprint)
    remove_checkpoints(out)  # a kill may have left them
    remove_abandoned(out.resolve())
    return run


def save_checkpoint(out: Path, state: TrainingState) -> None:
    """Write a checkpoint, then remove those that are neither last nor best.

    Args:
        out: the folder that the run will have.
        state: with `run.history` up to date.
    """
    tensors = {}
    for name, p in state.run.encoder.named_parameters():
        if p.requires_grad:
            held = state.optimizer.state.get(p)  # None: it has had no gradient yet
            tensors[f"mean_square.{name}"] = held["mean_square"] if held else torch.zeros_like(p)
    tensors["generator"] = state.generator.get_state()
    tensors["history"] = state.history.rows().contiguous()
    with written_whole(_place(out, state.step)) as folder:
        state.run.write(folder)
        save_file(tensors, folder / STATE_FILE)
        write_checksums(folder)
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
    folder = checkpoints[-1]
    remedy = f"remove {partial_folder(out)} and train again"
    run = read_run(folder, None, remedy)
    refuse_other(partial_folder(out), run, config, fingerprint)
    refuse_changed(folder, (STATE_FILE,), remedy)
    tensors = read_tensors(folder / STATE_FILE, remedy)
    try:
        state = _state_of(run, tensors)
    except Exception as error:
        raise InputError(
            f"{folder / STATE_FILE} is damaged ({first_line(error)}): {remedy}"
        ) from error
    if folder != _place(out, state.step):
        raise InputError(f"{folder} is damaged (it holds {state.step} steps): {remedy}")
    return state


def _state_of(run: Run, tensors: dict[str, torch.Tensor]) -> TrainingState:
    """The state that `save_checkpoint` kept; an exception of any kind if something is missing."""
    history = History(tensors["history"])
    if history.rows().shape[1:] != (len(HISTORY_COLUMNS),):
        raise ValueError("history has other columns")
    generator = torch.Generator()
    generator.set_state(tensors["generator"])
    optimizer = RMSprop(run.encoder.parameters(), lr=run.config.learning_rate)
    for name, parameter in run.encoder.named_parameters():
        if name == "linear.bias" and not run.config.learns_output_bias:
            continue  # it is frozen when training goes on
        if not parameter.requires_grad:
            continue
        mean_square = tensors[f"mean_square.{name}"]
        if mean_square.shape != parameter.shape or not (mean_square >= 0).all():
            raise ValueError(f"mean_square.{name} is not that of {name}")
        optimizer.state[parameter]["mean_square"] = mean_square
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
            drop_checksum(folder / "best", STATE_FILE)
    remove_checkpoints(out)


def remove_checkpoints(out: Path) -> None:
    """Remove what lies beside the complete run."""
    if partial_folder(out).exists():
        # Moved away first: what is left of it after a kill must not look like an unfinished run.
        with workspace_beside(out.resolve()) as rest, suppress(FileNotFoundError):
            os.replace(partial_folder(out), rest / "partial")


def _checkpoints(out: Path) -> list[Path]:
    return sorted(partial_folder(out).glob(f"step-{'[0-9]' * 8}"))


def _place(out: Path, step: int) -> Path:
    return partial_folder(out) / f"step-{step:08d}"


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
