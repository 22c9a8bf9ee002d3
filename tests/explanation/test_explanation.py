"""Explanations: their sums, against literal implementations; spans; encoders that have none."""

import json
import sys
from functools import cache
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import dse
from dse.config import TrainingConfig
from dse.explanation import explain
from dse.runs import Run
from dse.text import TEXT_ENCODERS, register_text_encoder
from dse.text.transformer import SentenceVectors
from dse.utils.errors import InputError
from explained_runs import BY_GRADIENTS, EXACT, VOCABULARY, a_feature, untrained

CAPTION = "A bird with a red crown, and with a blue belly. A red-crowned bird!"
CAPTIONS = (
    CAPTION,
    "",
    CAPTION * 100,
    "İ鳥は赤い 🐦 птица with a blue belly Ω",
    "<script>alert('a red bird')</script> & co",
    "zwitschert laut",
    " \n\t",
)
CNN_RNNS = [name for name in EXACT if "cnn-rnn" in name]
run_of = cache(untrained)


def evidence(terms):
    return [term.evidence for term in terms]


@pytest.mark.parametrize("name", EXACT)
def test_an_exact_sum_is_the_score(name):
    run, feature = run_of(name), a_feature()
    for caption in CAPTIONS:
        why = explain(run, caption, feature)
        score = float(run.encode([caption])[0].double() @ feature.double())
        assert (why.method, why.score, why.caption) == ("exact", score, caption)
        parts = [why.constant, *evidence(why.terms)]
        assert sum(parts) == pytest.approx(score, abs=1e-5 * sum(map(abs, parts)))
        if name != "word2vec-standardised":
            bias = float(run.encoder.linear.bias.detach() @ feature)
            assert why.constant == pytest.approx(bias)
        shared = sum(evidence(why.tokens)) + why.after_the_end
        assert shared == pytest.approx(sum(evidence(why.terms)), abs=1e-9)


@pytest.mark.parametrize("name", [*BY_GRADIENTS, "word-cnn-rnn", "word-lstm"])
def test_integrated_gradients_sum_to_the_score_within_1_percent(name):
    run, feature = run_of(name), a_feature()
    for caption in ("İ鳥 with a blue belly Ω", ""):
        why = explain(run, caption, feature, method="integrated gradients")
        size = sum(map(abs, evidence(why.terms)))
        assert abs(why.difference) <= 0.01 * size + 1e-6
        if "cnn" in name:
            empty = float(run.encode([""])[0].double() @ feature.double())
            assert why.constant == pytest.approx(empty, abs=1e-5)


@pytest.mark.parametrize("name", BY_GRADIENTS)
def test_without_a_method_other_networks_have_gradients(name):
    why = explain(run_of(name), "a red bird", a_feature())
    assert why.method == "integrated gradients"
    assert len(why.terms) == (10 if name == "char-cnn" else 3)


def test_every_encoder_is_explained_or_refused():
    refused = {"attributes", "sentence-vectors", "clip-text"}
    assert {*EXACT, *BY_GRADIENTS} == {name for name in TEXT_ENCODERS if name not in refused}


@pytest.mark.parametrize("name", ["char-cnn-rnn", "word-cnn-rnn", "char-cnn-rnn-icml-flowers"])
def test_steps_of_a_cnn_rnn_equal_a_literal_recurrence(name):
    encoder, v = run_of(name).encoder, a_feature()
    with torch.no_grad():
        columns = encoder.convolutions(encoder.tokenizer([CAPTION]))[0].T
        h, expected = None, []
        for x in columns:
            before = encoder.rnn.from_input(x)
            h = (before if h is None else before + encoder.rnn.from_hidden(h)).clamp(min=0)
            expected.append(float(encoder.linear.weight @ h @ v / len(columns)))
    found = evidence(explain(run_of(name), CAPTION, v).terms)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_steps_of_an_lstm_are_what_each_prefix_adds():
    run, v = run_of("char-lstm"), a_feature()
    caption = "a red bird"
    why = explain(run, caption, v)
    scores = run.encode([caption[:n] for n in range(len(caption) + 1)]) @ v
    sums = [n * (float(score) - why.constant) for n, score in enumerate(scores)]
    expected = [(after - before) / len(caption) for before, after in pairwise(sums)]
    assert evidence(why.terms) == pytest.approx(expected, abs=1e-5)


def test_a_word_of_a_bag_adds_what_is_lost_without_it():
    run, v = run_of("bag-of-words"), a_feature()
    why = explain(run, "a red bird, a RED crown", v)
    assert [term.text for term in why.terms] == ["a", "red", "bird", "crown"]  # each once
    without = float(run.encode(["a bird, a crown"])[0] @ v)
    assert why.terms[1].evidence == pytest.approx(why.score - without, abs=1e-5)
    assert [token.evidence for token in why.tokens][3:5] == [0, 0]  # a, RED


def test_a_bag_of_bigrams_has_terms_for_pairs():
    run, v = run_of("bag-of-bigrams"), a_feature()
    why = explain(run, "a bird with a Red, crown", v)
    texts = [term.text for term in why.terms]
    assert texts == ["a", "bird", "with", "Red", "crown", "a bird", "Red, crown"]
    row = float(run.encoder.pairs.weight[3].detach() @ v)
    assert why.terms[-1].evidence == pytest.approx(row)
    assert why.tokens[-1].evidence == pytest.approx(why.terms[4].evidence + row / 2)


def test_words_of_a_mean_share_it_and_unknown_ones_have_no_part():
    run, v = run_of("word2vec"), a_feature()
    why = explain(run, "red zzz bird red", v)
    assert [term.text for term in why.terms] == ["red", "bird", "red"]
    alone = explain(run, "red", v)
    assert why.terms[0].evidence == pytest.approx(alone.terms[0].evidence / 3)


@pytest.mark.parametrize("name", ["char-cnn", "char-cnn-rnn"])
def test_gradients_equal_a_literal_integral(name, monkeypatch):
    """Over one-hot columns in float64, with autograd's own gradients, in the middle of 16 steps."""
    monkeypatch.setattr("dse.explanation.gradients.STEPS", 16)
    run, v = untrained(name), a_feature().double()
    found = explain(run, "a red bird, a blue one", v, method="integrated gradients")
    encoder = run.encoder.double()
    one_hot, *layers = encoder.convolutions
    columns = one_hot(encoder.tokenizer(["a red bird, a blue one"])).double()
    total = torch.zeros_like(columns)
    for k in range(16):
        x = ((k + 0.5) / 16 * columns).requires_grad_()
        y = nn.Sequential(*layers)(x).transpose(1, 2)
        y = encoder.rnn(y) if name == "char-cnn-rnn" else encoder.hidden(y.flatten(1))
        total += torch.autograd.grad(encoder.linear(y)[0] @ v, x)[0]
    expected = (total / 16 * columns).sum(1)[0, : len(found.terms)].tolist()
    assert evidence(found.terms) == pytest.approx(expected, abs=1e-3 * max(map(abs, expected)))


@pytest.mark.parametrize("name", CNN_RNNS)
def test_a_step_depends_on_nothing_after_its_window(name):
    run, v = run_of(name), a_feature()
    caption = "red crown and blue belly " * 5
    before = explain(run, caption, v)
    for start in [0, *(i + 1 for i, symbol in enumerate(caption[:-1]) if symbol == " ")][::3]:
        end = caption.index(" ", start)
        other = caption[:start] + "with"[: end - start].ljust(end - start) + caption[end:]
        after = explain(run, other, v)
        changed = [
            abs(old.evidence - new.evidence) > 1e-7
            for old, new in zip(before.terms, after.terms, strict=True)
        ]
        assert any(changed)
        assert all(term.end > start for term, c in zip(before.terms, changed, strict=True) if c)


@pytest.mark.parametrize("name", CNN_RNNS)
def test_a_window_is_no_wider_than_what_its_column_reads(name):
    """A change of the tokens at its ends reaches the column of its step; one beyond does not."""
    tokenizer, layers = run_of(name).encoder.tokenizer, run_of(name).encoder.convolutions
    caption = "ab " * 67
    term = explain(run_of(name), caption, a_feature()).terms[1]
    starts, ends = zip(*tokenizer.spans(caption), strict=True)
    first, last = starts.index(term.start), ends.index(term.end)
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(1, tokenizer.size + 1, (20, tokenizer.length), generator=generator)
    for place, reached in ((first - 1, False), (first, True), (last, True), (last + 1, False)):
        changed = tokens.clone()
        changed[:, place] = 1 + tokens[:, place] % tokenizer.size
        with torch.no_grad():
            columns, after = layers(tokens)[:, :, 1], layers(changed)[:, :, 1]
        assert bool((columns != after).any()) == reached


def test_windows_of_the_char_cnn_rnn():
    why = explain(run_of("char-cnn-rnn"), "x" * 60, a_feature())
    places = [(term.start, term.end) for term in why.terms]
    assert places == [(0, 60), (18, 60), (36, 60), (54, 60), *[(60, 60)] * 4]
    assert {term.text for term in why.terms[4:]} == {""}
    assert why.after_the_end == pytest.approx(sum(evidence(why.terms[4:])))
    long = explain(run_of("char-cnn-rnn"), "x" * 400, a_feature())
    assert (long.terms[-1].start, long.terms[-1].end) == (126, 192)


def test_what_is_cut_off_has_no_part():
    v = a_feature()
    for name, read in (("char-lstm", 201), ("char-cnn-rnn", 201), ("word-lstm", 30)):
        caption = "red " * 200
        why = explain(run_of(name), caption, v)
        assert len(why.tokens) == read
        assert why.tokens[-1].end == (201 if name.startswith("char") else 30 * 4 - 1)


@pytest.mark.parametrize("name", ["char-cnn-rnn", "word-lstm", "bag-of-bigrams"])
@given(caption=st.text(max_size=250))
@settings(max_examples=15)
def test_parts_are_pieces_of_any_caption_and_keep_its_sum(name, caption):
    why = explain(run_of(name), caption, a_feature())
    for part in (*why.terms, *why.tokens):
        assert part.text == caption[part.start : part.end]
    starts = [token.start for token in why.tokens]
    assert starts == sorted(set(starts))
    words = why.by_word()
    assert "".join(word.text for word in words) == caption[: words[-1].end if words else 0]
    assert sum(evidence(words)) == pytest.approx(sum(evidence(why.tokens)), abs=1e-6)


def test_words_are_divided_by_white_space():
    why = explain(run_of("char-lstm"), "  a red-crowned  bird", a_feature())
    assert [word.text for word in why.by_word()] == ["  a ", "red-crowned  ", "bird"]
    assert why.by_word()[2].evidence == pytest.approx(sum(evidence(why.terms[-4:])))
    assert explain(run_of("char-lstm"), "", a_feature()).by_word() == ()


@pytest.mark.parametrize("name", ["char-cnn-rnn", "bag-of-bigrams"])
def test_evidence_is_linear_in_the_feature(name):
    run, one, other = run_of(name), a_feature(1).double(), a_feature(2).double()
    between = explain(run, CAPTION, one - other)
    parts = zip(explain(run, CAPTION, one).terms, explain(run, CAPTION, other).terms, strict=True)
    expected = [a.evidence - b.evidence for a, b in parts]
    assert evidence(between.terms) == pytest.approx(expected, abs=1e-9)


def test_it_is_plain_values_in_json():
    why = explain(run_of("word-lstm"), "a red 鳥", a_feature())
    read = json.loads(json.dumps(why.to_dict()))
    assert (read["text_encoder"], read["method"]) == ("word-lstm", "exact")
    assert read["terms"][1]["text"] == "red"
    total = read["constant"] + sum(term["evidence"] for term in read["terms"])
    assert total == pytest.approx(read["score"], abs=1e-5)
    assert len(repr(explain(run_of("word-lstm"), "red " * 500, a_feature()))) < 120


def test_explaining_leaves_the_encoder_as_it_was():
    run = run_of("char-cnn")
    before = run.encode([CAPTION])
    explain(run, CAPTION, a_feature())
    assert torch.equal(run.encode([CAPTION]), before)
    assert run.encoder.packing and not run.encoder.convolutions[0]._forward_hooks


class Frozen:
    size = 4

    def __call__(self, captions):
        return torch.ones(len(captions), 4)


class FirstWord(nn.Module):
    def __init__(self, embedding_dim):
        super().__init__()
        self.tokenizer = Frozen()
        self.linear = nn.Linear(4, embedding_dim)

    def forward(self, tokens):
        return self.linear(tokens)


def test_what_cannot_be_explained_is_refused():
    with pytest.raises(InputError, match="attributes"):
        explain(run_of("attributes"), "a bird", a_feature())
    frozen = SentenceVectors(Frozen(), 16)
    run = Run(frozen, TrainingConfig("sentence-vectors"), {}, run_of("char-cnn").history)
    with pytest.raises(InputError, match="sentence-vectors"):
        explain(run, "a bird", a_feature())
    register_text_encoder("first", FirstWord)
    try:
        own = Run(FirstWord(16), TrainingConfig("first"), {}, run.history)
        with pytest.raises(InputError, match="first"):
            explain(own, "a bird", a_feature())
    finally:
        del TEXT_ENCODERS["first"]


@pytest.mark.parametrize(
    ("name", "method"),
    [("char-cnn", "exact"), ("bag-of-words", "integrated gradients"), ("char-cnn", "guess")],
)
def test_a_method_that_an_encoder_does_not_have_is_refused(name, method):
    with pytest.raises(InputError, match=method):
        explain(run_of(name), "a bird", a_feature(), method=method)


@pytest.mark.parametrize(
    "feature", [torch.ones(8), torch.ones(1, 16), torch.full((16,), torch.nan)]
)
def test_a_feature_that_does_not_fit_is_refused(feature):
    with pytest.raises(InputError):
        explain(run_of("bag-of-words"), "a bird", feature)


def test_gradients_without_captum_name_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(InputError, match=r"\[explain\]"):
        explain(run_of("word-cnn"), "a bird", a_feature())


def test_an_image_is_given_as_a_file_or_as_it_is(tmp_path):
    from PIL import Image

    image = Image.new("RGB", (8, 6), "red")
    image.save(tmp_path / "bird.png")
    run, v = run_of("bag-of-words"), a_feature()
    for given_image in (image, tmp_path / "bird.png", str(tmp_path / "bird.png")):
        assert explain(run, "a bird", v, image=given_image).image.size == (8, 6)
    with pytest.raises(InputError, match=r"nowhere\.png"):
        explain(run, "a bird", v, image=tmp_path / "nowhere.png")


def test_it_is_public():
    assert dse.explain is explain and set(VOCABULARY) > {"red", "blue"}
