"""How much of the captions an encoder reads: what it cuts off, and what it does not know."""

from dse.text.tokens import (
    ALPHABET,
    BigramTokenizer,
    CharacterTokenizer,
    WordTokenizer,
    words,
)


class Coverage:
    """Counts over captions, for an encoder of characters or of words.

    Attributes:
        unit: `characters` or `words`.
        length: units of a caption that are read.
        captions: added so far.
        cut_off: captions longer than `length`.
        units: in all captions, those past the cut too.
        unknown: units outside the alphabet, which read as spaces, or outside the vocabulary.

    Args:
        tokenizer: of the encoder.

    Example:
        >>> coverage = Coverage(WordTokenizer(["a", "bird", "red"], length=3))
        >>> for caption in ("a crimson bird", "a red, red bird"):
        ...     coverage.add(caption)
        >>> print(coverage)
        cut off after 3 words: 1 of 2 captions; unknown: 1 of 7 words
    """

    def __init__(self, tokenizer: CharacterTokenizer | WordTokenizer | BigramTokenizer):
        reads_characters = isinstance(tokenizer, CharacterTokenizer)
        self.unit = "characters" if reads_characters else "words"
        self.length = tokenizer.length
        self.captions = self.cut_off = self.units = self.unknown = 0
        self._split = str.lower if reads_characters else words
        self._known = set(ALPHABET if reads_characters else tokenizer.vocabulary)

    def __str__(self) -> str:
        return (
            f"cut off after {self.length} {self.unit}: {self.cut_off:,} of {self.captions:,} "
            f"captions; unknown: {self.unknown:,} of {self.units:,} {self.unit}"
        )

    def add(self, caption: str) -> None:
        """Count one more caption."""
        units = self._split(caption)
        self.captions += 1
        self.cut_off += len(units) > self.length
        self.units += len(units)
        self.unknown += sum(unit not in self._known for unit in units)

    def to_dict(self) -> dict:
        """The counts as plain numbers, for JSON."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


def coverage_of(tokenizer: object) -> Coverage | None:
    """A `Coverage` to count with; None for a tokenizer that splits captions otherwise."""
    known = isinstance(tokenizer, CharacterTokenizer | WordTokenizer | BigramTokenizer)
    return Coverage(tokenizer) if known else None
