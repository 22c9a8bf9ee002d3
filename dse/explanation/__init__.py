"""Why this score? The score of a caption with an image, traced back to parts of the caption."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from PIL import Image

from dse.explanation.exact import Summand, exact_constant, exact_summands
from dse.explanation.gradients import NETWORKS, integrated_gradients
from dse.explanation.page import html_fragment
from dse.images.views import read_image
from dse.runs import Run
from dse.text.tokens import CharacterTokenizer
from dse.utils.errors import InputError

METHODS = ("exact", "integrated gradients")


@dataclass(frozen=True)
class Term:
    """What one part of a caption adds to its score.

    Attributes:
        text: the part, `caption[start:end]`; empty for a time step that reads only what follows the
            caption's end.
        start: where it begins in the caption, in characters.
        end: where it ends.
        evidence: what it adds: above 0 it speaks for the image, below 0 against it.
    """

    text: str
    start: int
    end: int
    evidence: float


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """A score as a sum of `constant` and the terms' evidence. It draws itself in a notebook.

    Attributes:
        caption: the text.
        score: inner product of its embedding and the image's feature.
        constant: what belongs to no part of the caption. If exact, the output bias with the
            feature, and what standardised inputs take off; with integrated gradients, the score of
            a caption of as many tokens that stand for nothing, which to a CNN or a CNN-RNN is the
            empty caption.
        terms: one a time step, word, pair of words or character, see `explain`.
        tokens: the same evidence by word or character of the caption, each term's shared out evenly
            over those that it reads. This is what the drawings colour.
        method: `exact` or `integrated gradients`.
        text_encoder: its name.
        unit: what a token is, `character` or `word`.
        image: drawn beside the caption, or None.
    """

    caption: str
    score: float
    constant: float
    terms: tuple[Term, ...]
    tokens: tuple[Term, ...]
    method: str
    text_encoder: str
    unit: str
    image: Image.Image | None = None

    def __repr__(self) -> str:
        caption = self.caption if len(self.caption) <= 40 else self.caption[:39] + "…"
        return (
            f"Explanation({caption!r}, score {self.score:.4g}, {self.text_encoder}, "
            f"{len(self.terms)} terms, {self.method})"
        )

    @property
    def after_the_end(self) -> float:
        """The evidence of time steps that read only what follows the caption's end."""
        return sum(term.evidence for term in self.terms if term.start == term.end)

    @property
    def difference(self) -> float:
        """The score less the sum, which is rounding and the error of an approximate integral."""
        return self.score - self.constant - sum(term.evidence for term in self.terms)

    def by_word(self) -> tuple[Term, ...]:
        """The evidence of `tokens`, summed up by what white space divides; its own included."""
        if not self.tokens:
            return ()
        read = self.caption[: self.tokens[-1].end]
        words = []
        for word in re.finditer(r"^\s*\S*\s*|\S+\s*", read):
            start, end = word.span()
            evidence = sum(t.evidence for t in self.tokens if start <= t.start < end)
            words.append(Term(word.group(), start, end, evidence))
        return tuple(words)

    def to_dict(self) -> dict:
        """All but the image as plain values, for JSON."""
        return {
            "text_encoder": self.text_encoder,
            "method": self.method,
            "caption": self.caption,
            "score": self.score,
            "constant": self.constant,
            "terms": [asdict(term) for term in self.terms],
            "tokens": [asdict(token) for token in self.tokens],
        }

    def _repr_html_(self) -> str:
        return html_fragment(self)


def explain(
    run: Run,
    caption: str,
    image_feature: torch.Tensor,
    *,
    image: Image.Image | Path | str | None = None,
    method: str | None = None,
) -> Explanation:
    """Trace the score of a caption with an image back to parts of the caption.

    The score is linear in the image's feature v. Where an encoder gives W m + b, and m is a mean or
    a sum over parts of the caption, the score is a sum over the same parts, and exactly so:

    - of a CNN-RNN or an LSTM, the number `<W h_t, v> / T` for each of T time steps, and the
      constant `<b, v>`. A step of a CNN-RNN reads a window of the caption, a step of an LSTM one
      token; through the recurrence both depend on all that stands before, too;
    - of `word2vec` (standardised or not), `bag-of-words` and `bag-of-bigrams`, a number for each
      known word and pair of neighbouring words. What counts once has it where it first stands.

    For the CNNs and the Transformer the parts are characters or known words, by integrated
    gradients. Their sum differs from the score by at most 1 % of the sum of their sizes; see
    `Explanation.difference`.

    The explanation of a difference of two features says what speaks for the one image *rather than*
    for the other: what all images have in common cancels.

    Args:
        run: a trained text encoder.
        caption: any string.
        image_feature: v, (D,), of one image, or a mean or difference of several.
        image: the image or its file, drawn beside the caption; nothing else depends on it.
        method: `exact` or `integrated gradients`; None: exact if there is an exact sum. A CNN-RNN
            and an LSTM know both: time steps show what the mean consists of, gradients which
            characters or words mattered.

    Raises:
        InputError: an encoder that cannot be explained (`attributes`, the frozen sentence encoders,
            one of your own) or not by this method; a feature of another dimension or not finite; an
            image that cannot be read; the optional extra `explain` is needed and not installed.

    Source: paper, section 4.1 (the mean over time steps); Sundararajan, Taly and Yan 2017.
    Chapter: 5, CNN-RNN.

    Example:
        >>> import dse
        >>> data = dse.load_dataset("fieldguide")
        >>> config = dse.TrainingConfig("bag-of-words", steps=20)
        >>> run = dse.train(data, config, progress=False)
        >>> one, other = data.whole_images()[[0, -1]]
        >>> why = explain(run, data.captions[0][0], one - other)
        >>> total = why.constant + sum(term.evidence for term in why.terms)
        >>> abs(why.score - total) < 1e-5
        True
    """
    if method not in (None, *METHODS):
        raise InputError(f"unknown method {method!r}: choose {' or '.join(METHODS)}")
    feature = _checked(image_feature, run)
    score = float(run.encode([caption])[0].double() @ feature)
    name, encoder = run.config.text_encoder, run.encoder
    tokens = encoder.tokenizer([caption]).to(run.device)
    summands = None if method == METHODS[1] else exact_summands(encoder, tokens, feature)
    if summands is not None:
        method, constant = METHODS[0], exact_constant(encoder, feature)
    elif method != METHODS[0] and isinstance(encoder, NETWORKS):
        method = METHODS[1]
        constant, summands = integrated_gradients(encoder, tokens, feature)
    else:
        what = f"by the method {method!r}" if method else "at all"
        raise InputError(f"explain cannot explain {name} {what}: choose another text encoder")
    spans = encoder.tokenizer.spans(caption)
    return Explanation(
        caption,
        score,
        constant,
        _terms(summands, caption, spans),
        _tokens(summands, caption, spans),
        method,
        name,
        "character" if isinstance(encoder.tokenizer, CharacterTokenizer) else "word",
        read_image(Path(image)) if isinstance(image, Path | str) else image,
    )


def _checked(feature: torch.Tensor, run: Run) -> torch.Tensor:
    """A feature as float64 on the CPU, if it fits the run."""
    feature = torch.as_tensor(feature).detach().cpu().double()
    expected = run.encoder.linear.out_features
    if feature.shape != (expected,):
        raise InputError(
            f"the run embeds in {expected} dimensions, and the image feature has the shape "
            f"{tuple(feature.shape)}: take the image encoder that the run was trained with"
        )
    if not feature.isfinite().all():
        raise InputError("the image feature holds values that are no numbers: extract it again")
    return feature


def _terms(
    summands: Sequence[Summand], caption: str, spans: Sequence[tuple[int, int]]
) -> tuple[Term, ...]:
    """Summands over tokens as terms over characters."""
    terms = []
    for first, last, evidence in summands:
        read = spans[first:last]
        start, end = (read[0][0], read[-1][1]) if read else (len(caption), len(caption))
        terms.append(Term(caption[start:end], start, end, evidence))
    return tuple(terms)


def _tokens(
    summands: Sequence[Summand], caption: str, spans: Sequence[tuple[int, int]]
) -> tuple[Term, ...]:
    """The evidence of each token: of every summand an even share."""
    shares = dict.fromkeys(spans, 0.0)
    for first, last, evidence in summands:
        read = spans[first:last]
        for span in read:
            shares[span] += evidence / len(read)
    return tuple(Term(caption[a:b], a, b, share) for (a, b), share in shares.items())
