"""Challenges: the unseen species and their images with other captions, for evaluation only.

The captions of a challenge are all of one kind, ten an image, so that each challenge asks one
question. In every one of them the two species of a confusable pair are described with the same
words equally often, up to a few small words (see the data card): telling them apart has a chance
level of 50 %.
"""

from dataclasses import dataclass, replace
from functools import cache

from dse.datasets.described_images import DescribedImages
from dse.datasets.fieldguide import CAPTIONS_PER_IMAGE, SEED, guide_images, guide_species
from dse.datasets.fieldguide.chance import stream
from dse.datasets.fieldguide.kinds import Writer, describe, distant, few_words, misspelt, shifted
from dse.utils.errors import InputError

CLAUSE = (
    "we watched it from the bridge for almost an hour "
    "and then my sister pointed it out to me, it was there: "
)
"""104 characters that say nothing about a bird, for `with_clause`."""
_CHALLENGE = 5
"""What a stream of random numbers is for; 0 to 4 are the guide's own."""


@dataclass(frozen=True)
class Challenge:
    """One question to a text encoder.

    Attributes:
        name: as in `CHALLENGES`.
        reason: what it asks.
        write: writes one caption, from a species' attributes, the hidden ones, and a generator.
        chance: of telling the two species of a pair apart without understanding (of top-1 it is
            one in as many classes as there are).
    """

    name: str
    reason: str
    write: Writer
    chance: float = 0.5


_ALL = (
    Challenge(
        "reordered",
        "The two species of a pair are described with the same words; only their order differs. "
        "A bag of words is at chance, pairs of neighbouring words suffice.",
        describe,
    ),
    Challenge(
        "shifted",
        "A clause about other things comes first, so that the description begins some 50 "
        "characters, or 9 words, later than in a plain caption.",
        shifted,
    ),
    Challenge(
        "distant",
        "At least three words stand between a colour and any part. Bags of words, and of up to "
        "four neighbouring words, are at chance.",
        distant,
    ),
    Challenge(
        "few words",
        "One or two attributes and no sentence, as people type into a search box. A bag of words "
        "is at chance, pairs of neighbouring words suffice.",
        few_words,
    ),
    Challenge(
        "misspelt",
        "Most words have a typing error. A bag of words is at chance, and who looks words up in a "
        "vocabulary does not find many of them.",
        misspelt,
    ),
)
CHALLENGES = {challenge.name: challenge for challenge in _ALL}
"""The challenges by name."""


def with_challenge(data: DescribedImages, name: str) -> DescribedImages:
    """FieldGuide with the captions of a challenge for the species of `val` and `test`.

    Args:
        data: the whole of FieldGuide.
        name: of `CHALLENGES`.

    Returns:
        Data for `evaluate`, not to train on; the captions of the `train` species are as they were.

    Raises:
        InputError: unknown name, or other data.

    Chapter: 6, zero-shot results.

    Example:
        >>> import dse
        >>> data = with_challenge(dse.read_dataset("fieldguide"), "few words")
        >>> data.subset("test").captions[0][:3]
        ['black cap a white eye ring', 'red nape white crown', 'red belly yellow legs']
    """
    if name not in CHALLENGES:
        raise InputError(f"unknown challenge {name!r}: choose one of {', '.join(CHALLENGES)}")
    if data.class_names != [bird.name for bird in guide_species()]:
        raise InputError(f"{data.name} has no challenges: give the whole of fieldguide")
    captions = list(data.captions)
    unseen = {c for split in ("val", "test") for c in data.splits[split].tolist()}
    for n, (c, path) in enumerate(zip(data.labels.tolist(), data.image_paths, strict=True)):
        if c in unseen:
            captions[n] = challenge_captions(name, c, int(path.stem))
    return replace(data, captions=captions)


def challenge_captions(name: str, class_index: int, image: int) -> list[str]:
    """The captions of a challenge for one image of a species.

    Args:
        name: of `CHALLENGES`.
        class_index: 0 to 199.
        image: 0 for the first of the species.

    Example:
        >>> challenge_captions("distant", class_index=0, image=0)[0]
        'Of its nape and its back, the first looked yellow to me and the second looked red to me'
    """
    rng = stream(SEED, _CHALLENGE, list(CHALLENGES).index(name), class_index, image)
    attributes, hidden = _described(class_index)
    write = CHALLENGES[name].write
    return [write(attributes, hidden[image], rng) for _ in range(CAPTIONS_PER_IMAGE)]


def with_clause(data: DescribedImages, characters: int) -> DescribedImages:
    """Data with the end of `CLAUSE` before each caption: the same descriptions, further right.

    Args:
        data: any described images.
        characters: how far each caption moves, 0 to 104.

    Raises:
        InputError: more characters than the clause has.

    Chapter: 4, the char-CNN.

    Example:
        >>> import dse
        >>> data = with_challenge(dse.read_dataset("fieldguide"), "few words")
        >>> with_clause(data, 14).subset("test").captions[0][0]
        'it was there: black cap a white eye ring'
    """
    if not 0 <= characters <= len(CLAUSE):
        raise InputError(f"{characters} characters of a clause of {len(CLAUSE)}: choose fewer")
    clause = CLAUSE[len(CLAUSE) - characters :]
    return replace(data, captions=[[clause + text for text in own] for own in data.captions])


@cache
def _described(class_index: int) -> tuple[dict[str, str], list[frozenset[str]]]:
    """The attributes of a species, and those that each of its images hides."""
    hidden = [view.hidden for view in guide_images(class_index)]
    return guide_species()[class_index].attributes, hidden
