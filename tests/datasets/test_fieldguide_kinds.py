"""The kinds of caption: what each promises, and what none of them gives away."""

import re
from collections import Counter
from itertools import pairwise

import pytest

from dse.datasets.fieldguide.captions import COLOUR_WORDS, PART_WORDS
from dse.datasets.fieldguide.chance import stream
from dse.datasets.fieldguide.kinds import (
    KINDS,
    MISSPELT_RATE,
    distant,
    few_words,
    misspell,
    shifted,
    write_caption,
)
from dse.datasets.fieldguide.species import draw_attributes
from dse.text.tokens import CHARACTER_LENGTH, WORD_LENGTH, words

COLOURS = {w for names in COLOUR_WORDS.values() for w in " ".join(names).split()}
PARTS = {w for names in PART_WORDS.values() for w in names}
DRAWS = 6000

# The species of a pair; the back has one of the exchanged colours, too.
ONE = {**draw_attributes(stream(1)), "crown": "red", "belly": "blue", "back": "red"}
OTHER = {**ONE, "crown": "blue", "belly": "red"}


def drawn(write, attributes=ONE, key=0, draws=DRAWS):
    rng = stream(7, key)
    return [write(attributes, (), rng) for _ in range(draws)]


def differing(write, n):
    """The runs of n words that captions of one species hold more often than the other's.

    More often than chance explains, that is: by more than five standard deviations.
    """
    counts = []
    for key, attributes in enumerate((ONE, OTHER)):
        texts = [words(caption) for caption in drawn(write, attributes, key)]
        runs = ({tuple(text[i : i + n]) for i in range(len(text) - n + 1)} for text in texts)
        counts.append(Counter(run for caption in runs for run in caption))
    one, other = counts
    return {
        run
        for run in one | other
        if abs(one[run] - other[run]) > 5 * (one[run] + other[run] + 1) ** 0.5
    }


@pytest.mark.parametrize("kind", KINDS)
def test_words_are_equally_frequent_in_both_species_of_a_pair(kind):
    grammar = {("is",), ("are",), ("a",), ("and",), ("its",), ("the",)}
    assert not differing(KINDS[kind], 1) - grammar


@pytest.mark.parametrize("n", [2, 3, 4])
def test_runs_of_words_in_distant_captions_are_equally_frequent_in_both_species(n):
    assert not differing(distant, n)


@pytest.mark.parametrize("kind", ["plain", "shifted", "few words"])
def test_neighbouring_words_of_other_kinds_tell_the_two_species_apart(kind):
    assert ("red", "crown") in differing(KINDS[kind], 2)


def test_for_each_distant_caption_another_meaning_has_the_same_neighbouring_words():
    """Exchange the two colours, or, if there is only one, the two parts."""

    def neighbours(text):
        return Counter(pairwise(["start", *text, "end"]))

    for caption in drawn(distant, draws=500):
        text = words(caption.lower().replace("jet black", "black"))
        colours = [w for w in text if w in COLOURS]
        parts = [w for w in text if w in PARTS]
        assert len(parts) == 2 and len(colours) in (1, 2)
        one, other = colours if len(colours) == 2 else parts
        exchanged = [{one: other, other: one}.get(w, w) for w in text]
        assert (exchanged == text) == (one == other)
        assert neighbours(exchanged) == neighbours(text)


def test_three_words_stand_between_a_colour_and_a_part_in_a_distant_caption():
    for caption in drawn(distant):
        text = words(caption)
        colours = [i for i, w in enumerate(text) if w in COLOURS]
        parts = [i for i, w in enumerate(text) if w in PARTS]
        assert min(abs(i - j) for i in colours for j in parts) > 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_caption_of_any_kind_is_read_to_its_end(kind):
    captions = drawn(KINDS[kind], draws=20_000)
    assert max(map(len, captions)) <= CHARACTER_LENGTH
    assert max(len(words(caption)) for caption in captions) <= WORD_LENGTH


def test_a_shifted_description_begins_some_fifty_characters_later():
    starts = []
    for caption in drawn(shifted):
        clause, joint, description = re.split("(: |, | - )", caption, maxsplit=1)
        starts.append(len(clause + joint))
        assert not (COLOURS | PARTS) & set(words(clause))
        assert (COLOURS | PARTS) & set(words(description))
    assert min(starts) > 40 and max(starts) < 65
    assert sum(starts) / len(starts) == pytest.approx(52, abs=3)


def test_few_words_are_one_or_two_attributes():
    for caption in drawn(few_words):
        text = words(caption)
        named = sum(w in PARTS for w in text)
        assert 1 <= named <= 2 and 2 <= len(text) <= 9


def correct_words():
    counts = Counter(w for caption in drawn(KINDS["plain"]) for w in words(caption))
    return {w for w, count in counts.items() if count > 50}


def test_most_words_of_a_misspelt_caption_are_misspelt():
    known = correct_words()
    long_words = [w for caption in drawn(KINDS["misspelt"]) for w in words(caption) if len(w) > 3]
    share = sum(w not in known for w in long_words) / len(long_words)
    assert 0.55 < share <= MISSPELT_RATE  # less, where two equal letters were exchanged


def test_a_misspelt_word_is_never_another_word_of_the_captions():
    rng, known = stream(1), correct_words()
    for word in known:
        if len(word) > 2:
            assert {misspell(word, rng) for _ in range(300)} & known <= {word}


def test_captions_are_of_the_given_kinds_in_their_shares():
    captions = drawn(lambda *about: write_caption(*about, ("distant", *["few words"] * 3)))
    short = [caption for caption in captions if len(words(caption)) < 10]
    assert abs(len(short) / DRAWS - 0.75) < 0.03
    assert all({"saw", "looked", "seemed"} & set(words(c)) for c in captions if c not in short)


def test_a_fifth_of_the_guides_captions_is_of_each_kind(monkeypatch):
    for kind in KINDS:
        monkeypatch.setitem(KINDS, kind, lambda attributes, hidden, rng, kind=kind: kind)
    counts = Counter(drawn(write_caption))
    assert counts.keys() == KINDS.keys()
    assert all(abs(count / DRAWS - 0.2) < 0.03 for count in counts.values())
