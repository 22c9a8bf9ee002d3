"""FieldGuide: an imaginary field guide of birds, drawn and described by `dse` itself.

200 species in 100 confusable pairs, about 30 images of each, 10 captions an image. Everything
follows from one seed; nothing is downloaded. The images and captions are made once, in under a
minute, and cached.
"""

import hashlib
import json
from pathlib import Path

import torch
from joblib import Parallel, delayed
from PIL import Image

from dse.datasets.described_images import DescribedImages
from dse.datasets.fieldguide.chance import pick, shuffled, stream
from dse.datasets.fieldguide.drawing import draw_bird
from dse.datasets.fieldguide.kinds import write_caption
from dse.datasets.fieldguide.species import ATTRIBUTES, NUM_PAIRS, Species, draw_species
from dse.datasets.fieldguide.view import View, sample_view
from dse.utils.errors import InputError
from dse.utils.files import cache_dir, is_there, read_bytes, remove, written_whole
from dse.utils.progress import progress_bar
from dse.utils.records import parse_json

GUIDE_VERSION = 2
"""Part of the cache's name. Raise it when an image or a caption changes; a test says when."""
CHECKSUM = "captions.sha256"
"""A file of the cache: the checksum of `captions.json`."""
SEED = 2016
CAPTIONS_PER_IMAGE = 10
IMAGES_PER_SPECIES = range(26, 35)
PAIRS_PER_SPLIT = {"train": 50, "val": 25, "test": 25}

# What a stream of random numbers is for; each purpose has streams of its own.
_SPECIES, _SPLITS, _NUMBER, _VIEW, _CAPTIONS = range(5)


def read_fieldguide() -> DescribedImages:
    """FieldGuide without image features; `load_dataset` adds them.

    Classes 2k and 2k + 1 are a confusable pair: the same bird but for two parts whose colours are
    exchanged. Both are in the same split: 50 pairs train, 25 val, 25 test.

    Chapter: 1, data and splits.
    """
    species = guide_species()
    folder = cache_dir() / f"fieldguide-{GUIDE_VERSION}"
    captions = _drawn_before(folder)
    if captions is None:
        remove(folder)
        with written_whole(folder) as partial:
            captions = _publish(species, partial)
    names = list(captions)
    class_names = [bird.name for bird in species]
    class_of = {_folder_name(name): c for c, name in enumerate(class_names)}
    return DescribedImages(
        name="fieldguide",
        features=None,
        labels=torch.tensor([class_of[name.split("/")[0]] for name in names]),
        captions=list(captions.values()),
        class_names=class_names,
        splits=guide_splits(),
        class_attributes=attribute_table(species),
        image_paths=[folder / "images" / name for name in names],
    )


def guide_species() -> list[Species]:
    """The 200 species of the guide, in the order of its classes."""
    return draw_species(stream(SEED, _SPECIES))


def guide_splits() -> dict[str, torch.Tensor]:
    """Classes of each split, sorted; a pair is never divided."""
    order = iter(shuffled(stream(SEED, _SPLITS), range(NUM_PAIRS)))
    splits = {}
    for split, num_pairs in PAIRS_PER_SPLIT.items():
        pairs = sorted(next(order) for _ in range(num_pairs))
        splits[split] = torch.tensor([c for pair in pairs for c in (2 * pair, 2 * pair + 1)])
    splits["trainval"] = torch.cat([splits["train"], splits["val"]]).sort().values
    return splits


def guide_images(class_index: int) -> list[View]:
    """How each image of a species is taken."""
    number = pick(stream(SEED, _NUMBER, class_index), IMAGES_PER_SPECIES)
    return [sample_view(stream(SEED, _VIEW, class_index, i)) for i in range(number)]


def confusable_pairs(class_names: list[str]) -> torch.Tensor:
    """The pairs `eastern X`, `western X` among some classes of the guide: int64 (P, 2).

    Example:
        >>> confusable_pairs(["eastern marsh pippen", "western marsh pippen"]).tolist()
        [[0, 1]]
    """
    place = {name: c for c, name in enumerate(class_names)}
    doubles = {name: name.replace("eastern", "western", 1) for name in class_names}
    pairs = [
        (c, place[doubles[name]])
        for name, c in place.items()
        if name.startswith("eastern") and doubles[name] in place
    ]
    return torch.tensor(pairs, dtype=torch.int64).view(-1, 2)


def attribute_table(species: list[Species]) -> torch.Tensor:
    """1 where a species has a value, else 0: float32 (C, A), columns as `attribute_columns`."""
    return torch.tensor(
        [
            [float(bird.attributes[a] == value) for a, value in attribute_columns()]
            for bird in species
        ]
    )


def attribute_columns() -> list[tuple[str, str]]:
    """The (attribute, value) of each column of `class_attributes`."""
    return [(attribute, value) for attribute, values in ATTRIBUTES.items() for value in values]


def guide_captions(species: list[Species]) -> dict[str, list[str]]:
    """The captions of each image of the guide, by its file's name."""
    captions = {}
    for c, bird in enumerate(species):
        for i, view in enumerate(guide_images(c)):
            rng = stream(SEED, _CAPTIONS, c, i)
            captions[f"{_folder_name(bird.name)}/{i:02d}.png"] = [
                write_caption(bird.attributes, view.hidden, rng) for _ in range(CAPTIONS_PER_IMAGE)
            ]
    return captions


def _drawn_before(folder: Path) -> dict[str, list[str]] | None:
    """The captions in the cache; None if they, or an image, are not there or damaged.

    Whether an image is damaged is seen when it is read: a PNG has checksums. Captions that were
    written before they had one are taken as they are.
    """
    try:
        content = read_bytes(folder / "captions.json", "")
        if is_there(folder / CHECKSUM):
            expected = read_bytes(folder / CHECKSUM, "")
            if _checksum(content) != expected:
                return None
        captions = parse_json(content, dict[str, list[str]], folder, "")
    except InputError:
        return None
    there = {f"{path.parent.name}/{path.name}" for path in folder.glob("images/*/*")}
    return captions if captions and captions.keys() <= there else None


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _publish(species: list[Species], folder: Path) -> dict[str, list[str]]:
    """Draw every image and write every caption of the guide into a new folder."""
    paintings = (
        delayed(_paint)(bird, guide_images(c), folder / "images" / _folder_name(bird.name))
        for c, bird in enumerate(species)
    )
    painted = Parallel(n_jobs=-1, return_as="generator_unordered")(paintings)
    for _ in progress_bar(painted, desc="drawing FieldGuide, once", total=len(species)):
        pass
    captions = guide_captions(species)
    content = json.dumps(captions, indent=0).encode()
    (folder / "captions.json").write_bytes(content)
    (folder / CHECKSUM).write_bytes(_checksum(content))
    return captions


def _paint(bird: Species, views: list[View], folder: Path) -> None:
    """Draw the images of one species into a new folder."""
    folder.mkdir(parents=True)
    for i, view in enumerate(views):
        image = Image.fromarray(draw_bird(bird.attributes, view))
        image.save(folder / f"{i:02d}.png", compress_level=1)


def _folder_name(species_name: str) -> str:
    return species_name.replace(" ", "_")
