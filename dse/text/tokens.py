"""Captions as numbers: characters in the authors' order, or words of a vocabulary.

Index 0 stands for "nothing here": the text has ended, or the word was never seen. It is a zero
vector for every encoder. Characters are numbered from 1 to 70, words from 1 to V.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np
import torch

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+-=<>()[]{} "
"""The 70 symbols of the authors' code. `-` stands in it twice, and its second place wins."""

CHARACTER_LENGTH = 201
"""Characters of a caption that are read; the rest is cut off (paper, section 5)."""

WORD_LENGTH = 30
"""Words of a caption that are read; the rest is cut off (paper, section 5)."""

BLOCK = 20_000
"""Captions that are numbered at a time: the words of a million take a gigabyte, their numbers a
tenth."""

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_WORD_OR_LINE_END = re.compile(_WORD.pattern + r"|\n")


def _symbol_numbers() -> np.ndarray:
    """Code point (0 to 127) -> symbol number; an unknown symbol reads as a space."""
    numbers = np.full(128, 1 + ALPHABET.rindex(" "), dtype=np.uint8)
    for position, symbol in enumerate(ALPHABET):
        numbers[ord(symbol)] = 1 + position  # the later of the two '-' overwrites the earlier
    return numbers


def _in_blocks(number: Callable, captions: Sequence[str]) -> torch.Tensor:
    """What `number` makes of all captions, in memory for the numbers alone."""
    starts = range(0, max(1, len(captions)), BLOCK)
    return torch.cat([number(captions[start : start + BLOCK]) for start in starts])


class CharacterTokenizer:
    """Captions to character numbers.

    Lower-cases, cuts off after `length` characters, and numbers each by its place in `ALPHABET`
    (1 to 70). A symbol outside the alphabet is read as a space.

    Source: paper section 5; the authors' `util/MultimodalMinibatchLoaderCaption.lua`.
    Chapter: 4, char-CNN.

    Example:
        >>> CharacterTokenizer(length=8)(["A b-c", "é"]).tolist()
        [[1, 70, 2, 60, 3, 0, 0, 0], [70, 0, 0, 0, 0, 0, 0, 0]]
    """

    size = len(ALPHABET)

    def __init__(self, length: int = CHARACTER_LENGTH):
        self.length = length
        self._numbers = _symbol_numbers()

    def __call__(self, captions: Sequence[str]) -> torch.Tensor:
        """Number the characters of n captions.

        Returns:
            uint8 (n, length), 0 past the end of each caption.
        """
        return _in_blocks(self._number, captions)

    def _number(self, captions: Sequence[str]) -> torch.Tensor:
        texts = [caption.lower()[: self.length] for caption in captions]
        code_points = np.frombuffer(
            "".join(texts).encode("utf-32-le", errors="surrogatepass"), dtype=np.uint32
        )
        symbols = self._numbers[np.where(code_points < 128, code_points, ord(" "))]
        tokens = np.zeros((len(texts), self.length), dtype=np.uint8)
        lengths = np.array([len(text) for text in texts], dtype=np.int64)
        tokens[np.arange(self.length) < lengths[:, None]] = symbols
        return torch.from_numpy(tokens)

    def spans(self, caption: str) -> list[tuple[int, int]]:
        """Where the tokens of one caption stand in it: (start, end) of each, in characters.

        Example:
            >>> CharacterTokenizer(length=2).spans("A bird")
            [(0, 1), (1, 2)]
        """
        return [(place, place + 1) for place in _places_in_lower_case(caption)[: self.length]]


def _places_in_lower_case(caption: str) -> list[int]:
    """The place in a caption of each character of its lower case.

    They differ where one capital letter becomes two characters: a dotted I (U+0130) does.
    """
    return [place for place, symbol in enumerate(caption) for _ in symbol.lower()]


def words(caption: str) -> list[str]:
    """The words of a caption, in lower case, without punctuation.

    Example:
        >>> words("A black-and-white bird; it's small.")
        ['a', 'black', 'and', 'white', 'bird', "it's", 'small']
    """
    return _WORD.findall(caption.lower())


def build_vocabulary(captions: Iterable[str]) -> list[str]:
    """Every word of the captions, sorted. The paper keeps all words; so do we.

    Args:
        captions: the *training* captions: a word that only the test captions use must stay unknown.

    Example:
        >>> build_vocabulary(["a red bird", "a blue bird"])
        ['a', 'bird', 'blue', 'red']
    """
    return sorted({word for caption in captions for word in words(caption)})


def build_bigrams(
    captions: Iterable[str], min_count: int = 2, vocabulary: Iterable[str] | None = None
) -> list[str]:
    """The pairs of neighbouring words that occur in several captions, sorted.

    Args:
        captions: the *training* captions.
        min_count: captions in which a pair must occur. Most pairs that occur in one are accidents.
        vocabulary: the words of which pairs are taken; None: all.

    Example:
        >>> captions = ["a red bird", "a red crown", "the red bird"]
        >>> build_bigrams(captions), build_bigrams(captions, vocabulary=["bird", "red"])
        (['a red', 'red bird'], ['red bird'])
    """
    counts: Counter[tuple[str, str]] = Counter()
    for caption in captions:
        counts.update(set(pairwise(words(caption))))
    pairs = [pair for pair, count in counts.items() if count >= min_count]
    if vocabulary is not None:
        known = set(vocabulary)
        pairs = [pair for pair in pairs if known.issuperset(pair)]
    return sorted(map(" ".join, pairs))


def unknown_words(captions: Iterable[str], vocabulary: Iterable[str]) -> Counter[str]:
    """How often each word of the captions occurs that is not in the vocabulary.

    Example:
        >>> unknown_words(["a red bird", "a crimson, crimson bird"], ["a", "bird", "red"])
        Counter({'crimson': 2})
    """
    known = set(vocabulary)
    return Counter(w for caption in captions for w in words(caption) if w not in known)


class WordTokenizer:
    """Captions to word numbers, for one vocabulary.

    A word outside the vocabulary keeps its place and becomes 0, a zero vector.

    Args:
        vocabulary: V words; word `vocabulary[i]` gets number i + 1.
        length: words of a caption that are read.

    Chapter: 3, word2vec baseline.

    Example:
        >>> WordTokenizer(["a", "bird", "red"], length=5)(["A red crested bird."]).tolist()
        [[1, 3, 0, 2, 0]]
    """

    def __init__(self, vocabulary: Sequence[str], length: int = WORD_LENGTH):
        self.vocabulary = list(vocabulary)
        self.size = len(self.vocabulary)
        self.length = length
        self._numbers = {word: 1 + i for i, word in enumerate(self.vocabulary)} | {"\n": -1}

    def __call__(self, captions: Sequence[str]) -> torch.Tensor:
        """Number the words of n captions.

        Returns:
            int32 (n, length), 0 for unknown words and past the end of each caption.
        """
        return _in_blocks(self._number, captions)

    def _number(self, captions: Sequence[str]) -> torch.Tensor:
        text = "".join(caption.replace("\n", " ") + "\n" for caption in captions)
        found = _WORD_OR_LINE_END.findall(text.lower())
        numbers = np.fromiter((self._numbers.get(word, 0) for word in found), np.int32, len(found))
        ends = np.flatnonzero(numbers == -1)
        starts = np.concatenate([[0], ends + 1])[: len(captions)]
        row = np.repeat(np.arange(len(captions)), ends - starts + 1)
        place = np.arange(len(found)) - starts[row]
        kept = (numbers >= 0) & (place < self.length)
        tokens = np.zeros((len(captions), self.length), dtype=np.int32)
        tokens[row[kept], place[kept]] = numbers[kept]
        return torch.from_numpy(tokens)

    def spans(self, caption: str) -> list[tuple[int, int]]:
        """Where the words of one caption stand in it: (start, end) of each, in characters.

        Example:
            >>> WordTokenizer(["a", "bird"]).spans("A crested bird.")
            [(0, 1), (2, 9), (10, 14)]
        """
        places = _places_in_lower_case(caption)
        found = list(_WORD.finditer(caption.lower()))[: self.length]
        return [(places[word.start()], places[word.end() - 1] + 1) for word in found]


class BigramTokenizer:
    """Captions to the numbers of their words, and of their pairs of neighbouring words.

    A pair that is not among `bigrams`, or that came before in the caption, becomes 0.

    Args:
        vocabulary: V words.
        bigrams: pairs of them, `red crown`; pair `bigrams[i]` gets number i + 1.
        length: words of a caption that are read.

    Chapter: 3, word2vec baseline.

    Example:
        >>> tokenizer = BigramTokenizer(["a", "bird", "red"], ["a red", "red bird"], length=4)
        >>> tokenizer(["a red bird", "bird, red bird"]).tolist()  # 4 words, then 3 pairs
        [[1, 3, 2, 0, 1, 2, 0], [2, 3, 2, 0, 0, 2, 0]]
    """

    def __init__(
        self, vocabulary: Sequence[str], bigrams: Sequence[str], length: int = WORD_LENGTH
    ):
        self.words = WordTokenizer(vocabulary, length)
        self.vocabulary, self.size = self.words.vocabulary, self.words.size
        self.bigrams, self.length = list(bigrams), length
        numbers = {word: 1 + i for i, word in enumerate(self.vocabulary)}
        keys = [self._keys(*map(numbers.__getitem__, pair.split())) for pair in self.bigrams]
        self._known = np.array(keys, dtype=np.int64)
        self._order = self._known.argsort()

    def __call__(self, captions: Sequence[str]) -> torch.Tensor:
        """Number the words and the pairs of n captions.

        Returns:
            int32 (n, 2 length - 1): the words, then the pairs, each once; 0 for what is unknown,
            came before, or lies past the end.
        """
        return _in_blocks(self._number, captions)

    def _number(self, captions: Sequence[str]) -> torch.Tensor:
        tokens = self.words(captions)
        numbers = tokens.numpy().astype(np.int64)
        return torch.cat([tokens, torch.from_numpy(self._pairs(numbers))], dim=1)

    def spans(self, caption: str) -> list[tuple[int, int]]:
        """Where the words of one caption stand in it, as for `WordTokenizer`."""
        return self.words.spans(caption)

    def _keys(self, first, second):
        """One number for each pair of word numbers, which are 0 (unknown) to V."""
        return first * (1 + self.size) + second

    def _pairs(self, numbers: np.ndarray) -> np.ndarray:
        keys = self._keys(numbers[:, :-1], numbers[:, 1:])
        if not self.bigrams:
            return np.zeros(keys.shape, np.int32)
        place = np.searchsorted(self._known, keys, sorter=self._order)
        found = self._order[place.clip(max=len(self._known) - 1)]
        pairs = np.where(self._known[found] == keys, 1 + found, 0).astype(np.int32)
        for column in range(1, pairs.shape[1]):  # a pair counts once
            pairs[(pairs[:, :column] == pairs[:, [column]]).any(1), column] = 0
        return pairs
