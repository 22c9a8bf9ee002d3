"""Tokens: the authors' alphabet, its double hyphen, its lengths; words and their vocabulary."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dse.text.tokens import (
    ALPHABET,
    BigramTokenizer,
    CharacterTokenizer,
    WordTokenizer,
    build_bigrams,
    build_vocabulary,
    unknown_words,
    words,
)

characters = CharacterTokenizer()


def test_alphabet_has_70_symbols_with_a_double_hyphen_and_the_space_last():
    assert len(ALPHABET) == 70
    assert [i + 1 for i, symbol in enumerate(ALPHABET) if symbol == "-"] == [37, 60]
    assert ALPHABET[-1] == " "
    assert len(set(ALPHABET)) == 69


def test_every_symbol_has_its_place_and_the_later_hyphen_wins():
    characters = CharacterTokenizer()
    assert characters(["\t\x7f\x80é"])[0, :5].tolist() == [70, 70, 70, 70, 0]
    for place, symbol in enumerate(ALPHABET, start=1):
        expected = 60 if symbol == "-" else place
        assert characters([symbol])[0, 0] == expected


def test_half_a_symbol_reads_as_a_space():
    numbers = CharacterTokenizer()(["\ud800a"])
    assert (numbers[0, :3].tolist(), numbers.dtype) == ([70, 1, 0], torch.uint8)


def test_no_text_reaches_the_dead_hyphen_column():
    every_code_point = "".join(map(chr, range(0x20, 0xD800, 7))) + "".join(map(chr, range(128)))
    for start in range(0, len(every_code_point), 201):
        assert not (characters([every_code_point[start : start + 201]]) == 37).any()


def test_a_caption_is_cut_at_201_characters_and_30_words():
    assert characters(["a" * 300]).shape == (1, 201)
    assert (characters(["a" * 300]) == 1).all()
    assert (characters(["a" * 201]) == characters(["a" * 202])).all()
    tokens = WordTokenizer(["a", "b"])
    assert tokens([" ".join(["a"] * 30 + ["b"])]).unique().tolist() == [1]
    assert (tokens([" ".join(["a"] * 29 + ["b"])])[0, -1] == 2).all()


@given(st.lists(st.text(max_size=230), max_size=6))
def test_characters_equal_a_literal_loop(captions):
    expected = []
    for caption in captions:
        row = [0] * 201
        for i, symbol in enumerate(caption.lower()[:201]):
            row[i] = 1 + ALPHABET.rindex(symbol if symbol in ALPHABET else " ")
        expected.append(row)
    assert characters(captions).tolist() == expected


@given(st.lists(st.text(alphabet="ab -'é", max_size=20), min_size=1, max_size=5))
def test_known_words_keep_their_numbers(captions):
    vocabulary = build_vocabulary(captions)
    tokenizer = WordTokenizer(vocabulary)
    for row, caption in zip(tokenizer(captions).tolist(), captions, strict=True):
        read_back = [vocabulary[number - 1] for number in row if number]
        assert read_back == words(caption)[:30]


@given(
    st.lists(st.text(alphabet="abAB -'é\n", max_size=80), max_size=5),
    st.sets(st.sampled_from(["a", "b", "ab", "a'b", "ba"])).map(sorted),
)
def test_words_equal_a_literal_loop(captions, vocabulary):
    expected = []
    for caption in captions:
        row = [0] * 30
        for i, word in enumerate(words(caption)[:30]):
            row[i] = 1 + vocabulary.index(word) if word in vocabulary else 0
        expected.append(row)
    assert WordTokenizer(vocabulary)(captions).tolist() == expected


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
def test_captions_that_are_numbered_in_blocks_have_the_same_numbers(monkeypatch, count):
    captions = ["a b", "", "b c\na", "c", "c a b", "b" * 205, "x"][:count]
    tokenizers = [characters, WordTokenizer("abc"), BigramTokenizer("abc", ["a b", "c a"])]
    whole = [tokenizer(captions) for tokenizer in tokenizers]
    monkeypatch.setattr("dse.text.tokens.BLOCK", 2)
    for tokenizer, expected in zip(tokenizers, whole, strict=True):
        numbers = tokenizer(captions)
        assert numbers.dtype == expected.dtype
        assert numbers.tolist() == expected.tolist()


@pytest.mark.parametrize("caption", ["", "   ", "?!"])
def test_a_caption_without_words_is_all_zeros(caption):
    assert not WordTokenizer(["a"])([caption]).any()


@given(st.lists(st.lists(st.sampled_from("abcx"), max_size=40), max_size=5))
def test_pairs_are_numbered_as_one_would_by_hand(captions):
    bigrams = ["a b", "b a", "c c", "c a"]
    tokenizer = BigramTokenizer(["c", "b", "a"], bigrams)
    tokens = tokenizer([" ".join(caption) for caption in captions])
    assert tokens.shape == (len(captions), 59)
    assert tokens.dtype == torch.int32
    for caption, row in zip(captions, tokens.tolist(), strict=True):
        read, seen = caption[:30], []
        for one, other in pairwise(read):
            pair = f"{one} {other}"
            new = pair in bigrams and pair not in seen
            seen.append(pair)
            assert row[29 + len(seen)] == (1 + bigrams.index(pair) if new else 0)
        assert not any(row[30 + len(seen) :])
        assert row[:30] == WordTokenizer(["c", "b", "a"])([" ".join(caption)])[0].tolist()


def test_bigrams_are_counted_once_a_caption():
    assert build_bigrams(["b a b a", "c"]) == []
    assert build_bigrams(["b a b a", "b a"]) == ["b a"]
    assert build_bigrams(["b a b a"], min_count=1) == ["a b", "b a"]
    assert build_bigrams(["b a c a"], min_count=1, vocabulary=iter("abd")) == ["b a"]


def test_a_pair_counts_once_and_there_may_be_none():
    assert BigramTokenizer("ab", ["a a"], length=4)(["a a a a"])[0, 4:].tolist() == [1, 0, 0]
    tokens = BigramTokenizer("ab", [], length=3)(["a b a"])
    assert (tokens.tolist(), tokens.dtype) == ([[1, 2, 1, 0, 0]], torch.int32)


def test_a_pair_with_an_unknown_word_is_no_known_pair():
    tokenizer = BigramTokenizer("abc", ["a a", "a b", "b a", "c c"], length=2)
    for one in "abcx":
        for other in "abcx":
            pair = f"{one} {other}"
            number = 1 + tokenizer.bigrams.index(pair) if pair in tokenizer.bigrams else 0
            assert tokenizer([pair])[0, 2] == number


def test_bigrams_are_those_of_the_words_that_are_read():
    tokenizer = BigramTokenizer("abc", ["a b", "b c"], length=2)
    assert tokenizer(["a b c"]).tolist() == [[1, 2, 1]]
    assert tokenizer.spans("a b c") == [(0, 1), (2, 3)]


def test_unknown_words_are_counted():
    captions = ["A red, red bird", "a crimson bird: crimson!", "blue"]
    assert unknown_words(captions, iter(["a", "red", "bird"])) == {"crimson": 2, "blue": 1}


@given(st.text(max_size=230))
def test_spans_are_where_the_tokens_stand(caption):
    for tokenizer in (characters, WordTokenizer(["a", "bird"])):
        spans = tokenizer.spans(caption)
        assert all(0 <= start < end <= len(caption) for start, end in spans)
        assert spans == sorted(spans)
    assert [words(caption[a:b])[0] for a, b in spans] == words(caption)[:30]
    read = characters.spans(caption)
    assert len(read) == (characters([caption]) > 0).sum()
    for (start, end), token in zip(read, characters([caption])[0], strict=False):
        assert token in characters([caption[start:end]])


def test_spans_of_a_capital_letter_that_becomes_two_characters():
    assert characters.spans("İa") == [(0, 1), (0, 1), (1, 2)]
    assert WordTokenizer(["red"]).spans("İİ red") == [(0, 1), (1, 2), (3, 6)]
