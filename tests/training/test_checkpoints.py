"""A run that was killed, and killed again, ends with the bits of one that never was."""

import dataclasses
import errno
import json
import multiprocessing
import os
import random
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

import dse.training.checkpoints
import dse.training.loop
from dse.config import TrainingConfig
from dse.run_files import write_checksums
from dse.runs import Run
from dse.text import TEXT_ENCODERS
from dse.training import start_devices, train
from dse.training.checkpoints import STATE_FILE, partial_folder
from dse.utils.errors import InputError
from dse.utils.files import only_process
from killed_training import CONFIG
from killed_training import train as train_here
from toy_data import colourful_data

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["dse.training.loop"])
KILLED = -9
TRAINED = [name for name in TEXT_ENCODERS if name not in ("sentence-vectors", "clip-text")]


def in_a_process(out, kill_at=None, seconds=None):
    """Train in a process; kill it after some seconds, if asked to. Its exit code."""
    process = PROCESSES.Process(target=train_here, args=(out, kill_at))
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()
    return process.exitcode


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    assert in_a_process(out) == 0
    return contents(out)


def test_fifty_kills_at_random_moments_leave_no_trace(undisturbed, tmp_path):
    out, moments, kills = tmp_path / "run", random.Random(0), 0
    for _ in range(500):
        if kills == 50:
            break
        kills += in_a_process(out, seconds=moments.uniform(0.05, 0.4)) == KILLED
        if out.exists():  # it was faster than the kill: once more from the start
            assert contents(out) == undisturbed
            shutil.rmtree(out)
    assert kills == 50
    assert in_a_process(out) == 0
    assert contents(out) == undisturbed
    assert not partial_folder(out).exists()


@pytest.mark.parametrize("kind", ["replace", "rmtree"])
@pytest.mark.parametrize("number", [1, 2, 7])
def test_a_kill_while_a_checkpoint_is_moved_or_removed(undisturbed, tmp_path, kind, number):
    out = tmp_path / "run"
    assert in_a_process(out, kill_at=(kind, number)) == KILLED
    assert not out.exists()
    assert in_a_process(out) == 0
    assert contents(out) == undisturbed


def test_a_kill_before_the_run_gets_its_name_leaves_nothing_beside_it(undisturbed, tmp_path):
    out, checkpoints = tmp_path / "run", 32
    assert in_a_process(out, kill_at=("replace", checkpoints + 1)) == KILLED
    assert not out.exists()
    assert len(list(tmp_path.glob(".run.*"))) == 1
    assert in_a_process(out) == 0
    assert contents(out) == undisturbed
    assert list(tmp_path.iterdir()) == [out]


def test_the_run_and_its_checkpoints_are_on_the_disk(tmp_path, monkeypatch):
    """Synced, so that they outlast a machine that is switched off."""
    fsync, synced = os.fsync, set()

    def recorded(descriptor):
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def inodes(folder):
        return {path.stat().st_ino for path in (folder, *folder.rglob("*"))}

    monkeypatch.setattr(os, "fsync", recorded)
    interrupted(tmp_path / "run", monkeypatch)
    assert inodes(partial_folder(tmp_path / "run")) <= synced
    train(colourful_data(), CONFIG, tmp_path / "run", resume=True, progress=False)
    assert inodes(tmp_path) <= synced


def test_a_whole_run_is_read_again_and_not_trained(undisturbed, tmp_path, monkeypatch):
    out = tmp_path / "run"
    for name, content in undisturbed.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(content)
    load, devices = Run.load, []
    monkeypatch.setattr(Run, "load", lambda *given: devices.append(given[1]) or load(*given))
    run = train(
        colourful_data(), CONFIG, out, resume=True, fabric=start_devices(device="cpu"),
        progress=False, callback=pytest.fail,
    )  # fmt: skip
    assert devices == [torch.device("cpu")]  # that of the fabric
    assert len(run.history) == CONFIG.steps
    assert contents(out) == undisturbed


def test_the_best_is_kept_beside_the_last(undisturbed, tmp_path):
    for name, content in undisturbed.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    last, best = Run.load(tmp_path), Run.load(tmp_path / "best")
    assert last.validation.step.tolist() == [30, 60, 90, 120]
    assert len(best.history) == last.best_step
    assert last.validation.top1.max() == best.validation.top1.iloc[-1]
    assert best.history.equals(last.history[: last.best_step])


def interrupted(out, monkeypatch, config=CONFIG, data=None):
    """Leave the checkpoints of a run that ended after 50 steps."""
    monkeypatch.setattr(dse.training.loop, "CHECKPOINT_EVERY", 4)

    def stop(step, run):
        if step == 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(data or colourful_data(), config, out, progress=False, callback=stop)
    return sorted(path.name for path in partial_folder(out).iterdir())


def test_only_the_last_and_the_best_are_kept(tmp_path, monkeypatch):
    assert interrupted(tmp_path / "run", monkeypatch) == ["step-00000030", "step-00000048"]
    about = json.loads((tmp_path / "run.partial/step-00000048/config.json").read_text())
    assert about["versions"]["torch"] == torch.__version__
    assert about["dataset"]["fingerprint"] == colourful_data().fingerprint()
    assert len(Run.load(tmp_path / "run.partial/step-00000048").history) == 48


def test_an_unfinished_run_is_not_overwritten(tmp_path, monkeypatch):
    interrupted(tmp_path / "run", monkeypatch)
    with pytest.raises(InputError, match=r"run\.partial holds an unfinished run.*--resume"):
        train(colourful_data(), CONFIG, tmp_path / "run", progress=False)


@pytest.mark.parametrize("whole", [True, False])
def test_another_configuration_or_other_data_are_refused_with_what_differs(
    tmp_path, monkeypatch, whole
):
    config = dataclasses.replace(CONFIG, steps=60)
    if whole:
        train(colourful_data(), config, tmp_path / "run", progress=False)
    else:
        interrupted(tmp_path / "run", monkeypatch, config)
    longer = dataclasses.replace(config, steps=90, seed=7)
    with pytest.raises(InputError, match=r"steps 60 there, 90 asked for; seed 0 there, 7 asked"):
        train(colourful_data(), longer, tmp_path / "run", resume=True, progress=False)
    with pytest.raises(InputError, match=r"data '[0-9a-f]{16}' there, '[0-9a-f]{16}' asked for"):
        train(colourful_data(images=7), config, tmp_path / "run", resume=True, progress=False)


@pytest.mark.parametrize("file", ["training_state.safetensors", "model.safetensors", "config.json"])
def test_a_damaged_checkpoint_is_refused(tmp_path, monkeypatch, file):
    interrupted(tmp_path / "run", monkeypatch)
    path = tmp_path / "run.partial/step-00000048" / file
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(
        InputError,
        match=rf"step-00000048/{file}.* is damaged.* remove .*run.partial and train again",
    ):
        train(colourful_data(), CONFIG, tmp_path / "run", resume=True, progress=False)


def test_a_newer_format_is_refused(tmp_path, monkeypatch):
    interrupted(tmp_path / "run", monkeypatch)
    path = tmp_path / "run.partial/step-00000048/config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    with pytest.raises(InputError, match="format 99: update dse"):
        train(colourful_data(), CONFIG, tmp_path / "run", resume=True, progress=False)


def test_nothing_to_resume_begins_at_the_beginning(tmp_path):
    config = dataclasses.replace(CONFIG, steps=6)
    run = train(colourful_data(), config, tmp_path / "run", resume=True, progress=False)
    same = train(colourful_data(), config, progress=False)
    assert torch.equal(run.encoder.linear.weight, same.encoder.linear.weight)


def test_a_run_whose_batch_was_fitted_is_resumed(tmp_path, monkeypatch):
    asked = TrainingConfig("bag-of-words", steps=60)
    interrupted(tmp_path / "run", monkeypatch, asked)
    run = train(colourful_data(), asked, tmp_path / "run", resume=True, progress=False)
    same = train(colourful_data(), asked, progress=False)
    assert run.config.batch_size == Run.load(tmp_path / "run").config.batch_size == 20
    assert torch.equal(run.encoder.linear.weight, same.encoder.linear.weight)
    again = train(colourful_data(), asked, tmp_path / "run", resume=True, progress=False)
    assert len(again.history) == 60


def damaged(out, change):
    """Change the tensors of the last checkpoint, and its checksums with them, as a bug would."""
    folder = partial_folder(out) / "step-00000048"
    tensors = load_file(folder / STATE_FILE)
    change(tensors)
    save_file(tensors, folder / STATE_FILE)
    write_checksums(folder)


def lose_a_mean_square(tensors):
    del tensors["mean_square.linear.bias"]


def lose_a_row(tensors):
    tensors["history"] = tensors["history"][:-1].contiguous()


def lose_a_column(tensors):
    tensors["history"] = tensors["history"][:, :2].contiguous()


def misshape(tensors):
    tensors["mean_square.linear.bias"] = torch.zeros(1)


def make_negative(tensors):
    tensors["mean_square.linear.bias"] -= 1


def spoil(tensors):
    tensors["mean_square.linear.bias"][0] = torch.nan


@pytest.mark.parametrize(
    "change", [lose_a_mean_square, lose_a_row, lose_a_column, misshape, make_negative, spoil]
)
def test_a_checkpoint_without_all_of_its_state_is_refused(tmp_path, monkeypatch, change):
    interrupted(tmp_path / "run", monkeypatch)
    damaged(tmp_path / "run", change)
    with pytest.raises(InputError, match=r"step-00000048.* is damaged .*run\.partial and train"):
        train(colourful_data(), CONFIG, tmp_path / "run", resume=True, progress=False)


@pytest.mark.parametrize("text_encoder", TRAINED)
def test_every_encoder_goes_on_from_its_checkpoint(text_encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(dse.training.loop, "CHECKPOINT_EVERY", 2)
    data = colourful_data(images=1)
    data = dataclasses.replace(data, class_attributes=data.features[:, 0])

    def stop(step, run):
        if step == 3:
            raise KeyboardInterrupt

    config = TrainingConfig(text_encoder, steps=4, batch_size=12, objective="da")
    with pytest.raises(KeyboardInterrupt):
        train(data, config, tmp_path / "run", progress=False, callback=stop)
    assert [path.name for path in partial_folder(tmp_path / "run").iterdir()] == ["step-00000002"]
    resumed = train(data, config, tmp_path / "run", resume=True, progress=False)
    assert resumed.fingerprint() == train(data, config, progress=False).fingerprint()


def test_an_encoder_from_outside_goes_on_from_its_checkpoint(own_encoder, tmp_path, monkeypatch):
    """A parameter that has no gradient has no state yet, and a frozen one never has."""
    config = TrainingConfig(own_encoder, steps=60, batch_size=12)
    interrupted(tmp_path / "run", monkeypatch, config)
    resumed = train(colourful_data(), config, tmp_path / "run", resume=True, progress=False)
    assert resumed.fingerprint() == train(colourful_data(), config, progress=False).fingerprint()


def test_damage_to_the_best_checkpoint_is_not_sealed_in_the_run(tmp_path, monkeypatch):
    out, files = tmp_path / "run", ["SHA256SUMS", "config.json", "history.csv"]
    interrupted(out, monkeypatch)
    weights = partial_folder(out) / "step-00000030/model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    run = train(colourful_data(), CONFIG, out, resume=True, progress=False)
    assert run.best_step == 30
    assert sorted(path.name for path in (out / "best").iterdir())[:3] == files
    assert STATE_FILE not in (out / "best/SHA256SUMS").read_text(encoding="utf-8")
    with pytest.raises(InputError, match=r"best/model\.safetensors is damaged"):
        Run.load(out / "best")


def test_a_run_that_ends_before_its_first_checkpoint_leaves_nothing(tmp_path):
    huge = dataclasses.replace(colourful_data(), features=1e30 * colourful_data().features)
    with pytest.raises(InputError, match="at the first step"):
        train(huge, CONFIG, tmp_path / "run", progress=False)
    assert not list(tmp_path.iterdir())
    partial_folder(tmp_path / "run").mkdir()  # as a kill leaves it
    train(colourful_data(), dataclasses.replace(CONFIG, steps=2), tmp_path / "run", progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_full_disk_keeps_the_last_checkpoint(undisturbed, tmp_path, monkeypatch):
    out, save = tmp_path / "run", dse.training.checkpoints.save_file

    def full(tensors, path):
        if "step-00000048" in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(tensors, path)

    monkeypatch.setattr(dse.training.checkpoints, "save_file", full)
    with pytest.raises(OSError, match=r"free some space.*step-00000048"):
        interrupted(out, monkeypatch)
    assert sorted(path.name for path in tmp_path.rglob("*step*")) == [
        "step-00000030", "step-00000044"
    ]  # fmt: skip
    monkeypatch.undo()
    assert in_a_process(out) == 0
    assert contents(out) == undisturbed
    assert list(tmp_path.iterdir()) == [out]


def test_a_kill_between_the_run_and_its_checkpoints_is_cleared_up(undisturbed, tmp_path):
    out, checkpoints = tmp_path / "run", 32
    assert in_a_process(out, kill_at=("replace", checkpoints + 2)) == KILLED
    assert contents(out) == undisturbed and partial_folder(out).exists()
    assert in_a_process(out) == 0
    assert list(tmp_path.iterdir()) == [out]


def test_one_process_trains_for_a_folder_and_the_others_say_who_does(undisturbed, tmp_path):
    out = tmp_path / "run"
    with only_process(out), pytest.raises(InputError, match=rf"process {os.getpid()} on"):
        train(colourful_data(), CONFIG, out, resume=True, progress=False)
    assert not list(tmp_path.iterdir())
    processes = [PROCESSES.Process(target=train_here, args=(out,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    # A refusal ends with 1; who comes when all is done reads the run, which is right, too.
    assert {process.exitcode for process in processes} <= {0, 1}
    assert 0 in {process.exitcode for process in processes}
    assert contents(out) == undisturbed
    assert list(tmp_path.iterdir()) == [out]
