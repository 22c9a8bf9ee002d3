"""The kinds of caption that people write: plain, shifted, distant, of few words, misspelt.

A fifth of FieldGuide's captions is of each kind, so that the skill that a kind asks for can be
learned; each is also a challenge of its own on the unseen species
(`dse.datasets.fieldguide.challenges`). `experiments/fieldguide_worlds.py` chose the share, on the
validation species.

In every kind each part is as likely to be named as any other, so the two species of a confusable
pair use the same words equally often.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from dse.datasets.fieldguide.captions import (
    COLOUR_WORDS,
    PART_WORDS,
    describe,
    extra_phrases,
    finished,
    perceived,
    slip,
    worth_naming,
)
from dse.datasets.fieldguide.chance import happens, pick, shuffled
from dse.datasets.fieldguide.species import COLOURED_PARTS

Writer = Callable[[Mapping[str, str], Collection[str], np.random.Generator], str]
"""Writes one caption, from the arguments of `describe`."""

MISSPELT_RATE = 0.7
"""Probability that a word of three or more letters is misspelt in a misspelt caption."""

_PLACES = (
    "i saw it near the river",
    "we surprised it behind the old barn",
    "it was resting on the garden fence",
    "i noticed it from the lighthouse",
    "it visited our feeding table",
    "my sister pointed it out to me",
    "we watched it from the bridge",
    "it was hiding somewhere in the hedge",
)
_TIMES = (
    "early this morning",
    "on sunday afternoon",
    "shortly after the rain",
    "before breakfast",
    "yesterday evening",
    "for almost an hour",
)

_KEYS = {
    letter: (column + row / 2, row)
    for row, letters in enumerate(("qwertyuiop", "asdfghjkl", "zxcvbnm"))
    for column, letter in enumerate(letters)
}
_KEYS_BESIDE = {
    letter: [near for near, (u, v) in _KEYS.items() if 0 < max(abs(u - x), abs(v - y)) <= 1]
    for letter, (x, y) in _KEYS.items()
}

# The sentence is chosen without a look at the colours, and the words around a colour never depend
# on its part. In particular nothing compares two parts ("unlike the belly"): whether a species
# allows it depends on which part has which colour.
_DISTANT = (
    # Two colours: exchange them, and every word keeps both of its neighbours.
    "of {the} {part} and {the} {other}, the first looked {colour} to me and the second looked "
    "{other_colour} to me",
    "i saw {the} {part} and then {the} {other}: the former seemed {colour} at first sight, "
    "the latter seemed {other_colour} at first sight",
    "i saw {the} {part} and then {the} {other}: the latter seemed {other_colour} at first sight, "
    "the former seemed {colour} at first sight",
    "what looked {colour} to me was {the} {part}, and what looked {other_colour} to me was {the} "
    "{other}",
    # One colour: exchange the parts, and every word keeps both of its neighbours.
    "i looked at {the} {part} and not at {the} {other} and what i saw was {colour}",
    "i looked past {the} {other} and at {the} {part} and what i saw was {colour}",
    "what i saw was {colour} when i looked past {the} {other} and at {the} {part} and nowhere else",
)
"""Sentences in which at least three words stand between any colour and any part."""


def shifted(
    attributes: Mapping[str, str], hidden: Collection[str], rng: np.random.Generator
) -> str:
    """A description of 2 or 3 attributes after a clause about other things, of 42 to 62 characters.

    Example:
        >>> from dse.datasets.fieldguide.chance import stream
        >>> from dse.datasets.fieldguide.species import draw_attributes
        >>> from textwrap import wrap
        >>> for line in wrap(shifted(draw_attributes(stream(1)), (), stream(2)), 80):
        ...     print(line)
        it was resting on the garden fence on sunday afternoon - This bird has a blue
        belly, a yellow cap and a black chest
    """
    place, time = pick(rng, _PLACES), pick(rng, _TIMES)
    joint = pick(rng, (": ", ", ", " - "))
    return f"{place} {time}{joint}{describe(attributes, hidden, rng, most=3)}"


def distant(
    attributes: Mapping[str, str], hidden: Collection[str], rng: np.random.Generator
) -> str:
    """Two parts and the colour of one or both, with at least three words between.

    Runs of up to four words do not say which colour is whose: over many captions, each run is as
    frequent for one species of a confusable pair as for the other. And for every caption that names
    both exchanged parts there is one of the other species, equally likely, with the very same pairs
    of neighbouring words.

    Example:
        >>> from dse.datasets.fieldguide.chance import stream
        >>> from dse.datasets.fieldguide.species import draw_attributes
        >>> from textwrap import wrap
        >>> for line in wrap(distant(draw_attributes(stream(1)), (), stream(2)), 80):
        ...     print(line)
        I saw its breast and then its crown: the former seemed black at first sight, the
        latter seemed yellow at first sight.
    """
    part, other = shuffled(rng, COLOURED_PARTS)[:2]
    named = perceived(attributes, (part, other), rng)
    text = pick(rng, _DISTANT).format(
        the=pick(rng, ("the", "its")),
        part=pick(rng, PART_WORDS[part]),
        other=pick(rng, PART_WORDS[other]),
        colour=pick(rng, COLOUR_WORDS[named[part]]),
        other_colour=pick(rng, COLOUR_WORDS[named[other]]),
    )
    return finished(text, rng)


def few_words(
    attributes: Mapping[str, str], hidden: Collection[str], rng: np.random.Generator
) -> str:
    """One or two attributes without a sentence, one of them always the colour of a part.

    Example:
        >>> from dse.datasets.fieldguide.chance import stream
        >>> from dse.datasets.fieldguide.species import draw_attributes
        >>> few_words(draw_attributes(stream(1)), (), stream(2))
        'black breast spots on the wings'
    """
    parts = shuffled(rng, COLOURED_PARTS)[: pick(rng, (1, 1, 2))]
    others = [name for name in worth_naming(attributes, hidden, rng) if name != "size"]
    names = [*parts, *others[: pick(rng, (0, 1))]][:2]
    named = perceived(attributes, names, rng)
    phrases = [f"{pick(rng, COLOUR_WORDS[named[p]])} {pick(rng, PART_WORDS[p])}" for p in parts]
    phrases += extra_phrases(named, rng)
    return pick(rng, (", ", " and ", " ")).join(phrases)


def misspelt(
    attributes: Mapping[str, str], hidden: Collection[str], rng: np.random.Generator
) -> str:
    """A plain caption with a typing error in most of its words (`MISSPELT_RATE`).

    Example:
        >>> from dse.datasets.fieldguide.chance import stream
        >>> from dse.datasets.fieldguide.species import draw_attributes
        >>> misspelt(draw_attributes(stream(1)), (), stream(2))
        'Thiis birrd has a jey bladk breaat, a yellow crown, a rounedd tqil ahd spots on tge winsg.'
    """

    def typed(match: re.Match) -> str:
        return misspell(match.group(), rng) if happens(rng, MISSPELT_RATE) else match.group()

    return re.sub(r"[A-Za-z]{3,}", typed, describe(attributes, hidden, rng))


def misspell(word: str, rng: np.random.Generator) -> str:
    """A word of three or more letters with one typing error, never another word of the captions.

    A letter is hit beside its key (half of the errors, and all of three-letter words) or, behind
    the second one, left out, doubled or exchanged with the next.
    """
    if len(word) == 3 or happens(rng, 0.5):
        place = pick(rng, range(1, len(word)))
        return word[:place] + pick(rng, _KEYS_BESIDE[word[place]]) + word[place + 1 :]
    return slip(word, pick(rng, range(2, len(word) - 1)), rng)


KINDS: dict[str, Writer] = {
    "plain": describe,
    "shifted": shifted,
    "distant": distant,
    "few words": few_words,
    "misspelt": misspelt,
}
"""Every kind of caption and what writes it."""


def write_caption(
    attributes: Mapping[str, str],
    hidden: Collection[str],
    rng: np.random.Generator,
    kinds: Sequence[str] = tuple(KINDS),
) -> str:
    """One caption of an image, of one of the kinds, drawn evenly; else as `describe`."""
    return KINDS[pick(rng, kinds)](attributes, hidden, rng)
