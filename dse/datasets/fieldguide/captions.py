"""What people write under the images of FieldGuide.

A caption names 2 to 5 attributes that the image shows, in varied syntax and with synonyms, now
and then with a wrong colour or a slip of the keyboard. It never names the species. Each coloured
part is as likely to be named as any other, so the captions of a confusable pair hold the same words
equally often: only their order tells the two species apart.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from dse.datasets.fieldguide.chance import happens, pick, shuffled
from dse.datasets.fieldguide.species import ATTRIBUTES, COLOURED_PARTS

MISTAKE_RATE = 0.02
"""Probability that a named attribute has a wrong value."""

TYPING_ERROR_RATE = 0.05
"""Probability that a caption has a typing error."""

COLOUR_WORDS = {
    "black": ("black",) * 8 + ("jet black", "dark"),
    "white": ("white",) * 9 + ("snowy",),
    "brown": ("brown",) * 8 + ("chestnut", "rusty"),
    "red": ("red",) * 8 + ("crimson", "scarlet"),
    "yellow": ("yellow",) * 8 + ("golden", "lemon"),
    "blue": ("blue",) * 9 + ("azure",),
}
PART_WORDS = {
    "crown": ("crown",) * 4 + ("cap",),
    "nape": ("nape",) * 4 + ("hindneck",),
    "back": ("back",) * 4 + ("mantle",),
    "breast": ("breast",) * 3 + ("chest",) * 2,
    "belly": ("belly",) * 4 + ("underside",),
    "wings": ("wings",),
}
_SIZE_WORDS = {
    "small": ("small",) * 3 + ("little", "tiny"),
    "medium": ("medium sized", "mid-sized", "medium"),
    "large": ("large", "large", "big"),
}
_BILL_WORDS = {"dagger": "dagger-like"}
_WING_PATTERN = {
    "plain": ("plain wings", "no wing bars"),
    "barred": ("barred wings", "two wing bars", "pale bars on the wings"),
    "spotted": ("spotted wings", "spots on the wings"),
}
_PLURAL = ("wings",)

_OTHER_ATTRIBUTES = tuple(name for name in ATTRIBUTES if name not in COLOURED_PARTS)
_NOT_WORTH_A_WORD = ("none",)


def describe(
    attributes: Mapping[str, str],
    hidden: Collection[str],
    rng: np.random.Generator,
    most: int = 5,
) -> str:
    """One caption of an image.

    Args:
        attributes: of the species.
        hidden: names of the attributes that the image does not show; they are not described.
        rng: the source of every choice.
        most: attributes that are named at most, 2 to 5.
    """
    named = _seen(attributes, hidden, rng, most)
    plumage = [name for name in named if name in COLOURED_PARTS]
    phrases = _plumage_phrases(plumage, named, rng)
    extras = extra_phrases(named, rng)
    text = _sentence(phrases, extras, _bird(named, rng), rng)
    if happens(rng, TYPING_ERROR_RATE):
        text = _mistyped(text, rng)
    return text


def perceived(
    attributes: Mapping[str, str], names: Sequence[str], rng: np.random.Generator
) -> dict[str, str]:
    """What the writer of a caption takes for the values of the attributes that it names."""
    named = {name: attributes[name] for name in names}
    for name in named:
        if happens(rng, MISTAKE_RATE):
            wrong = [v for v in ATTRIBUTES[name] if v not in (*_NOT_WORTH_A_WORD, named[name])]
            named[name] = pick(rng, wrong or [named[name]])
    return named


def worth_naming(
    attributes: Mapping[str, str], hidden: Collection[str], rng: np.random.Generator
) -> list[str]:
    """What there is to describe besides the colours of parts, in random order."""
    return [
        name
        for name in shuffled(rng, _OTHER_ATTRIBUTES)
        if name not in hidden and attributes[name] not in _NOT_WORTH_A_WORD
    ]


def _seen(
    attributes: Mapping[str, str], hidden: Collection[str], rng: np.random.Generator, most: int
) -> dict[str, str]:
    """The attributes that a caption names: 2 to 4 coloured parts and up to 2 others."""
    parts = shuffled(rng, COLOURED_PARTS)[: pick(rng, (2, 2, 3, 3, 4))]
    others = worth_naming(attributes, hidden, rng)[: pick(rng, (0, 1, 1, 2))]
    return perceived(attributes, [*parts, *others][:most], rng)


def _plumage_phrases(
    parts: list[str], named: Mapping[str, str], rng: np.random.Generator
) -> list[tuple[str, str]]:
    """(colour word, part words) for each colour; parts of one colour sometimes share the word."""
    phrases = []
    waiting = list(parts)
    while waiting:
        part = waiting.pop(0)
        together = [part]
        same = [other for other in waiting if named[other] == named[part]]
        if same and happens(rng, 0.7):
            together.append(same[0])
            waiting.remove(same[0])
        words = [pick(rng, PART_WORDS[name]) for name in together]
        phrases.append((pick(rng, COLOUR_WORDS[named[part]]), " and ".join(words)))
    return phrases


def extra_phrases(named: Mapping[str, str], rng: np.random.Generator) -> list[str]:
    """Noun phrases for everything but plumage and size."""
    phrases = []
    bill = [named[name] for name in ("bill_length", "bill_shape", "bill_colour") if name in named]
    if bill:
        adjectives = " ".join(_BILL_WORDS.get(word, word) for word in bill)
        phrases.append(_with_article(f"{adjectives} {pick(rng, ('bill', 'bill', 'beak'))}"))
    if "tail_shape" in named:
        phrases.append(f"a {named['tail_shape']} tail")
    if "leg_colour" in named:
        phrases.append(f"{named['leg_colour']} {pick(rng, ('legs', 'legs', 'feet'))}")
    if "eye_ring" in named:
        phrases.append(f"a {named['eye_ring']} {pick(rng, ('eye ring', 'eyering'))}")
    if "crest" in named:
        phrases.append(pick(rng, ("a crest", "a short crest", "a crest on its head")))
    if "wing_pattern" in named:
        phrases.append(pick(rng, _WING_PATTERN[named["wing_pattern"]]))
    return shuffled(rng, phrases)


def _bird(named: Mapping[str, str], rng: np.random.Generator) -> str:
    """`bird`, with its size if that is named."""
    return f"{pick(rng, _SIZE_WORDS[named['size']])} bird" if "size" in named else "bird"


def _sentence(
    plumage: list[tuple[str, str]], extras: list[str], bird: str, rng: np.random.Generator
) -> str:
    """Put the phrases together in one of five ways of writing."""
    nouns = [_noun_phrase(colour, parts) for colour, parts in plumage]
    style = pick(rng, ("has", "has", "with", "with", "clauses", "clauses", "which", "list"))
    if style == "has":
        text = f"this {bird} has {_listed([*nouns, *extras])}"
    elif style == "with":
        text = f"{_with_article(bird)} with {_listed([*nouns, *extras])}"
    elif style == "clauses":
        clauses = [_clause(colour, parts, rng) for colour, parts in plumage]
        subject = f"{_with_article(bird)} with {_listed(extras)}, " if extras else ""
        if not extras and bird != "bird":
            subject = f"{_with_article(bird)}, "
        text = subject + _listed(clauses)
    elif style == "which":
        last = _clause(*plumage[-1], rng)
        text = f"this {bird} has {_listed([*nouns[:-1], *extras]) or 'bright feathers'} and {last}"
    else:
        text = ", ".join([*nouns, *extras])
        if bird != "bird":
            text = f"{bird}, {text}"
    return finished(text, rng)


def _noun_phrase(colour: str, parts: str) -> str:
    phrase = f"{colour} {parts}"
    return phrase if parts in _PLURAL or parts.startswith("wings and") else _with_article(phrase)


def _clause(colour: str, parts: str, rng: np.random.Generator) -> str:
    verb = "are" if parts in _PLURAL or " and " in parts else "is"
    return f"{pick(rng, ('its', 'the'))} {parts} {verb} {colour}"


def _with_article(phrase: str) -> str:
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def _listed(phrases: list[str]) -> str:
    """`a, b and c`."""
    if len(phrases) < 2:
        return "".join(phrases)
    return f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def finished(text: str, rng: np.random.Generator) -> str:
    """With or without a capital at the start and a full stop at the end, as people type."""
    if happens(rng, 0.5):
        text = text[0].upper() + text[1:]
    return text + pick(rng, (".", ".", ""))


def _mistyped(text: str, rng: np.random.Generator) -> str:
    """One letter left out, doubled, or exchanged with the next, inside a word of five or more."""
    starts = [i for i in range(len(text) - 4) if text[i : i + 5].isalpha()]
    if not starts:
        return text
    return slip(text, pick(rng, starts) + 1 + int(rng.random() * 3), rng)


def slip(text: str, place: int, rng: np.random.Generator) -> str:
    """Leave the letter at a place out, double it, or exchange it with the next one."""
    before, letter, following, after = text[:place], text[place], text[place + 1], text[place + 2 :]
    return pick(
        rng,
        (
            before + following + after,
            before + letter + letter + following + after,
            before + following + letter + after,
        ),
    )
