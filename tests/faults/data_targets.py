"""The formats of data files, each with small valid files and the way in which `dse` reads them."""

import hashlib
import io
import json
import logging
import os
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import torch
from joblib import parallel_config
from PIL import Image
from scipy.io import savemat

from dse.datasets import fieldguide as guide
from dse.datasets import read_dataset
from dse.datasets.captions import CaptionLines, CaptionTree
from dse.datasets.download import fetch
from dse.datasets.download.archives import Archive
from dse.datasets.verification import verify_images
from dse.images.cache import cached_features
from dse.images.image_folder import read_image_folder
from dse.search.classes import read_classes
from dse.text.published import read_published
from dse.text.tokens import CharacterTokenizer
from dse.utils.torch7 import TorchObject
from faults.campaign import Reading, Target
from faults.corruptions import BINARY, JSON, PLACE, TEXT, Corruption
from mean_colour import mean_colour_encoder
from torch7_writer import Function, Storage, Tensor, torch7_bytes

BIRDS = ("001.Red_Bird", "002.Blue_Bird", "003.Green_Bird", "004.Grey_Bird", "005.Pink_Bird")
SPLITS = {"train": (0, 1), "val": (2,), "trainval": (0, 1, 2), "test": (3, 4)}


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def draw(path: Path, number: int, size: tuple[int, int] = (24, 16)) -> None:
    """A picture with an edge and some noise in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 90, (size[1], size[0], 3), np.uint8)
    pixels[:, size[0] // 2 :] += np.uint8(20 * number % 160)
    Image.fromarray(pixels).save(path)


def class_lists(folder: Path, names: tuple[str, ...]) -> None:
    for split, own in SPLITS.items():
        write(folder / f"{split}classes.txt", "".join(f"{names[c]}\n" for c in own))


# The data sets.


def cub(root: Path) -> None:
    birds, texts = root / "CUB_200_2011", root / "cvpr2016_cub"
    images, labels = "", ""
    for number in range(10):
        name, picture = BIRDS[number // 2], f"{BIRDS[number // 2]}/Bird_{number}"
        draw(birds / "images" / f"{picture}.jpg", number)
        write(texts / "text_c10" / f"{picture}.txt", f"this bird is {name[4:-5].lower()}.\n" * 10)
        images += f"{number + 1} {picture}.jpg\n"
        labels += f"{number + 1} {number // 2 + 1}\n"
    write(birds / "images.txt", images)
    write(birds / "image_class_labels.txt", labels)
    write(birds / "classes.txt", "".join(f"{c} {name}\n" for c, name in enumerate(BIRDS, 1)))
    attributes = "".join(f"{10 * c} 0.5 {c}.25\n" for c in range(1, 6))
    write(birds / "attributes/class_attribute_labels_continuous.txt", attributes)
    class_lists(texts, BIRDS)


FLOWERS = tuple(f"class_{label:05d}" for label in (1, 5, 30, 77, 102))


def flowers(root: Path, compressed: bool = True) -> None:
    texts, labels = root / "cvpr2016_flowers", []
    for number in range(1, 11):
        name = FLOWERS[(number - 1) // 2]
        labels.append(int(name[-5:]))
        draw(root / f"flowers-102/jpg/image_{number:05d}.jpg", number)
        write(texts / f"text_c10/{name}/image_{number:05d}.txt", "a flower with petals\n" * 10)
    savemat(
        root / "flowers-102/imagelabels.mat",
        {"labels": np.array([labels], np.uint8)},
        do_compression=compressed,
    )
    class_lists(texts, FLOWERS)


def release(root: Path) -> None:
    for c, name in enumerate(BIRDS):
        features = np.random.default_rng(c).standard_normal((2, 6, 10)).astype(np.float32)
        captions = [[f"a {name[4:8].lower()} bird, {i}-{k}" for k in range(10)] for i in range(2)]
        numbers = np.stack([CharacterTokenizer()(own).numpy().T for own in captions])
        write(root / f"images/{name}.t7", torch7_bytes(features))
        write(root / f"text_c10/{name}.t7", torch7_bytes(numbers))
    words = ["a", "bird", "red", "blue", "green", "grey", "pink"]
    write(root / "vocab_c10.t7", torch7_bytes({word: n for n, word in enumerate(words, 1)}))
    write(root / "manifest.txt", "".join(f"{name}.t7\n" for name in BIRDS))
    class_lists(root, BIRDS)


def release_with_ids(root: Path) -> None:
    release(root)
    for split in ("train", "trainval"):
        (root / f"{split}classes.txt").unlink()
        write(root / f"{split}ids.txt", "".join(f"{c + 1}\n" for c in SPLITS[split]))


def folder(root: Path) -> None:
    for number in range(10):
        name, suffix = BIRDS[number // 2], (".jpg", ".png", ".webp")[number % 3]
        draw(root / f"images/{name}/{number}{suffix}", number)
        write(root / f"images/{name}/{number}.txt", f"bird number {number}\nanother line\n")
    splits = {s: [BIRDS[c] for c in SPLITS[s]] for s in ("train", "val", "test")}
    write(root / "splits.json", json.dumps(splits, indent=1))


def reads(name: str) -> Callable[[Path], Reading]:
    """Read a data set as `dse train` does."""

    def read(root: Path) -> Reading:
        data = read_dataset(name, root)
        return Reading(data.fingerprint(), data.notes)

    return read


def looks_at_images(name: str) -> Callable[[Path], Reading]:
    """Read a data set, verify its images and extract their features."""

    def read(root: Path) -> Reading:
        data = read_dataset(name, root)
        notes = (*data.notes, *verify_images(data, progress=False))
        features = cached_features(
            data.image_paths, mean_colour_encoder(), device="cpu", progress=False
        )
        return Reading((data.fingerprint(), features.tolist()), notes)

    return read


# Images, features in the cache, captions and classes of one's own.


@contextmanager
def warnings_of_dse() -> Iterator[list[str]]:
    """The warnings that a command would show."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = logging.getLogger("dse")
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)


def pictures(root: Path) -> None:
    for number, suffix in enumerate((".jpg", ".png", ".webp", ".png")):
        draw(root / f"{number}{suffix}", number)


def searches_images(root: Path) -> Reading:
    with warnings_of_dse() as notes:
        images = read_image_folder(root, mean_colour_encoder(), device="cpu", progress=False)
    found = dict(zip(map(images.name, images.paths), images.features.tolist(), strict=True))
    return Reading(found, notes)


def with_cache(root: Path) -> None:
    """The images, and in `cache` what `dse` kept of them."""
    pictures(root / "photos")
    os.environ["DSE_CACHE"] = str(root / "cache")
    _features_of(root)


def with_shard(root: Path) -> None:
    """The same after a kill: what was extracted before it lies in a shard."""
    with_cache(root)
    (whole,) = (root / "cache/features").glob("*/features.safetensors")
    shard = whole.parent.with_suffix(".partial") / "0000000.safetensors"
    shard.parent.mkdir()
    whole.rename(shard)
    shutil.rmtree(whole.parent)


def _features_of(root: Path) -> list:
    paths = sorted((root / "photos").iterdir())
    whole = cached_features(paths, mean_colour_encoder(), device="cpu", progress=False)
    single = read_image_folder(root / "photos", mean_colour_encoder(), device="cpu", progress=False)
    return [whole.tolist(), single.features.tolist()]


def uses_cache(root: Path) -> Reading:
    os.environ["DSE_CACHE"] = str(root / "cache")
    with warnings_of_dse() as notes:
        return Reading(_features_of(root), notes)


@contextmanager
def small_guide() -> Iterator[None]:
    """A FieldGuide of four birds with two pictures each."""
    species, images = guide.guide_species, guide.IMAGES_PER_SPECIES
    try:
        guide.guide_species = lambda: species()[:4]
        guide.IMAGES_PER_SPECIES = range(2, 3)
        with parallel_config("sequential"):
            yield
    finally:
        guide.guide_species, guide.IMAGES_PER_SPECIES = species, images


def fieldguide(root: Path) -> None:
    os.environ["DSE_CACHE"] = str(root)
    with small_guide():
        guide.read_fieldguide()


def reads_fieldguide(root: Path) -> Reading:
    os.environ["DSE_CACHE"] = str(root)
    with small_guide():
        data = guide.read_fieldguide()
    features = cached_features(
        data.image_paths, mean_colour_encoder(), device="cpu", progress=False
    )
    return Reading((data.fingerprint(), features.tolist()), data.notes)


def own_captions(root: Path) -> None:
    write(root / "captions.txt", "a small red bird\n\na bird with a blue crown\nvögel\n")


def reads_own_captions(root: Path) -> Reading:
    return Reading(list(CaptionLines(root / "captions.txt")))


def caption_tree(root: Path) -> None:
    for c in range(3):
        write(root / f"text_c10/{c}/bird.txt", f"bird {c}\nanother\n")


def reads_caption_tree(root: Path) -> Reading:
    tree = CaptionTree(root / "text_c10", per_image=2)
    notes = (f"{tree.fewer} images have fewer", f"{tree.more} have more")  # as `dse embed` says
    return Reading((tree.images, list(tree)), notes)


CLASSES = {"wren": ["small and brown", "a short tail"], "jay": ["blue"], "tit": ["yellow belly"]}


def classes(root: Path) -> None:
    lines = [f"{name}: {text}\n" for name, texts in CLASSES.items() for text in texts]
    write(root / "classes.txt", "".join(lines))
    write(root / "classes.json", json.dumps(CLASSES, indent=1))


def reads_classes(name: str) -> Callable[[Path], Reading]:
    return lambda root: Reading(read_classes(root / name))


# Published weights and archives.


@cache
def _weights() -> dict[str, torch.Tensor]:
    """A port's tensors, with an embedding of 8 dimensions."""
    generator = torch.Generator().manual_seed(0)
    shapes = {
        "conv1": (384, 70, 4), "conv2": (512, 384, 4), "conv3": (256, 512, 4),
        "rnn_i2h": (256, 256), "rnn_h2h": (256, 256), "emb_proj": (8, 256),
    }  # fmt: skip
    state = {}
    for name, shape in shapes.items():
        state[f"{name}_weight"] = torch.empty(shape).uniform_(-0.1, 0.1, generator=generator)
        state[f"{name}_bias"] = torch.empty(shape[0]).uniform_(-0.1, 0.1, generator=generator)
    return state


def port(root: Path, zipped: bool = True) -> None:
    root.mkdir(exist_ok=True)
    torch.save(_weights(), root / "weights.pth", _use_new_zipfile_serialization=zipped)


def checkpoint(root: Path) -> None:
    """The authors' checkpoint: modules within modules."""
    state = _weights()

    def layer(name: str) -> TorchObject:
        weight = state[f"{name}_weight"]
        weight = weight.transpose(1, 2).flatten(1) if weight.dim() == 3 else weight
        arrays = {"weight": weight.contiguous().numpy(), "bias": state[f"{name}_bias"].numpy()}
        return TorchObject("nn.Linear", arrays)

    def container(size: int, modules: dict[int, TorchObject]) -> TorchObject:
        filled = {k: modules.get(k, TorchObject("nn.Identity", {})) for k in range(1, size + 1)}
        return TorchObject("nn.Sequential", {"modules": filled})

    convolutions = container(9, {1: layer("conv1"), 4: layer("conv2"), 7: layer("conv3")})
    inner = {2: container(1, {1: layer("rnn_i2h")}), 6: container(1, {1: layer("rnn_h2h")})}
    network = container(6, {2: convolutions, 4: container(12, inner), 6: layer("emb_proj")})
    write(root / "weights.t7", torch7_bytes({"protos": {"enc_doc": network}, "i": 1}))


def imports(name: str) -> Callable[[Path], Reading]:
    def read(root: Path) -> Reading:
        _, encoder = read_published(root / name)
        digest = hashlib.sha256()
        for value in encoder.state_dict().values():
            digest.update(value.numpy())
        return Reading(digest.hexdigest())

    return read


ARCHIVE = Archive(
    "http://127.0.0.1:9/bird.tgz", "a page", "bird.tgz", "bird", required=("text_c10",), flat=True
)


def archive(root: Path) -> None:
    write(root / "source/text_c10/a/1.txt", "a red bird\n" * 10)
    write(root / "source/text_c10/b/2.txt", "a blue bird\n" * 10)
    (root / "downloads").mkdir()
    with tarfile.open(root / "downloads/bird.tgz", "w:gz") as tar:
        tar.add(root / "source/text_c10", "bird/text_c10")
    shutil.rmtree(root / "source")


def unpacks(root: Path) -> Reading:
    """Put an archive in place that was fetched by a browser; where there is none, fetch it."""
    target = fetch(ARCHIVE, root, progress=False, pause=0)
    files = sorted(path for path in target.rglob("*") if path.is_file())
    return Reading([(str(f.relative_to(target)), f.read_bytes()) for f in files])


# Faults of single formats: bombs, programs, and values that are no damage of the file itself.


def of_bytes(make: Callable[[Random], bytes]) -> Corruption:
    return lambda path, random: path.write_bytes(make(random))


class _Program:
    """Unpickled, it writes a file."""

    def __reduce__(self):
        return os.system, ("touch ran",)


def _pickled(value: object) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def _zipped(value: object) -> bytes:
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


@cache
def _bomb_of_weights() -> bytes:
    """2 GB of zeros, compressed to 2 MB."""
    stored, file = io.BytesIO(_zipped({"conv1_weight": torch.zeros(10)})), io.BytesIO()
    with (
        zipfile.ZipFile(stored) as source,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target,
    ):
        for part in source.infolist():
            is_tensor = part.filename.endswith("data/0")
            target.writestr(part.filename, bytes(2_000_000_000) if is_tensor else source.read(part))
    return file.getvalue()


def _state_with(random: Random) -> bytes:
    """A state dict with one tensor that is not a plain one of the right kind."""
    state = dict(_weights())
    name = random.choice(list(state))
    value = state[name]
    odd = random.choice(
        [
            lambda: value[:1, ...].expand(10**6, *value.shape[1:]),
            lambda: torch.zeros(1).expand(10**12),
            lambda: torch.zeros(1).expand(10**6, 10**6),
            lambda: value.half(),
            lambda: value.long(),
            lambda: value.bool(),
            lambda: torch.complex(value, value),
            lambda: value.to_sparse(),
            lambda: value.to("meta"),
            lambda: value * torch.nan,
            lambda: value * 1e30,
            lambda: value[..., :-1].contiguous(),
            lambda: torch.nn.Parameter(value),
            lambda: value.tolist(),
            lambda: "weights",
            lambda: {"nested": value},
        ]
    )
    if random.random() < 0.2:
        del state[name]
        name = random.choice(["", "conv4_weight", "conv1.weight.bias", "\x1b[2J", "a" * 5000])
    return _zipped(state | {name: odd()})


def _t7_of(random: Random) -> bytes:
    """Torch7 files that are whole, and not what is expected."""
    zeros = np.zeros((2, 6, 10), np.float32)
    values = [
        None, 1, "bird", True, {}, {1: zeros}, Function(), TorchObject("nn.Linear", {}),
        zeros[0], zeros[:1], zeros[:, :5].copy(), zeros + np.nan, zeros + 1e30, zeros - 1e300,
        zeros.astype(np.uint8), Tensor(Storage(zeros.ravel()), (10**9, 10**9), (0, 0)),
        Tensor(Storage(zeros.ravel()), (2, 6, 10**6), (0, 0, 0)),
        Tensor(None, (2, 6, 10), (60, 10, 1), kind="Float"),
        {str(n): n for n in range(1, 200)}, {"a": 1, "b": 3}, {"\x1b": 1},
    ]  # fmt: skip
    return torch7_bytes(random.choice(values))


def _nested_t7(random: Random) -> bytes:
    opening = b"".join(struct.pack("<iiiid", 3, n, 1, 1, 1.0) for n in range(1, 50_000))
    return opening + struct.pack("<i", 0)


def _vocabulary_of_millions(random: Random) -> bytes:
    words = (
        struct.pack("<ii", 2, 7) + b"%07d" % n + struct.pack("<id", 1, n)
        for n in range(1, 2_000_001)
    )
    return struct.pack("<iii", 3, 1, 2_000_000) + b"".join(words)


def _vocabulary_of_thousands(random: Random) -> bytes:
    return torch7_bytes({f"word{n}": n for n in range(1, 200_001)})


def _saved_mat(variables: dict) -> bytes:
    file = io.BytesIO()
    savemat(file, variables, do_compression=True)
    return file.getvalue()


def _odd_mat(random: Random) -> bytes:
    labels = random.choice(
        [
            *(1.5, np.nan, np.inf, 0, 103, -1, 1e30, 1 + 1j, True, "labels", {"a": 1}),
            *([[]], [["a", "b"]], np.array([[1, "a"]], object), np.zeros((3, 4, 5))),
        ]
    )
    return _saved_mat({random.choice(["labels", "labels", "label"]): labels})


@cache
def _mat_of_millions() -> bytes:
    return _saved_mat({"labels": np.zeros((1, 200_000_000), np.uint8)})


@cache
def _large_picture(mode: str) -> bytes:
    """A PNG of 89 million pixels in one colour, 0.1 to 0.4 MB."""
    width, height = 9_400, 9_500
    depth, kind, size = {"RGB": (8, 2, 3), "RGBA": (8, 6, 4), "I;16": (16, 0, 2)}[mode]
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    rows = zlib.compressobj(1)
    pixels = b"".join(rows.compress(bytes(1 + size * width)) for _ in range(height)) + rows.flush()

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    parts = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def large_pictures(path: Path, random: Random) -> None:
    """Some at once: threads decode them."""
    content = _large_picture(random.choice(["RGB", "RGBA", "I;16"]))
    for other in [path, *path.parent.glob("*.jpg")][:2]:
        other.write_bytes(content)


def _another_format(random: Random) -> bytes:
    file = io.BytesIO()
    name = random.choice(["GIF", "BMP", "TIFF", "PPM", "ICO", "PDF", "EPS"])
    Image.new("RGB", (16, 16)).save(file, name)
    return file.getvalue()


def _postscript(random: Random) -> bytes:
    return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(ran) (w) file closefile {} loop\n"


def _odd_tar(random: Random) -> bytes:
    """Members that lead out of the folder, or are no files."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name in ("bird/text_c10/1.txt", random.choice(_TAR_NAMES)):
            member = tarfile.TarInfo(name)
            member.size = 3
            tar.addfile(member, io.BytesIO(b"new"))
        odd = tarfile.TarInfo("bird/odd")
        odd.type = random.choice(
            [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
        )
        odd.linkname = random.choice(["../../elsewhere/kept.txt", "/etc/passwd", "odd", ""])
        if random.random() < 0.5:
            tar.addfile(odd)
    return file.getvalue()


_TAR_NAMES = (
    "../elsewhere/kept.txt", "/tmp/../elsewhere", "bird/../../elsewhere/kept.txt", "bird/\x1b[2J",
    "bird/a\nb", "", ".", "bird/" + "a/" * 200, "bird/" + "a" * 300, "other/1.txt", "bird/text_c10",
    "bird/text_c10/1.txt/2.txt",
)  # fmt: skip


def _tar_bomb(random: Random) -> bytes:
    """30 GB by its header, of zeros."""
    member = tarfile.TarInfo("bird/text_c10/1.txt")
    member.size = 30_000_000_000
    packed = zlib.compressobj(1, wbits=31)
    head = packed.compress(member.tobuf())
    return head + b"".join(packed.compress(bytes(1 << 20)) for _ in range(100)) + packed.flush()


def odd_names(path: Path, random: Random) -> None:
    """Give the class's folder, or the image and its captions, a name that is hard to show."""
    odd = random.choice(
        [b"caf\xe9", b"line\nbreak", b"\x1b[2J\x1b[31m", b"\xff\xfe", b"-rf", b"a b", b"*", b"..."]
        + [name.encode() for name in ("e\u0301", "\u202egpj", "\u200b", "\U0001f426", "a" * 200)]
    )
    if random.random() < 0.5:
        os.rename(path.parent, os.path.join(os.fsencode(path.parent.parent), odd))
    else:
        for own in path.parent.glob(f"{path.stem}.*"):
            new = odd + own.suffix.encode()
            os.rename(own, os.path.join(os.fsencode(path.parent), new))
    if random.random() < 0.5:
        (path.parents[2] / "splits.json").unlink()


BOMBS_OF_PICTURES = {
    "a program": of_bytes(_postscript),
    "another format": of_bytes(_another_format),
    "89 million pixels": large_pictures,
}
CUB_FILES = (
    "CUB_200_2011/classes.txt",
    "CUB_200_2011/images.txt",
    "CUB_200_2011/image_class_labels.txt",
    "CUB_200_2011/attributes/class_attribute_labels_continuous.txt",
    "cvpr2016_cub/trainvalclasses.txt",
    "cvpr2016_cub/testclasses.txt",
    "cvpr2016_cub/trainclasses.txt",
    "cvpr2016_cub/valclasses.txt",
)
T7 = BINARY | PLACE | {"another value": of_bytes(_t7_of), "nested deep": of_bytes(_nested_t7)}
PTH = BINARY | PLACE | {"another state": of_bytes(_state_with)}
CACHE = BINARY | PLACE

TARGETS = [
    *(
        Target(f"CUB: {Path(file).name}", cub, file, reads("cub"), TEXT | PLACE)
        for file in CUB_FILES
    ),
    Target("CUB: captions", cub, "cvpr2016_cub/text_c10/*/*.txt", reads("cub"), TEXT | PLACE),
    Target(
        "CUB: an image", cub, "CUB_200_2011/images/*/*.jpg", looks_at_images("cub"),
        BINARY | PLACE | BOMBS_OF_PICTURES,
    ),
    Target(
        "Flowers: imagelabels.mat", flowers, "flowers-102/imagelabels.mat", reads("flowers"),
        BINARY | PLACE
        | {"another value": of_bytes(_odd_mat), "a bomb": of_bytes(lambda r: _mat_of_millions())},
    ),
    Target(
        "Flowers: imagelabels.mat, not compressed", lambda root: flowers(root, False),
        "flowers-102/imagelabels.mat", reads("flowers"), BINARY,
    ),
    Target(
        "Flowers: class lists", flowers, "cvpr2016_flowers/*.txt", reads("flowers"), TEXT | PLACE
    ),
    Target("release: manifest.txt", release, "manifest.txt", reads("release"), TEXT | PLACE),
    Target("release: class lists", release, "*classes.txt", reads("release"), TEXT | PLACE),
    Target(
        "release: id lists", release_with_ids, "*ids.txt", reads("release"), TEXT | PLACE,
        named=("trainids.txt", "trainvalids.txt", "trainvalclasses.txt"),
    ),
    Target("release: features", release, "images/*.t7", reads("release"), T7),
    Target("release: captions", release, "text_c10/*.t7", reads("release"), T7),
    Target(
        "release: vocab_c10.t7", release, "vocab_c10.t7", reads("release"),
        T7 | {
            "2 million words": of_bytes(_vocabulary_of_millions),
            "200,000 words": of_bytes(_vocabulary_of_thousands),
        },
    ),
    Target("own data: splits.json", folder, "splits.json", reads("folder"), JSON | PLACE),
    Target("own data: captions", folder, "images/*/*.txt", reads("folder"), TEXT | PLACE),
    Target(
        "own data: an image", folder, "images/*/*.[jpw]*", looks_at_images("folder"),
        BINARY | PLACE,
    ),
    Target(
        "own data: names", folder, "images/*/*.jpg", looks_at_images("folder"),
        {"an odd name": odd_names}, named=("images", "splits.json"),
    ),
    Target(
        "images to search", pictures, "*.*", searches_images,
        BINARY | {name: PLACE[name] for name in PLACE if name != "a folder"} | BOMBS_OF_PICTURES,
    ),
    Target(
        "images to search: PNG", pictures, "*.png", searches_images, BINARY, has_checksum=True
    ),
    Target(
        "cached features", with_cache, "cache/features/*-*/features.safetensors", uses_cache, CACHE,
        has_checksum=True,
    ),
    Target(
        "cached features: index", with_cache, "cache/features/*-*/index.json", uses_cache,
        JSON | PLACE, has_checksum=True,
    ),
    Target(
        "cached features: a shard", with_shard, "cache/features/*.partial/*", uses_cache, CACHE,
        has_checksum=True,
    ),
    Target(
        "cached features of images to search", with_cache, "cache/images/*/*", uses_cache, CACHE,
        has_checksum=True,
    ),
    Target(
        "cached FieldGuide: captions", fieldguide, "fieldguide-*/captions.json", reads_fieldguide,
        JSON | PLACE, has_checksum=True,
    ),
    Target(
        "cached FieldGuide: an image", fieldguide, "fieldguide-*/images/*/*", reads_fieldguide,
        BINARY | PLACE, has_checksum=True,
    ),
    Target("captions to embed", own_captions, "captions.txt", reads_own_captions, TEXT | PLACE),
    Target("captions to embed, a folder", caption_tree, "text_c10/*/*", reads_caption_tree,
        TEXT | PLACE,
    ),
    Target("classes: text", classes, "classes.txt", reads_classes("classes.txt"), TEXT | PLACE),
    Target("classes: JSON", classes, "classes.json", reads_classes("classes.json"), JSON | PLACE),
    Target("weights: .t7", checkpoint, "weights.t7", imports("weights.t7"), T7),
    Target(
        "weights: .pth", port, "weights.pth", imports("weights.pth"),
        PTH | {
            "a program": of_bytes(lambda r: _zipped({"conv1_weight": _Program()})),
            "a bomb": of_bytes(lambda r: _bomb_of_weights()),
        },
        has_checksum=True,
    ),
    Target(
        "weights: .pth, old", lambda root: port(root, False), "weights.pth", imports("weights.pth"),
        PTH | {"a program": of_bytes(lambda r: _pickled({"conv1_weight": _Program()}))},
    ),
    Target(
        "archives", archive, "downloads/bird.tgz", unpacks,
        BINARY | PLACE | {"odd members": of_bytes(_odd_tar), "a bomb": of_bytes(_tar_bomb)},
    ),
]  # fmt: skip
