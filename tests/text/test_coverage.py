"""What an encoder reads of captions: the counts agree with its tokenizer."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dse.text.coverage import coverage_of
from dse.text.tokens import BigramTokenizer, CharacterTokenizer, WordTokenizer

TOKENIZERS = {
    "characters": CharacterTokenizer(length=6),
    "words": WordTokenizer(["a", "ab"], length=2),
    "bigrams": BigramTokenizer(["a", "ab"], ["a ab"], length=2),
}


@pytest.mark.parametrize("kind", TOKENIZERS)
@given(caption=st.text(st.sampled_from("ab \u00e9,Z\u0130"), max_size=12))
def test_cut_off_means_that_the_last_word_or_letter_changes_no_token(kind, caption):
    tokenizer, coverage = TOKENIZERS[kind], coverage_of(TOKENIZERS[kind])
    longer = caption + ("a" if kind == "characters" else " a")
    coverage.add(longer)
    assert coverage.cut_off == torch.equal(tokenizer([longer]), tokenizer([caption]))


def test_counts_of_each_kind():
    characters, words = coverage_of(TOKENIZERS["characters"]), coverage_of(TOKENIZERS["words"])
    for caption in ("A b\u00e9", "ab, z ab", ""):
        characters.add(caption)
        words.add(caption)
    assert characters.to_dict() == {
        "unit": "characters", "length": 6, "captions": 3, "cut_off": 1, "units": 12, "unknown": 1,
    }  # fmt: skip
    assert words.to_dict() == {
        "unit": "words", "length": 2, "captions": 3, "cut_off": 1, "units": 5, "unknown": 2,
    }  # fmt: skip


def test_another_tokenizer_is_not_counted():
    assert coverage_of(len) is None
