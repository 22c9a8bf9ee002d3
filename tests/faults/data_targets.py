"""The formats of data files, and the faults to try on each."""

from pathlib import Path

from faults.app_roots import app, types, uploads
from faults.campaign import Target
from faults.corruptions import BINARY, JSON, PLACE, TEXT
from faults.data_roots import (
    caption_tree,
    classes,
    cub,
    fieldguide,
    flowers,
    folder,
    looks_at_images,
    own_captions,
    pictures,
    reads,
    reads_caption_tree,
    reads_classes,
    reads_fieldguide,
    reads_own_captions,
    release,
    release_with_ids,
    searches_images,
    uses_cache,
    with_cache,
    with_shard,
)
from faults.odd_contents import MAT, NAMES, PICTURES, PTH, T7, TAR, VOCABULARY
from faults.weight_roots import archive, checkpoint, imports, port, unpacks

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
BYTES = BINARY | PLACE
TEXTS = TEXT | PLACE
LABELS, WEIGHTS, ARCHIVE = "flowers-102/imagelabels.mat", "weights.pth", "downloads/bird.tgz"
CACHED = (
    ("features", with_cache, "cache/features/*-*/features.safetensors", uses_cache, BYTES),
    ("features: index", with_cache, "cache/features/*-*/index.json", uses_cache, JSON | PLACE),
    ("features: a shard", with_shard, "cache/features/*.partial/*", uses_cache, BYTES),
    ("features of images to search", with_cache, "cache/images/*/*", uses_cache, BYTES),
    (
        "FieldGuide: captions", fieldguide, "fieldguide-*/captions.json", reads_fieldguide,
        JSON | PLACE,
    ),
    ("FieldGuide: an image", fieldguide, "fieldguide-*/images/*/*", reads_fieldguide, BYTES),
)  # fmt: skip
"""What lies in the cache: name, files, the one to break, reader, corruptions."""

TARGETS = [
    *(
        Target(f"CUB: {Path(file).name}", cub, file, reads("cub"), TEXT | PLACE)
        for file in CUB_FILES
    ),
    Target("CUB: captions", cub, "cvpr2016_cub/text_c10/*/*.txt", reads("cub"), TEXTS),
    Target(
        "CUB: an image", cub, "CUB_200_2011/images/*/*.jpg", looks_at_images("cub"),
        BYTES | PICTURES,
    ),
    Target(
        "Flowers: imagelabels.mat", flowers, LABELS, reads("flowers"), BYTES, has_checksum=True
    ),
    Target(
        "Flowers: imagelabels.mat, not compressed", lambda root: flowers(root, False), LABELS,
        reads("flowers"), BINARY, named=("imagelabels.mat", "text_c10"),  # captions by class
    ),
    Target(
        "Flowers: imagelabels.mat, others", flowers, LABELS, reads("flowers"),
        MAT,
    ),
    Target(
        "Flowers: class lists", flowers, "cvpr2016_flowers/*.txt", reads("flowers"), TEXT | PLACE
    ),
    Target("release: manifest.txt", release, "manifest.txt", reads("release"), TEXTS),
    Target("release: class lists", release, "*classes.txt", reads("release"), TEXTS),
    Target(
        "release: id lists", release_with_ids, "*ids.txt", reads("release"), TEXT | PLACE,
        named=("trainids.txt", "trainvalids.txt", "trainvalclasses.txt"),
    ),
    Target("release: features", release, "images/*.t7", reads("release"), BYTES | T7),
    Target("release: captions", release, "text_c10/*.t7", reads("release"), BYTES | T7),
    Target(
        "release: vocab_c10.t7", release, "vocab_c10.t7", reads("release"),
        BYTES | T7 | VOCABULARY,
    ),
    Target("own data: splits.json", folder, "splits.json", reads("folder"), JSON | PLACE),
    Target("own data: captions", folder, "images/*/*.txt", reads("folder"), TEXTS),
    Target(
        "own data: an image", folder, "images/*/*.[jpw]*", looks_at_images("folder"), BYTES
    ),
    Target(
        "own data: names", folder, "images/*/*.jpg", looks_at_images("folder"),
        NAMES, named=("images", "splits.json"),
    ),
    Target(
        "images to search", pictures, "*.*", searches_images,
        BINARY | {name: PLACE[name] for name in PLACE if name != "a folder"} | PICTURES,
    ),
    Target(
        "images to search: PNG", pictures, "*.png", searches_images, BINARY, has_checksum=True
    ),
    *(
        Target(f"cached {name}", build, file, read, how, has_checksum=True)
        for name, build, file, read, how in CACHED
    ),
    Target("captions to embed", own_captions, "captions.txt", reads_own_captions, TEXTS),
    Target("captions to embed, a folder", caption_tree, "text_c10/*/*", reads_caption_tree,
        TEXTS,
    ),
    Target("classes: text", classes, "classes.txt", reads_classes("classes.txt"), TEXTS),
    Target("classes: JSON", classes, "classes.json", reads_classes("classes.json"), JSON | PLACE),
    Target(
        "the app: an upload", app, "uploads/abc/mine.png", uploads, BINARY | PLACE,
        has_checksum=True, named=("mine.png", "choose it again"),
    ),
    Target("the app: typed words", app, "descriptions.txt", types, TEXT, named=("descri",)),
    Target("weights: .t7", checkpoint, "weights.t7", imports("weights.t7"), BYTES | T7),
    Target("weights: .pth", port, WEIGHTS, imports(WEIGHTS), BYTES, has_checksum=True),
    Target("weights: .pth, old", lambda root: port(root, False), WEIGHTS, imports(WEIGHTS), BYTES),
    Target("weights: .pth, others", port, WEIGHTS, imports(WEIGHTS), PTH),
    Target("archives", archive, ARCHIVE, unpacks, BYTES, has_checksum=True),
    Target("archives, others", archive, ARCHIVE, unpacks, TAR),
]  # fmt: skip
