"""Write what the book's page "Try it" computes with into a folder: scripts, weights, pictures.

    python scripts/build_try_it.py FOLDER

`scripts/build_book.py` calls it. The char-CNN-RNN is the one that comes with `dse`; the bag of
words is trained here, as in chapter 3. The data are kept in `_build/try_it` and written again when
the library or this script has changed. Every file is a classic script, so that the page also works
from `file://`; numbers are base64.
"""

import base64
import hashlib
import io
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

import dse
from dse.datasets.fieldguide import Species, confusable_pairs, guide_species
from dse.datasets.fieldguide.captions import COLOUR_WORDS
from dse.datasets.fieldguide.species import COLOURED_PARTS
from dse.text.packing import stages
from dse.text.tokens import ALPHABET
from dse.utils.files import written_whole

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "chapters" / "try_it"
INPUTS = ("dse/**/*.py", "dse/**/*.safetensors", "scripts/build_try_it.py")

PICTURES = 6
"""Pictures of each species, its first ones; the page scores a species by their mean features."""

PAIR = "reed quillet"
"""The confusable pair of the front page: bright colours on parts that are easy to see."""

LONGER = "eastern willow sprill"
"""The species that the page's longer example describes."""

BAG_OF_WORDS = dse.TrainingConfig("bag-of-words", steps=1800, seed=0)
OUTSIDE_SHARE = 0.01
"""Share of the validation captions that may move the scores less than `outside` says."""


def main() -> None:
    target = Path(sys.argv[1])
    built = ROOT / "_build" / "try_it"
    digest = source_digest()
    if not (built / digest).is_file():
        shutil.rmtree(built, ignore_errors=True)
        data = dse.load_dataset("fieldguide")
        network = dse.load_pretrained("fieldguide")
        words = dse.train(data, BAG_OF_WORDS, progress=False)
        with written_whole(built) as folder:
            folder.mkdir()
            write_data(folder, data, network, words)
            (folder / digest).touch()
    shutil.copytree(SOURCES, target, dirs_exist_ok=True)
    shutil.copytree(built, target / "data", dirs_exist_ok=True)
    sizes = {path.stem: path.stat().st_size for path in sorted(built.glob("*.js"))}
    print("try it:", ", ".join(f"{name} {size / 1e6:.2f} MB" for name, size in sizes.items()))


def source_digest() -> str:
    """A hash of everything that the data depend on."""
    digest = hashlib.sha256()
    for pattern in INPUTS:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(str(path.relative_to(ROOT)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


@torch.inference_mode()
def write_data(folder: Path, data: dse.DescribedImages, network: dse.Run, words: dse.Run) -> None:
    """Write `network.js`, `words.js`, `birds.js`, `pair.js` and `size.js` into a folder."""
    test = data.subset("test")
    birds = [describe_bird(test, c) for c in range(len(test.class_names))]
    features = bird_features(test)
    write_script(folder, "network", network_data(network, features, data))
    write_script(folder, "words", words_data(words, features))
    write_script(folder, "birds", {"birds": birds, "examples": examples()})
    write_script(folder, "pair", pair_data(test, birds, network, words))
    heavy = sum((folder / f"{name}.js").stat().st_size for name in ("network", "words", "birds"))
    write_script(folder, "size", heavy)


def write_script(folder: Path, name: str, value: object) -> None:
    text = f"FieldGuide.data.{name} = {json.dumps(value, separators=(',', ':'))};\n"
    (folder / f"{name}.js").write_text(text, encoding="utf-8")


def first_pictures(test: dse.DescribedImages, c: int) -> torch.Tensor:
    """The images of a species that the page shows, int64 (6,)."""
    return (test.labels == c).nonzero().flatten()[:PICTURES]


def bird_features(test: dse.DescribedImages) -> torch.Tensor:
    """The mean features of the pictures of each species, float32 (C, D)."""
    images = test.whole_images()
    classes = range(len(test.class_names))
    return torch.stack([images[first_pictures(test, c)].mean(0) for c in classes])


def network_data(run: dse.Run, features: torch.Tensor, data: dse.DescribedImages) -> dict:
    """The char-CNN-RNN, its last layer multiplied with the features of each bird."""
    encoder = run.encoder
    linear = encoder.linear.double()
    birds = features.double()
    converted = {
        "alphabet": ALPHABET,
        "length": encoder.tokenizer.length,
        "convolutions": [
            {
                "inputs": convolution.in_channels,
                "outputs": convolution.out_channels,
                "kernel": convolution.kernel_size[0],
                "pool": pool,
                "poolStride": stride,
                "weight": encoded(convolution.weight.transpose(1, 2), np.float16),
                "bias": encoded(convolution.bias, np.float16),
            }
            for convolution, _, (pool, stride) in stages(encoder.convolutions)
        ],
        "fromInput": layer_data(encoder.rnn.from_input),
        "fromHidden": layer_data(encoder.rnn.from_hidden),
        "birds": {
            "weight": encoded(birds @ linear.weight, np.float32),
            "bias": encoded(birds @ linear.bias, np.float32),
        },
    }
    linear.float()
    captions = [own[0] for own in data.subset("val").captions]
    moves = how_far_texts_move(run, captions, features)
    return {**converted, "outside": float(moves.quantile(OUTSIDE_SHARE))}


def how_far_texts_move(run: dse.Run, texts: list[str], features: torch.Tensor) -> torch.Tensor:
    """How far each text takes the scores from those of an empty one, float32 (n,).

    It is the standard deviation over the birds of what the text changes. A text of which the
    network can make nothing leaves the scores where an empty one has them.
    """
    changes = run.encode(texts) - run.encode([""])
    return (changes @ features.T).std(1)


def layer_data(layer: nn.Conv1d | nn.Linear) -> dict[str, str]:
    return {"weight": encoded(layer.weight, np.float16), "bias": encoded(layer.bias, np.float16)}


def words_data(run: dse.Run, features: torch.Tensor) -> dict:
    """The bag of words: what each word adds to the score of each bird, as 16-bit integers."""
    linear = run.encoder.linear
    table = (features @ linear.weight).T  # (V, C)
    scale = float(table.abs().max()) / 32767
    return {
        "vocabulary": run.encoder.tokenizer.vocabulary,
        "length": run.encoder.tokenizer.length,
        "scale": scale,
        "weight": encoded((table / scale).round(), np.int16),
        "bias": encoded(features @ linear.bias, np.float32),
    }


def encoded(values: torch.Tensor, kind: type) -> str:
    little_endian = np.dtype(kind).newbyteorder("<")
    return base64.b64encode(values.detach().numpy().astype(little_endian).tobytes()).decode()


def describe_bird(test: dse.DescribedImages, c: int) -> dict:
    """A species as the page shows it: its name, what its pictures show, and the pictures."""
    name = test.class_names[c]
    return {
        "name": name,
        "looks": looks(species_by_name()[name].attributes),
        "pictures": [picture(test.image_paths[n]) for n in first_pictures(test, c).tolist()],
    }


def species_by_name() -> dict[str, Species]:
    return {bird.name: bird for bird in guide_species()}


def looks(bird: dict[str, str]) -> str:
    """What a person would see, for those who cannot: the text beside a picture."""
    plumage = ", ".join(f"{bird[part]} {part}" for part in COLOURED_PARTS)
    bill = f"{bird['bill_length']} {bird['bill_shape']} {bird['bill_colour']} bill"
    more = [f"{bird['wing_pattern']} wings", bill, f"{bird['tail_shape']} tail"]
    more.append(f"{bird['leg_colour']} legs")
    more += [f"{bird['eye_ring']} eye ring"] * (bird["eye_ring"] != "none")
    more += ["a crest"] * (bird["crest"] != "none")
    return f"{bird['size']} bird: {plumage}, {', '.join(more)}"


def picture(path: Path) -> str:
    """An image as the address of a WebP file within the page."""
    file = io.BytesIO()
    Image.open(path).convert("RGB").save(file, "WEBP", quality=80, method=6)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"


def differences(one: Species, other: Species) -> list[list[str]]:
    """The two coloured parts in which the species of a confusable pair differ, for each."""
    parts = [part for part in COLOURED_PARTS if one.attributes[part] != other.attributes[part]]
    return [[f"{bird.attributes[part]} {part}" for part in parts] for bird in (one, other)]


def pair_sentences(one: Species, other: Species) -> list[str]:
    """A description of each species of a confusable pair, of the same words."""
    return [
        f"a bird with {with_article(first)} and {with_article(second)}"
        for first, second in differences(one, other)
    ]


def longer_sentence(bird: Species) -> str:
    looks = bird.attributes
    return (
        f"A {looks['size']} bird with a {looks['crown']} crown, a {looks['belly']} belly, "
        f"{looks['wings']} wings and a {looks['bill_length']} {looks['bill_shape']} bill."
    )


def with_article(phrase: str) -> str:
    return phrase if phrase.endswith("wings") else f"a {phrase}"


def examples() -> dict:
    """What the buttons of the page type in, and the colours that it can exchange."""
    birds = species_by_name()
    one, other = pair_sentences(*(birds[f"{side} {PAIR}"] for side in ("eastern", "western")))
    texts = {
        "a bird": one,
        "its double": other,
        "longer": longer_sentence(birds[LONGER]),
        "misspelt": "a brid wiht a red bely and blue wigns",
        "no such bird": "a green penguin on a bicycle",
    }
    colours = sorted({word for words in COLOUR_WORDS.values() for word in words})
    named = [{"name": name, "text": text} for name, text in texts.items()]
    return {"texts": named, "colours": colours}


def pair_data(
    test: dse.DescribedImages, birds: list[dict], network: dse.Run, words: dse.Run
) -> dict:
    """The small version: a pair, its two sentences, and the scores of both encoders.

    `scores[encoder][s][b]` is the mean score of the six pictures of bird b with sentence s;
    `right` counts the pairs of which both sentences score highest with their own species.
    """
    features = bird_features(test)
    pairs = confusable_pairs(test.class_names).tolist()
    right = {"network": 0, "words": 0}
    chosen = {}
    for pair in pairs:
        species = [species_by_name()[test.class_names[c]] for c in pair]
        sentences = pair_sentences(*species)
        scores = {
            name: run.encode(sentences) @ features[pair].T
            for name, run in (("network", network), ("words", words))
        }
        for name, own in scores.items():
            right[name] += bool(own[0, 0] > own[0, 1] and own[1, 1] > own[1, 0])
        if species[0].name.endswith(PAIR):
            chosen = {
                "sentences": sentences,
                "birds": [
                    {**birds[c], "differs": ", ".join(parts)}
                    for c, parts in zip(pair, differences(*species), strict=True)
                ],
                "scores": {name: own.tolist() for name, own in scores.items()},
            }
    return {**chosen, "right": right, "pairs": len(pairs)}


if __name__ == "__main__":
    main()
