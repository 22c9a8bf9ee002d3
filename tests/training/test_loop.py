"""Training: it learns, it is deterministic, it sees only its split, and a run survives the disk."""

import dataclasses
import json
import math
import sys
from types import SimpleNamespace

import pandas as pd
import pytest
import torch

import dse.training.history
import dse.training.loop
from dse.config import TrainingConfig
from dse.evaluation import evaluate
from dse.objective import LOSSES, joint_embedding_loss
from dse.runs import Run
from dse.sampling import MinibatchSampler
from dse.text import build_text_encoder
from dse.text.tokens import build_vocabulary
from dse.training import start_devices, train
from dse.training.loop import refuse_different_checkpoints
from dse.utils.errors import InputError
from toy_data import COLOURS, colourful_data

DATA = colourful_data()


def config(text_encoder="bag-of-words", **changes):
    return TrainingConfig(text_encoder, **{"steps": 60, "batch_size": 12, **changes})


def trained(text_encoder="bag-of-words", **changes):
    return train(DATA, config(text_encoder, **changes), progress=False)


@pytest.mark.parametrize(
    "text_encoder",
    ["bag-of-words", "bag-of-bigrams", "word2vec", "char-cnn", "char-cnn-rnn", "word-cnn"]
    + ["word-cnn-rnn", "word-lstm", "word-transformer"],
)
def test_learns_to_name_the_classes_it_is_trained_on(text_encoder):
    averaging = text_encoder in ("bag-of-words", "bag-of-bigrams", "word2vec")
    steps, rate = (800, 1e-2) if averaging else (60, 7e-4)
    run = trained(text_encoder, steps=steps, learning_rate=rate)
    assert run.history.loss.tail(10).mean() < 0.8 * run.history.loss.head(3).mean()
    assert evaluate(run, DATA, "trainval").top1 > 3 / 20


def test_bag_of_words_recognises_unseen_pairs_of_known_colours():
    run = trained(steps=1500, lr_decay=1.0)
    assert evaluate(run, DATA).top1 > 0.6  # chance is 1 in 6


@pytest.mark.parametrize("text_encoder", ["bag-of-words", "word2vec", "char-cnn-rnn"])
def test_same_seed_same_bits_and_another_seed_others(text_encoder):
    one, same, other = (trained(text_encoder, steps=5, seed=s) for s in (1, 1, 2))
    for name, value in one.encoder.state_dict().items():
        assert torch.equal(value, same.encoder.state_dict()[name])
    assert one.history.equals(same.history)
    assert not torch.equal(one.encoder.linear.weight, other.encoder.linear.weight)


def test_two_steps_are_the_papers_rmsprop():
    """Two steps written out: m = 0.99 m + 0.01 g², w = w - lr g / (sqrt(m) + 1e-8)."""
    classes = DATA.subset("trainval")
    captions = [caption for own in classes.captions for caption in own]
    generator = torch.Generator().manual_seed(0)
    encoder = build_text_encoder(
        "bag-of-words", 16, vocabulary=build_vocabulary(captions), generator=generator
    )
    sampler = MinibatchSampler(classes, 12)
    weight = encoder.linear.embedding.weight
    mean_square = torch.zeros_like(weight)
    for _ in range(2):
        batch = sampler.draw(generator)
        tokens = encoder.tokenizer([captions[i] for i in batch.captions])
        loss = joint_embedding_loss(classes.features[batch.images, 0], encoder(tokens))
        bias_gradient, gradient = torch.autograd.grad(loss, [encoder.linear.bias, weight])
        assert bias_gradient.abs().max() < 1e-6  # a shift of all texts changes no difference
        mean_square = 0.99 * mean_square + 0.01 * gradient**2
        with torch.no_grad():
            weight -= 7e-4 * gradient / (mean_square.sqrt() + 1e-8)
    learned = trained(steps=2).encoder.linear.embedding.weight
    torch.testing.assert_close(learned, weight, atol=1e-5, rtol=0)


def test_learning_rate_decays_after_every_pass_over_the_classes():
    rates = trained(steps=60).history.learning_rate
    assert rates[0] == pytest.approx(7e-4)
    assert rates[19] == pytest.approx(7e-4) and rates[20] == pytest.approx(7e-4 * 0.98)
    assert rates[59] == pytest.approx(7e-4 * 0.98**2)


def test_the_learning_rate_rises_evenly_while_it_warms_up():
    rates = trained(steps=25, warmup=4).history.learning_rate
    expected = [7e-4 * step / 4 for step in (1, 2, 3, 4)] + [7e-4] * 16
    assert rates[:20].tolist() == pytest.approx(expected)
    assert rates[20] == pytest.approx(7e-4 * 0.98)


def test_the_first_loss_is_that_of_a_random_start():
    loss = trained(steps=1).history.loss[0]
    assert math.isclose(loss, 2 * 11 / 12, abs_tol=0.15)


def test_test_classes_do_not_touch_the_training():
    poisoned = dataclasses.replace(
        DATA,
        features=DATA.features.clone(),
        captions=[list(own) for own in DATA.captions],
    )
    unseen = torch.isin(DATA.labels, DATA.splits["test"])
    poisoned.features[unseen] = float("nan")
    for image in unseen.nonzero().flatten().tolist():
        poisoned.captions[image] = ["zzz qqq"]
    one, other = (train(data, config(steps=10), progress=False) for data in (DATA, poisoned))
    assert one.encoder.tokenizer.vocabulary == other.encoder.tokenizer.vocabulary
    assert torch.equal(one.encoder.linear.weight, other.encoder.linear.weight)


@pytest.mark.parametrize("text_encoder", ["bag-of-bigrams", "word2vec", "char-cnn-rnn"])
def test_a_saved_run_encodes_alike(text_encoder, tmp_path):
    run = train(DATA, config(text_encoder, steps=3), out=tmp_path / "run", progress=False)
    loaded = Run.load(tmp_path / "run")
    captions = ["a red crown", "a bird never heard of", ""]
    assert torch.equal(run.encode(captions), loaded.encode(captions))
    assert loaded.config == run.config
    assert loaded.dataset == run.dataset
    assert loaded.history.loss.tolist() == pytest.approx(run.history.loss.tolist())
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [
        "SHA256SUMS", "config.json", "history.csv", "model.safetensors", "validation.jsonl",
    ]  # fmt: skip


def test_encode_does_not_depend_on_batches_or_order():
    run = trained("char-cnn-rnn", steps=2)
    captions = ["a red crown", "x" * 150, "", "a blue belly and a red crown"]
    rows = run.encode(captions)
    torch.testing.assert_close(rows, run.encode(captions, batch_size=1), atol=1e-6, rtol=0)
    torch.testing.assert_close(rows.flip(0), run.encode(captions[::-1]), atol=1e-6, rtol=0)


def test_a_run_that_a_callback_saves_is_read_back_even_after_one_step(tmp_path):
    def save(step, run):
        if step == 1:
            run.save(tmp_path / "run")

    train(DATA, config(steps=2), progress=False, callback=save)
    assert Run.load(tmp_path / "run").history.empty


def test_a_used_folder_is_refused_before_training(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        train(DATA, config(steps=10**7), out=tmp_path, progress=False)
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_refused_before_training(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file/run cannot be written, because of .*/file"):
        train(DATA, config(steps=10**7), out=tmp_path / "file" / "run", progress=False)


def test_the_folder_may_be_the_one_at_hand_or_a_link(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    train(DATA, config(steps=2), out=".", progress=False)
    assert Run.load(tmp_path / "here").config.steps == 2
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to("target")
    train(DATA, config(steps=2), out=tmp_path / "link", progress=False)
    assert Run.load(tmp_path / "target").config.steps == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "link", "target"]


@pytest.mark.parametrize("text_encoder", ["word-cnn", "word2vec", "bag-of-words"])
def test_captions_in_another_script_are_refused_by_encoders_of_words(text_encoder):
    foreign = dataclasses.replace(
        DATA, captions=[["小さな赤い鳥"] * len(own) for own in DATA.captions]
    )
    with pytest.raises(InputError, match="the captions of colours hold no word"):
        train(foreign, config(text_encoder), progress=False)
    train(foreign, config("char-cnn", steps=1), progress=False)


@pytest.mark.parametrize("text_encoder", ["bag-of-words", "char-cnn"])
def test_an_empty_split_is_not_taken_for_captions_in_another_script(text_encoder):
    empty = dataclasses.replace(DATA, splits={**DATA.splits, "train": DATA.splits["train"][:0]})
    with pytest.raises(InputError, match="train has 0 classes"):
        train(empty, config(text_encoder, split="train"), progress=False)


def test_captions_without_a_word_are_to_be_written():
    silent = dataclasses.replace(DATA, captions=[[""]] * len(DATA))
    with pytest.raises(InputError, match="write or translate"):
        train(silent, config("bag-of-words"), progress=False)


def test_validating_on_a_split_without_classes_is_refused_before_training():
    empty = dataclasses.replace(DATA, splits={**DATA.splits, "val": DATA.splits["val"][:0]})
    with pytest.raises(InputError, match="colours has no class in val"):
        train(empty, config(**{**WATCHED, "steps": 10**7}), progress=False)


def test_validating_on_a_class_without_a_caption_is_refused_before_training():
    name = DATA.class_names[DATA.splits["val"][0]]
    silent = [
        [] if label == DATA.splits["val"][0] else own
        for own, label in zip(DATA.captions, DATA.labels, strict=True)
    ]
    data = dataclasses.replace(DATA, captions=silent)
    with pytest.raises(InputError, match=name):
        train(data, config(**{**WATCHED, "steps": 10**7}), progress=False)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not a run"):
        Run.load(tmp_path)


@pytest.mark.parametrize("damage", ["config.json", "model.safetensors", "history.csv"])
@pytest.mark.parametrize("how", ["cut", "missing"])
def test_a_damaged_run_is_refused_in_one_line(tmp_path, damage, how):
    folder = tmp_path / "run"
    train(DATA, config(steps=2), out=folder, progress=False)
    file = folder / damage
    if how == "missing":
        file.unlink()
    else:
        file.write_bytes(
            file.read_bytes()[: file.stat().st_size // 3] if damage != "history.csv" else b""
        )
    with pytest.raises(InputError) as error:
        Run.load(folder)
    assert str(folder) in str(error.value) and "\n" not in str(error.value)


def test_a_newer_format_is_refused(tmp_path):
    train(DATA, config(steps=2), out=tmp_path / "run", progress=False)
    about = json.loads((tmp_path / "run/config.json").read_text())
    (tmp_path / "run/config.json").write_text(json.dumps({**about, "format": 99}))
    with pytest.raises(InputError, match="format 99"):
        Run.load(tmp_path / "run")


def test_wrong_configurations_are_refused():
    for changes, message in (
        ({"objective": "sje"}, "unknown objective"),
        ({"steps": 0}, "steps is 0"),
        ({"batch_size": 21}, "21 distinct classes"),
        ({"split": "all"}, "unknown split"),
        ({"split": "test"}, "unknown split 'test': choose one of trainval, train"),
        ({"text_encoder": "char-rnn"}, "unknown text encoder 'char-rnn'"),
        ({"seed": -1}, "seed is -1"),
        ({"loss": "hinge"}, "unknown loss 'hinge'"),
        ({"loss": "contrastive", "temperature": 0.0}, "temperature is 0.0"),
        ({"validate_every": 5}, "train on 'train'"),
        ({"validate_every": -5}, "validate_every is -5"),
        ({"patience": 2}, "set validate_every"),
        ({"lr_decay": math.nan}, "lr_decay is nan"),
        ({"captions_per_image": 0}, "captions_per_image is 0"),
        ({"output_bias": "frozen"}, "unknown output bias 'frozen'"),
        ({"units": 5}, "bag-of-words has no hidden units"),
        ({"steps": 10_000_000_000}, "steps is 10000000000: it must be 1 to 10,000,000"),
        ({"steps": 2.0}, "steps is 2.0: it must be of type int"),
        ({"steps": True}, "steps is True"),
        ({"units": "5"}, "units is '5'"),
        ({"batch_size": 0}, "batch_size is 0: it must be 2 to"),
        ({"batch_size": 1}, "batch_size is 1: it must be 2 to"),
        ({"learning_rate": 0}, "learning_rate is 0: it must be 1e-12 to 100"),
        ({"learning_rate": -5.0}, "learning_rate is -5.0"),
        ({"learning_rate": 1e30}, r"learning_rate is 1e\+30"),
        ({"temperature": math.inf}, "temperature is inf: it must be 0.0001 to"),
        ({"temperature": 1e-300}, "temperature is 1e-300"),
        ({"lr_decay": 1.5}, "lr_decay is 1.5"),
    ):
        with pytest.raises(InputError, match=message):
            trained(**changes)
    with pytest.raises(InputError, match="unknown text encoder"):
        trained("word-gru")
    with pytest.raises(InputError, match="no image features"):
        train(dataclasses.replace(DATA, features=None), config(), progress=False)


@pytest.mark.parametrize("text_encoder", ["bag-of-words", "bag-of-bigrams", "word2vec"])
def test_the_vocabulary_of_the_data_is_used_where_there_is_one(text_encoder):
    own = ["a", "belly", "crown", "unheard-of", *COLOURS]  # without "and"
    data = dataclasses.replace(DATA, vocabulary=own)
    run = train(data, config(text_encoder, steps=2), progress=False)
    assert run.encoder.tokenizer.vocabulary == own
    assert torch.isfinite(run.encode(["a red crown", "unheard-of"])).all()
    if text_encoder == "bag-of-bigrams":
        assert "a red" in run.encoder.tokenizer.bigrams


def test_float16_features_train_and_evaluate_as_their_float32_values_do():
    half = dataclasses.replace(DATA, features=DATA.features.half())
    same = dataclasses.replace(DATA, features=DATA.features.half().float())
    one, other = (train(data, config(steps=5), progress=False) for data in (half, same))
    for a, b in zip(one.encoder.parameters(), other.encoder.parameters(), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(evaluate(one, half).scores, evaluate(other, same).scores)
    assert one.dataset["float16"] and not other.dataset["float16"]


def test_training_draws_the_crops_and_evaluation_takes_the_whole_image():
    noise = torch.zeros(len(DATA.labels), 10, 16)
    data = dataclasses.replace(DATA, features=noise, test_features=DATA.features[:, 0])
    run = train(data, config(steps=5), progress=False)
    assert (run.history.loss == 2 * 11 / 12).all()  # all scores are zero, so every hinge is 1
    trained_on_whole = trained(steps=60)
    assert torch.equal(
        evaluate(trained_on_whole, data).scores, evaluate(trained_on_whole, DATA).scores
    )


def test_attributes_recognise_unseen_classes_and_survive_the_disk(tmp_path):
    code = torch.stack([DATA.features[DATA.labels == c, 0].mean(0) for c in range(26)])
    data = dataclasses.replace(DATA, class_attributes=code.round())
    run = train(data, config("attributes", steps=200), out=tmp_path / "run", progress=False)
    assert run.encoder.linear.in_features == 16
    metrics = evaluate(run, data)
    assert metrics.top1 == 1.0
    assert torch.equal(evaluate(Run.load(tmp_path / "run"), data).scores, metrics.scores)
    with pytest.raises(InputError, match="reads no captions"):
        run.encode(["a red crown"])
    with pytest.raises(InputError, match="reads 16 attributes of a class, and colours has none"):
        evaluate(run, DATA)
    with pytest.raises(InputError, match="colours has no class attributes"):
        trained("attributes")


@pytest.mark.parametrize(
    ("captions", "message"),
    [
        ("a red bird", "one string in place of a list"),
        (["a", None], "caption 1 is of type NoneType"),
        ([3.5], "caption 0 is of type float"),
    ],
)
def test_what_is_no_list_of_strings_is_refused(captions, message):
    with pytest.raises(InputError, match=message):
        trained(steps=1).encode(captions)


def test_no_captions_are_no_embeddings():
    assert trained(steps=1).encode([]).shape == (0, 16)


WATCHED = {"split": "train", "validate_every": 20}


def test_the_val_classes_are_validated_on_and_neither_they_nor_the_test_classes_are_trained_on():
    run = trained("word-cnn", **WATCHED)
    assert run.validation.step.tolist() == [20, 40, 60]
    assert run.validation.top1.iloc[-1] == evaluate(run, DATA, "val").top1
    unwatched = trained("word-cnn", split="train")
    assert torch.equal(run.encoder.linear.weight, unwatched.encoder.linear.weight)
    poisoned = dataclasses.replace(DATA, features=DATA.features.clone())
    poisoned.features[torch.isin(DATA.labels, DATA.splits["test"])] = float("nan")
    other = train(poisoned, config("word-cnn", **WATCHED), progress=False)
    assert other.validation.equals(run.validation)


def test_a_validation_takes_the_first_captions_of_every_image(monkeypatch):
    monkeypatch.setattr(dse.training.loop, "VALIDATION_CAPTIONS", 12)  # of six images: two of each
    seen = []

    def spy(run, data, split):
        seen.append(data)
        return evaluate(run, data, split)

    monkeypatch.setattr(dse.training.loop, "evaluate", spy)
    trained(steps=1, split="train", validate_every=1)
    (measured,) = seen
    assert measured.captions == [own[:2] for own in DATA.subset("val").captions]


def test_the_best_step_is_the_first_of_the_best():
    run = trained(steps=1)
    assert run.best_step is None
    run.validation = pd.DataFrame(
        {"step": [10, 20, 30], "top1": [0.1, 0.4, 0.4], "ap50": [0.0] * 3}
    )
    assert run.best_step == 20


def test_training_stops_after_validations_without_improvement(monkeypatch):
    figures = iter([0.2, 0.5, 0.4, 0.5, 0.6])

    def told(run, data, split):
        return SimpleNamespace(top1=next(figures), ap50=0.0)

    monkeypatch.setattr(dse.training.loop, "evaluate", told)
    run = trained(steps=200, patience=2, **WATCHED)
    assert run.validation.top1.tolist() == [0.2, 0.5, 0.4, 0.5]
    assert len(run.history) == 80 and run.best_step == 40


def test_a_loss_that_explodes_ends_the_training():
    with pytest.raises(InputError, match="up to 550"):
        trained(learning_rate=100.0, steps=1000, lr_decay=1.0)


def test_a_loss_that_is_no_number_ends_the_training_at_once():
    data = dataclasses.replace(DATA, features=torch.full_like(DATA.features, math.nan))
    with pytest.raises(InputError, match="nan at the first step"):
        train(data, config(steps=1000), progress=False)


def test_a_first_loss_beyond_all_reason_is_the_fault_of_the_data():
    huge = dataclasses.replace(DATA, features=1e20 * DATA.features)
    with pytest.raises(InputError, match=r"e\+\d+ at the first step: the features"):
        train(huge, config(steps=1000), progress=False)


def test_a_loss_may_leap_and_come_back(monkeypatch):
    for module in (dse.training.loop, dse.training.history):
        monkeypatch.setattr(module, "BLOCK", 1)
    losses = trained("word-cnn").history.loss
    assert losses.max() > 3 * losses[0]
    monkeypatch.setattr(dse.training.history, "SETTLING", 0)
    with pytest.raises(InputError, match="explodes"):
        trained("word-cnn")


def test_mixed_precision_trains_and_keeps_float32_weights():
    run = train(DATA, config("word-cnn", precision="bf16-mixed"), progress=False)
    exact = trained("word-cnn")
    assert {p.dtype for p in run.encoder.parameters()} == {torch.float32}
    assert not torch.equal(run.encoder.linear.weight, exact.encoder.linear.weight)
    assert run.history.loss.tail(10).mean() < 0.8 * run.history.loss[0]


@pytest.mark.parametrize(
    ("asked", "started"),
    [("bf16-mixed", "32-true"), ("32-true", "bf16-mixed"), ("64-true", "16-mixed")],
)
def test_devices_that_compute_in_another_precision_are_refused(asked, started):
    fabric = start_devices(device="cpu", precision=started)
    with pytest.raises(InputError, match=asked):
        train(DATA, config(precision=asked), fabric=fabric, progress=False)


def test_a_run_names_the_precision_that_it_was_trained_in():
    """No CPU computes in float16."""
    runs = [
        train(DATA, config("word-cnn", steps=2, precision=p), device="cpu", progress=False)
        for p in ("16-mixed", "bf16-mixed")
    ]
    assert runs[0].config == runs[1].config
    assert runs[0].fingerprint() == runs[1].fingerprint()


@pytest.mark.parametrize("text_encoder", ["bag-of-words", "word-lstm", "char-cnn-rnn"])
def test_the_da_loss_does_not_depend_on_the_output_bias(text_encoder):
    """Its exact gradient is 0; float32 leaves rounding errors, float64 far smaller ones."""
    run = trained(text_encoder, steps=3)
    tokens = run.encoder.tokenizer([own[0] for own in DATA.captions[::6]])
    images = 20 * DATA.features[::6, 0]  # so that some hinges are 0: all active, `ds` has none, too

    def largest_gradient(objective, dtype):
        encoder = run.encoder.to(dtype)
        loss = joint_embedding_loss(images.to(dtype), encoder(tokens), objective=objective)
        return torch.autograd.grad(loss, encoder.linear.bias)[0].abs().max().item()

    assert largest_gradient("da", torch.float64) < 1e-13
    assert largest_gradient("da", torch.float32) < 1e-4
    assert largest_gradient("ds", torch.float32) > 1e-2


def test_only_a_learned_output_bias_drifts_under_da():
    """RMSprop divides a gradient by its own size, so rounding errors become full steps."""
    learned, zero, exact = (
        trained(steps=200, objective="da", **changes).encoder.linear.bias
        for changes in (
            {"output_bias": "learned"},
            {"output_bias": "auto"},
            {"output_bias": "learned", "precision": "64-true"},
        )
    )
    start = trained(steps=1, output_bias="learned", learning_rate=1e-12).encoder.linear.bias
    assert (learned - start).abs().max() > 1e-3
    assert (exact - start).abs().max() < 1e-6
    assert not zero.any()


def test_an_output_bias_is_learned_with_ds_unless_it_is_to_be_zero():
    assert torch.equal(
        trained().encoder.linear.bias, trained(output_bias="learned").encoder.linear.bias
    )
    assert trained().encoder.linear.bias.any()
    assert not trained(output_bias="zero").encoder.linear.bias.any()


@pytest.mark.parametrize("text_encoder", ["bag-of-bigrams", "word-lstm", "word2vec"])
def test_double_precision_is_kept_to_the_disk_and_back(text_encoder, tmp_path, monkeypatch):
    double = config(text_encoder, precision="64-true", steps=5)
    run = train(DATA, double, tmp_path / "run", progress=False)
    assert {p.dtype for p in run.encoder.parameters()} == {torch.float64}
    loaded = Run.load(tmp_path / "run")
    for one, other in zip(run.encoder.parameters(), loaded.encoder.parameters(), strict=True):
        assert torch.equal(one, other)
    assert evaluate(loaded, DATA).scores.dtype == torch.float32
    single = trained(text_encoder, steps=5)
    assert run.history.loss[0] == pytest.approx(single.history.loss[0], rel=1e-5)
    assert not torch.equal(run.encode(["a red crown"]), single.encode(["a red crown"]))

    def stop(step, _):
        if step == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(dse.training.loop, "CHECKPOINT_EVERY", 2)
    with pytest.raises(KeyboardInterrupt):
        train(DATA, double, tmp_path / "stopped", progress=False, callback=stop)
    resumed = train(DATA, double, tmp_path / "stopped", resume=True, progress=False)
    for one, other in zip(run.encoder.parameters(), resumed.encoder.parameters(), strict=True):
        assert torch.equal(one, other)


def test_logs_for_tensorboard_hold_the_history(tmp_path):
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    run = train(DATA, config(**WATCHED), tensorboard=tmp_path, progress=False)
    logs = event_accumulator.EventAccumulator(str(tmp_path)).Reload()
    losses = logs.Scalars("loss")
    assert [event.step for event in losses] == list(range(1, 61))
    assert [event.value for event in losses] == pytest.approx(run.history.loss.tolist())
    assert [event.value for event in logs.Scalars("val/top1")] == pytest.approx(
        run.validation.top1.tolist()
    )


def test_without_tensorboard_logs_are_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match=r"\[tensorboard\]"):
        train(DATA, config(steps=1), tensorboard=tmp_path, progress=False)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_learns(loss):
    run = trained("word-cnn", loss=loss, steps=100)
    assert run.history.loss.tail(10).mean() < 0.8 * run.history.loss[0]
    assert evaluate(run, DATA, "trainval").top1 > 3 / 20


def test_machines_that_begin_at_different_steps_are_refused(tmp_path):
    """One process imitates two: `all_gather` gives the steps of both."""

    def beside(step):
        return SimpleNamespace(all_gather=lambda own: torch.stack([own, torch.tensor(step)]))

    state = SimpleNamespace(step=8)
    refuse_different_checkpoints(state, beside(8), tmp_path)
    with pytest.raises(InputError, match="different checkpoints"):
        refuse_different_checkpoints(state, beside(0), tmp_path)
