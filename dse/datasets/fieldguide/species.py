"""The birds of FieldGuide: what a species is made of, and how 200 of them are drawn up in pairs."""

from dataclasses import dataclass

import numpy as np

from dse.datasets.fieldguide.chance import pick, shuffled

COLOURED_PARTS = ("crown", "nape", "back", "breast", "belly", "wings")
PLUMAGE_COLOURS = ("black", "white", "brown", "red", "yellow", "blue")

ATTRIBUTES = {
    **dict.fromkeys(COLOURED_PARTS, PLUMAGE_COLOURS),
    "wing_pattern": ("plain", "barred", "spotted"),
    "bill_shape": ("conical", "dagger", "hooked", "curved"),
    "bill_length": ("short", "long"),
    "bill_colour": ("black", "yellow", "orange", "grey"),
    "tail_shape": ("square", "rounded", "forked", "pointed"),
    "leg_colour": ("black", "yellow", "pink", "grey"),
    "eye_ring": ("none", "white", "yellow"),
    "crest": ("none", "crested"),
    "size": ("small", "medium", "large"),
}
"""Every attribute of a species and the values that it can take."""

NUM_PAIRS = 100
COLOURS_PER_SPECIES = (3, 4)

_COUNTRIES = (
    "marsh",
    "dune",
    "harbour",
    "orchard",
    "ridge",
    "ember",
    "willow",
    "salt",
    "mist",
    "reed",
)
_FAMILIES = (
    "quillet", "fennet", "tamarit", "lorrin", "sprill",
    "wickling", "ouselet", "brindlet", "pippen", "solwing",
)  # fmt: skip


@dataclass(frozen=True)
class Species:
    """A species: its name and one value for each of `ATTRIBUTES`."""

    name: str
    attributes: dict[str, str]


def draw_attributes(rng: np.random.Generator) -> dict[str, str]:
    """A random species' attributes: 3 or 4 plumage colours over six parts, the rest independent."""
    palette = shuffled(rng, PLUMAGE_COLOURS)[: pick(rng, COLOURS_PER_SPECIES)]
    while True:
        plumage = {part: pick(rng, palette) for part in COLOURED_PARTS}
        if set(plumage.values()) == set(palette):
            break
    others = {name: pick(rng, ATTRIBUTES[name]) for name in ATTRIBUTES if name not in plumage}
    return {**plumage, **others}


def confusable_double(attributes: dict[str, str], rng: np.random.Generator) -> dict[str, str]:
    """The same bird with the colours of two parts exchanged: the same words describe both."""
    first, second = next(
        (one, other)
        for one in shuffled(rng, COLOURED_PARTS)
        for other in shuffled(rng, COLOURED_PARTS)
        if attributes[one] != attributes[other]
    )
    return {**attributes, first: attributes[second], second: attributes[first]}


def draw_species(rng: np.random.Generator) -> list[Species]:
    """200 species, no two of one plumage; species 2k and 2k + 1 are a confusable pair."""
    species: list[Species] = []
    plumages = set()
    names = shuffled(rng, [f"{country} {family}" for country in _COUNTRIES for family in _FAMILIES])
    while len(species) < 2 * NUM_PAIRS:
        one = draw_attributes(rng)
        pair = (one, confusable_double(one, rng))
        new = {tuple(bird[part] for part in COLOURED_PARTS) for bird in pair}
        if new & plumages:
            continue
        plumages |= new
        name = names[len(species) // 2]
        species += [Species(f"eastern {name}", pair[0]), Species(f"western {name}", pair[1])]
    return species
