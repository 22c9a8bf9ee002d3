"""Encoders without an order of words: attributes, word2vec, bag of words.

Each sums up a class or a caption in one vector, and learns one linear layer from that vector to the
embedding.
"""

from collections.abc import Sequence

import torch
from torch import nn

from dse.text.layers import SPARSE_FROM, Standardisation, TokenLinear
from dse.text.tokens import BigramTokenizer, WordTokenizer, words
from dse.utils.errors import InputError

WORD_VECTOR_DIM = 300
"""Dimension of the word2vec vectors. The paper gives none; 300 is the usual choice."""
FIT_BLOCK = 4096
"""Captions whose mean vectors are computed at a time."""


class ClassAttributes(nn.Module):
    """One linear layer on the attributes of a class: it reads no caption.

    Args:
        num_attributes: A, the columns of `DescribedImages.class_attributes`.
        embedding_dim: D, the dimension of the image features.

    Shape: attributes float32 (B, A) -> embeddings float32 (B, D).

    Source: paper, section 4.2. Chapter: 3, word2vec baseline.

    Example:
        >>> ClassAttributes(312, embedding_dim=4)(torch.zeros(2, 312)).shape
        torch.Size([2, 4])
    """

    def __init__(self, num_attributes: int, embedding_dim: int = 1024):
        super().__init__()
        self.linear = nn.Linear(num_attributes, embedding_dim)

    def forward(self, attributes: torch.Tensor) -> torch.Tensor:
        return self.linear(attributes)


class BagOfWords(nn.Module):
    """One linear layer on the set of words that a caption contains.

    The input of the layer is 1 for each word of the vocabulary that is present and 0 for the
    others: a binary vector of V entries. A linear layer on it "was sufficient" for the authors.

    Args:
        vocabulary: V words of the training captions.
        embedding_dim: D, the dimension of the image features.

    Shape: tokens int (B, 30) -> embeddings float32 (B, D).

    Source: paper, section 4.2. Chapter: 3, word2vec baseline.

    Example:
        >>> encoder = BagOfWords(["bird", "blue", "red"], embedding_dim=4)
        >>> tokens = encoder.tokenizer(["red bird", "bird, bird: red!"])
        >>> one, other = encoder(tokens)
        >>> torch.equal(one, other)
        True
    """

    def __init__(self, vocabulary: Sequence[str], embedding_dim: int = 1024):
        super().__init__()
        self.tokenizer = WordTokenizer(vocabulary)
        self.linear = TokenLinear(self.tokenizer.size, embedding_dim)  # nn.Linear on 0s and 1s

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.linear(tokens)


class BagOfBigrams(nn.Module):
    """One linear layer on the set of words and of pairs of neighbouring words of a caption.

    It is the simplest reader of word order, and not in the paper: a bag of words that also knows
    which word stood beside which.

    Args:
        vocabulary: V words of the training captions.
        bigrams: P pairs of words, see `build_bigrams`.
        embedding_dim: D, the dimension of the image features.

    Shape: tokens int32 (B, 30 + 29) -> embeddings float32 (B, D).

    Source: Wang and Manning 2012, "Baselines and Bigrams". Chapter: 3, word2vec baseline.

    Example:
        >>> encoder = BagOfBigrams(["bird", "blue", "red"], ["red bird"], embedding_dim=4)
        >>> tokens = encoder.tokenizer(["red bird", "bird red"])
        >>> one, other = encoder(tokens)
        >>> torch.allclose(one - other, encoder.pairs.weight[1], atol=1e-6)
        True
    """

    def __init__(
        self, vocabulary: Sequence[str], bigrams: Sequence[str], embedding_dim: int = 1024
    ):
        super().__init__()
        self.tokenizer = BigramTokenizer(vocabulary, bigrams)
        self.linear = TokenLinear(self.tokenizer.size, embedding_dim)
        self.pairs = nn.EmbeddingBag(
            1 + len(bigrams),
            embedding_dim,
            mode="sum",
            padding_idx=0,
            sparse=len(bigrams) >= SPARSE_FROM,
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        words, pairs = tokens.split([self.tokenizer.length, self.tokenizer.length - 1], dim=1)
        return self.linear(words) + self.pairs(pairs.long())


class MeanWordVector(nn.Module):
    """One linear layer on the mean of the caption's word2vec vectors, which stay as they are.

    A caption without a known word has the mean 0.

    Args:
        vocabulary: V words of the training captions.
        word_vectors: float32 (V, d), one row a word; see `train_word_vectors`.
        embedding_dim: D, the dimension of the image features.
        standardised: standardise the means, see `Standardisation`. The paper does not.

    Shape: tokens int (B, 30) -> embeddings float32 (B, D).

    Source: paper, section 4.2 (the mean); the authors' `W2VEncoder` (the linear layer).
    Chapter: 3, word2vec baseline.

    Example:
        >>> encoder = MeanWordVector(["blue", "red"], torch.eye(2), embedding_dim=2)
        >>> encoder.mean_vector(encoder.tokenizer(["red red blue red", "green"])).tolist()
        [[0.25, 0.75], [0.0, 0.0]]
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        word_vectors: torch.Tensor,
        embedding_dim: int = 1024,
        standardised: bool = False,
    ):
        super().__init__()
        if len(word_vectors) != len(vocabulary):
            raise InputError(
                f"{len(vocabulary)} words but {len(word_vectors)} word vectors: give one row for "
                "each word"
            )
        self.tokenizer = WordTokenizer(vocabulary)
        self.register_buffer("word_vectors", word_vectors)
        self.standardise = Standardisation(word_vectors.shape[1]) if standardised else nn.Identity()
        self.linear = nn.Linear(word_vectors.shape[1], embedding_dim)

    def mean_vector(self, tokens: torch.Tensor) -> torch.Tensor:
        """The mean vector of each caption's known words, (B, d)."""
        known = (tokens > 0).unsqueeze(2)
        vectors = self.word_vectors[(tokens.long() - 1).clamp(min=0)] * known
        return vectors.sum(1) / known.sum(1).clamp(min=1)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.linear(self.standardise(self.mean_vector(tokens)))

    def fit_inputs(self, tokens: torch.Tensor) -> None:
        """Standardise by the training captions, (n, 30), if the encoder standardises at all."""
        if isinstance(self.standardise, Standardisation):
            means = [self.mean_vector(block) for block in tokens.split(FIT_BLOCK)]
            self.standardise.fit(torch.cat(means))


def train_word_vectors(
    captions: Sequence[str], vocabulary: Sequence[str], seed: int, dim: int = WORD_VECTOR_DIM
) -> torch.Tensor:
    """Train word2vec (skip-gram, negative sampling) on captions, without any image.

    Args:
        captions: the training captions.
        vocabulary: V words; those that `captions` do not hold get a vector of zeros.
        seed: of gensim's own generator; one worker thread, so the same seed gives the same bits.
        dim: d, the dimension of a word's vector.

    Returns:
        float32 (V, d), row i for `vocabulary[i]`.

    Source: Mikolov et al. 2013, with gensim's `Word2Vec`; the paper names neither the corpus nor d.
    Chapter: 3, word2vec baseline.

    Example:
        >>> captions = ["a red bird", "a blue bird"]
        >>> train_word_vectors(captions, ["bird", "blue", "red"], seed=0, dim=4).shape
        torch.Size([3, 4])
    """
    from gensim.models import Word2Vec  # takes a second to import

    model = Word2Vec(
        [words(caption) for caption in captions],
        vector_size=dim,
        window=5,
        sg=1,
        min_count=1,
        epochs=5,
        seed=seed,
        workers=1,
    )
    vectors = torch.zeros(len(vocabulary), dim)
    for row, word in enumerate(vocabulary):
        if word in model.wv:
            vectors[row] = torch.from_numpy(model.wv[word].copy())
    return vectors
