"""Which words are not equally probable for the two species of a confusable pair of FieldGuide?

    python experiments/fieldguide_pair_words.py --out results/fieldguide/pair_words.json

The grammar describes both species of each pair 4,000 times, from the same random streams. For each
word the file holds the difference between the shares of captions that contain it, in percent of the
captions: its size over the pairs (the root of the mean square, less what chance adds), the largest,
and the number of pairs in which it is larger than five standard errors; apart for the pairs whose
species exchange the colour of the wings. Words that never are, are left out.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from dse.datasets.fieldguide import guide_species
from dse.datasets.fieldguide.chance import stream
from dse.datasets.fieldguide.kinds import write_caption
from dse.text.tokens import words
from dse.utils.files import written_whole

CAPTIONS = 4000
_STREAM = 2041
"""A stream of random numbers that the guide does not use."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    species = guide_species()
    found = {"wings exchanged": [], "wings alike": []}
    for k in range(0, len(species), 2):
        one, other = species[k].attributes, species[k + 1].attributes
        group = "wings alike" if one["wings"] == other["wings"] else "wings exchanged"
        found[group].append(differences(one, other, k))
    result = {"captions": CAPTIONS}
    for group, pairs in found.items():
        result[group] = {"pairs": len(pairs), "words": summary(pairs)}
    with written_whole(out) as partial:
        partial.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def differences(one: dict, other: dict, k: int) -> dict[str, tuple[float, float]]:
    """For each word the difference between two species' shares and its standard error, in percent.

    Both captions of a number come from the same stream, so that they differ in little else.
    """
    found = defaultdict(lambda: np.zeros(CAPTIONS))
    for i in range(CAPTIONS):
        for attributes, sign in ((one, 1), (other, -1)):
            for word in set(words(write_caption(attributes, (), stream(_STREAM, k, i)))):
                found[word][i] += sign
    return {
        word: (100 * float(signs.mean()), 100 * float(signs.std()) / CAPTIONS**0.5)
        for word, signs in found.items()
    }


def summary(pairs: list[dict[str, tuple[float, float]]]) -> dict[str, dict[str, float]]:
    """The words that differ in some pair, those that differ most first."""
    rows = {}
    for word in {word for pair in pairs for word in pair}:
        values = np.array([pair.get(word, (0.0, 0.0)) for pair in pairs])
        difference, error = np.abs(values[:, 0]), values[:, 1]
        beyond = int((difference > 5 * error).sum())
        if beyond:
            mean_square = max(0.0, float((difference**2 - error**2).mean()))
            rows[word] = {
                "typical": round(mean_square**0.5, 2),
                "largest": round(float(difference.max()), 2),
                "pairs": beyond,
            }
    return dict(sorted(rows.items(), key=lambda item: -item[1]["typical"]))


if __name__ == "__main__":
    main()
