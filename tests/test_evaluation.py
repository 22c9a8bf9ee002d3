"""Evaluation against literal implementations, on ties, small sets and uneven classes."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dse.config import TrainingConfig
from dse.datasets.described_images import DescribedImages
from dse.evaluation import (
    average_precision,
    class_embeddings,
    confusion,
    evaluate,
    mean_by_class,
    measure,
    pair_accuracy,
    precision_at,
    score,
)
from dse.runs import Run
from dse.text.averages import ClassAttributes
from dse.utils.errors import InputError

names = [f"class {c}" for c in range(6)]


def random_scores(seed, images=80, classes=6):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(images, classes, generator=generator) - 3  # mostly negative, as may be
    labels = torch.randint(0, classes, (images,), generator=generator)
    labels[:classes] = torch.arange(classes)
    return scores, labels


@given(st.integers(0, 2**31), st.integers(6, 120))
def test_figures_equal_literal_loops(seed, images):
    scores, labels = random_scores(seed, images)
    metrics = measure(scores, labels, names)
    right = [max(range(6), key=scores[n].tolist().__getitem__) == labels[n] for n in range(images)]
    assert metrics.top1 == pytest.approx(sum(map(int, right)) / images)
    shares, precisions = [], []
    for c in range(6):
        own = [int(right[n]) for n in range(images) if labels[n] == c]
        shares.append(sum(own) / len(own))
        ranked = sorted(range(images), key=lambda n: -float(scores[n, c]))[:50]
        precisions.append(sum(int(labels[n] == c) for n in ranked) / len(ranked))
    assert metrics.top1_per_class == pytest.approx(sum(shares) / 6, abs=1e-6)
    assert metrics.ap50 == pytest.approx(sum(precisions) / 6, abs=1e-6)
    assert metrics.class_top1.tolist() == pytest.approx(shares, abs=1e-6)


@given(st.integers(0, 2**31))
def test_a_perfect_scorer_gets_one_and_shifting_an_image_changes_no_class(seed):
    scores, labels = random_scores(seed)
    own = torch.nn.functional.one_hot(labels, 6).float()
    metrics = measure(scores + 100 * own, labels, names)
    assert metrics.top1 == metrics.top1_per_class == 1
    shifted = measure(scores + torch.randn(80, 1), labels, names)
    assert shifted.top1 == measure(scores, labels, names).top1


META = torch.device("meta")
METRICS = {
    "measure": lambda scores, labels: measure(scores, labels, names).class_average_precision,
    "precision_at": lambda scores, labels: precision_at(scores, labels, 50),
    "precision_at, of queries": lambda scores, labels: precision_at(scores, labels, 50, labels[:6]),
    "average_precision": average_precision,
    "confusion": confusion,
    "pair_accuracy": lambda scores, labels: pair_accuracy(
        scores, labels, torch.tensor([[0, 3], [5, 1]])
    ),
    "mean_by_class": lambda scores, labels: mean_by_class(scores, labels, 6),
    "score": lambda scores, labels: score(DATA, torch.ones(3, 2, device=scores.device)),
}


@pytest.mark.parametrize("name", METRICS)
def test_metrics_compute_where_their_scores_are(name):
    """On `meta` a tensor that was made on the CPU raises an error where it meets another."""
    scores, labels = random_scores(0)
    expected = METRICS[name](scores, labels)
    found = METRICS[name](scores.to(META), labels.to(META))
    assert found.device == META
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)


def test_metrics_are_short_in_print():
    scores, labels = random_scores(3)
    metrics = measure(scores, labels, names)
    assert repr(metrics) == (
        f"Metrics(top1={metrics.top1:.3f}, ap50={metrics.ap50:.3f}, 6 classes, 80 images)"
    )
    assert metrics != measure(scores, labels, names)  # compared by identity, without an error


def test_a_class_without_an_image_counts_in_no_mean_over_classes():
    scores, labels = random_scores(5, classes=5)
    scores = torch.cat([scores, torch.full((80, 1), -99.0)], dim=1)
    with_empty, without = measure(scores, labels, names), measure(scores[:, :5], labels, names[:5])
    assert with_empty.class_top1[5].isnan()
    assert (with_empty.top1_per_class, with_empty.map) == (without.top1_per_class, without.map)


def test_precision_agrees_with_scikit_learn_on_negative_scores():
    sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    scores, labels = random_scores(1, images=50)
    base = precision_at(scores, labels, 50)
    for c in range(6):
        truth = (labels == c).numpy()
        assert base[c] == pytest.approx(truth.mean())
        tenth = precision_at(scores, labels, 10)[c]
        top = scores[:, c].sort(descending=True).values[9]
        predicted = (scores[:, c] >= top).numpy()
        assert tenth == pytest.approx(sklearn.precision_score(truth, predicted))


@given(st.integers(0, 2**31), st.integers(6, 120))
def test_average_precision_equals_its_definition(seed, images):
    scores, labels = random_scores(seed, images)
    for c, value in enumerate(average_precision(scores, labels).tolist()):
        ranked = sorted(range(images), key=lambda n: -float(scores[n, c]))
        found = [rank for rank, n in enumerate(ranked, 1) if labels[n] == c]
        precisions = [sum(r <= rank for r in found) / rank for rank in found]
        assert value == pytest.approx(sum(precisions) / len(found), abs=1e-6)


def test_images_with_equal_scores_are_ranked_in_their_own_order():
    """As a stable sort does; from 17 on another puts them in an order of its own on some CPUs."""
    scores = torch.tensor([2.0, 1.0, 0.0]).repeat_interleave(40).unsqueeze(1)
    labels = torch.ones(120, dtype=torch.int64)
    labels[[2, 30, 50]] = 0
    expected = (1 / 3 + 2 / 31 + 3 / 51) / 3
    assert average_precision(scores, labels).item() == pytest.approx(expected)


def test_average_precision_agrees_with_scikit_learn():
    sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    scores, labels = random_scores(4)
    for c, value in enumerate(average_precision(scores, labels).tolist()):
        expected = sklearn.average_precision_score((labels == c).numpy(), scores[:, c].numpy())
        assert value == pytest.approx(expected, abs=1e-6)


@given(st.integers(0, 2**31))
def test_confusion_counts_every_image_once(seed):
    scores, labels = random_scores(seed)
    counts = confusion(scores, labels)
    metrics = measure(scores, labels, names)
    assert counts.sum(1).tolist() == torch.bincount(labels, minlength=6).tolist()
    assert counts.diagonal().sum() / 80 == pytest.approx(metrics.top1)
    assert counts[2, 4] == sum(
        int(labels[n] == 2 and scores[n].tolist().index(max(scores[n].tolist())) == 4)
        for n in range(80)
    )


def test_dictionary_holds_the_reported_names():
    scores, labels = random_scores(2, images=30)  # shares of many digits
    metrics = measure(scores, labels, names)
    figures = metrics.to_dict()
    shares = {"top1", "top1_per_class", "ap50", "map"}
    assert set(figures) == {*shares, "classes", "images", "per_class"}
    assert (figures["classes"], figures["images"]) == (6, 30)
    own = list(figures["per_class"].values())
    assert sum(c["images"] for c in own) == 30
    assert sum(c["ap"] for c in own) / 6 == pytest.approx(metrics.map, abs=1e-6)
    assert list(figures["per_class"]) == names
    for c in range(6):
        assert own[c] == {
            "top1": round(float(metrics.class_top1[c]), 6),
            "ap50": round(float(metrics.class_precision[c]), 6),
            "ap": round(float(metrics.class_average_precision[c]), 6),
            "images": int((labels == c).sum()),
        }


@given(st.integers(0, 2**31))
def test_pairs_equal_a_literal_loop(seed):
    scores, labels = random_scores(seed)
    pairs = torch.tensor([[0, 3], [5, 1]])
    for (one, other), share in zip(
        pairs.tolist(), pair_accuracy(scores, labels, pairs).tolist(), strict=True
    ):
        wins = [scores[n, one] > scores[n, other] for n in range(80) if labels[n] == one]
        wins += [scores[n, other] > scores[n, one] for n in range(80) if labels[n] == other]
        assert share == pytest.approx(sum(map(int, wins)) / len(wins))


def test_a_tie_within_a_pair_is_not_won():
    pairs = torch.tensor([[0, 1]])
    assert pair_accuracy(torch.zeros(2, 2), torch.tensor([0, 1]), pairs).tolist() == [0]


class Lengths(torch.nn.Module):
    """A text encoder that embeds a caption as (its length, 1)."""

    linear = torch.nn.Linear(1, 2)

    def tokenizer(self, captions):
        return torch.tensor([[len(caption)] for caption in captions])

    def forward(self, tokens):
        return torch.cat([tokens.float(), torch.ones(len(tokens), 1)], dim=1)


RUN = Run(Lengths(), TrainingConfig("bag-of-words"), {}, None)
DATA = DescribedImages(
    "lengths",
    torch.tensor([[[1.0, 0.0]], [[-1.0, 6.0]], [[1.0, 1.0]], [[0.0, 0.0]]]),
    torch.tensor([1, 0, 1, 2]),
    [["aaaa", "aaaaaaaa"], ["a"], ["aaa"], ["a"]],
    ["short", "long", "trained on"],
    {"trainval": torch.tensor([2]), "test": torch.tensor([0, 1])},
)


def test_a_class_is_the_mean_of_all_its_captions():
    expected = [[1.0, 1.0], [5.0, 1.0]]
    assert class_embeddings(RUN, DATA.subset("test")).tolist() == expected


@pytest.mark.parametrize("block", [1, 2, 3])
def test_captions_are_embedded_in_blocks(monkeypatch, block):
    held = []
    monkeypatch.setattr("dse.evaluation.BLOCK", block)
    encode = Run.encode
    monkeypatch.setattr(Run, "encode", lambda run, own: held.append(len(own)) or encode(run, own))
    assert class_embeddings(RUN, DATA.subset("test")).tolist() == [[1.0, 1.0], [5.0, 1.0]]
    assert (max(held), sum(held)) == (block, 4)


def test_a_class_without_a_caption_has_no_embedding():
    silent = replace(DATA, captions=[*DATA.captions[:3], []])  # the last class of three
    assert class_embeddings(RUN, silent).isnan().all(1).tolist() == [False, False, True]


def test_a_class_without_a_caption_is_not_measured():
    """NaN would pass for the highest score of every image."""
    silent = replace(DATA, captions=[["a"], [], ["a"], ["a"]])
    with pytest.raises(InputError, match="short"):
        evaluate(RUN, silent)
    run = Run(ClassAttributes(1, embedding_dim=2), TrainingConfig("attributes"), {}, None)
    attributes = torch.tensor([[1.0], [2.0], [3.0]])
    assert evaluate(run, replace(silent, class_attributes=attributes)).scores.isfinite().all()


def test_a_class_is_its_attributes_where_the_run_reads_those():
    encoder = ClassAttributes(3, embedding_dim=2)
    run = Run(encoder, TrainingConfig("attributes"), {}, None)
    attributes = torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0], [5.0, 5.0, 5.0]])
    data = replace(DATA, class_attributes=attributes)
    with torch.no_grad():
        expected = encoder(attributes)
    torch.testing.assert_close(class_embeddings(run, data), expected)
    torch.nn.Linear(2, 1)(class_embeddings(run, data)).sum().backward()  # they can be learned from
    torch.testing.assert_close(class_embeddings(run, data.subset("test")), expected[:2])
    with pytest.raises(InputError, match="3 attributes of a class, and lengths has none"):
        class_embeddings(run, DATA)
    with pytest.raises(InputError, match="lengths has 2"):
        class_embeddings(run, replace(DATA, class_attributes=attributes[:, :2]))


def test_evaluates_only_the_classes_of_the_split():
    metrics = evaluate(RUN, DATA)
    assert metrics.scores.tolist() == [[1.0, 5.0], [5.0, 1.0], [2.0, 6.0]]
    assert (metrics.top1, metrics.class_names) == (1.0, ["short", "long"])


def test_refuses_features_of_another_dimension_and_unknown_splits():
    other = DescribedImages(
        "lengths", torch.zeros(4, 1, 3), DATA.labels, DATA.captions, DATA.class_names, DATA.splits
    )
    with pytest.raises(InputError, match="2 dimensions"):
        evaluate(RUN, other)
    with pytest.raises(InputError, match="no image features"):
        evaluate(RUN, replace(DATA, features=None))
    with pytest.raises(InputError, match="'validation'"):
        evaluate(RUN, DATA, "validation")
