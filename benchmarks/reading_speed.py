"""How fast images become features, and caption files tokens; and the memory that it takes.

    python benchmarks/reading_speed.py --root DATA --image-encoder efficientnet-lite0

Rounds of three ways to encode the same images follow each other in one process: `dse`, the bare
forward pass of its network on pixels that lie ready, and the plain loop that a tutorial shows (a
DataLoader with a worker, images resized and normalised one by one, the network as it is built).
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from dse.datasets.captions import read_caption_files
from dse.images.efficientnet import EfficientNetLite0
from dse.images.encoders import ImageEncoder, load_image_encoder
from dse.images.features import BATCH_SIZE, extract_features
from dse.images.views import read_image
from dse.text.tokens import CharacterTokenizer, WordTokenizer, build_vocabulary
from dse.utils.errors import Problems


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True, help="holds CUB")
    parser.add_argument("--image-encoder", default="efficientnet-lite0")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--ten-views",
        action="store_true",
        help="also extract ten views of all images, for the memory at the peak; takes long",
    )
    arguments = parser.parse_args()
    paths = sorted((arguments.root / "CUB_200_2011/images").glob("*/*.jpg"))[: arguments.images]
    result = {
        "image_encoder": arguments.image_encoder,
        "threads": torch.get_num_threads(),
        **extraction(paths, arguments.image_encoder, arguments.rounds),
        **captions(arguments.root / "cvpr2016_cub/text_c10"),
    }
    if arguments.ten_views:
        result["peak_gigabytes_ten_views"] = peak_memory(arguments)
    print(json.dumps(result, indent=1))


def extraction(paths: list[Path], name: str, rounds: int) -> dict:
    """Images a second of the three ways, and their ratios, medians over the rounds."""
    encoder = load_image_encoder(name)
    plain = plain_network(name)
    pixels = [encoder.pixels(read_image(path)) for path in paths]
    ready = [
        torch.cat(pixels[start : start + BATCH_SIZE]) for start in range(0, len(paths), BATCH_SIZE)
    ]
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (encoder.mean, encoder.std))
    normalised = [
        ((batch - mean) / std).contiguous(memory_format=torch.channels_last) for batch in ready
    ]

    @torch.inference_mode()
    def bare() -> None:
        for batch in normalised:
            encoder.network(batch)

    @torch.inference_mode()
    def tutorial() -> None:
        for batch in DataLoader(PlainImages(paths, encoder), BATCH_SIZE, num_workers=1):
            plain(batch)

    ways = {"dse": lambda: extract_features(paths, encoder), "bare": bare, "tutorial": tutorial}
    speeds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, run in ways.items():
            started = time.monotonic()
            run()
            speeds[way].append(len(paths) / (time.monotonic() - started))

    def ratio(other: str) -> float:
        return round(
            statistics.median(a / b for a, b in zip(speeds["dse"], speeds[other], strict=True)), 3
        )

    return {
        "images_per_second": {w: round(statistics.median(v), 1) for w, v in speeds.items()},
        "dse_to_bare": ratio("bare"),
        "dse_to_tutorial": ratio("tutorial"),
    }


class PlainImages(Dataset):
    """Images as a tutorial reads them, one by one to normalised floats."""

    def __init__(self, paths: list[Path], encoder: ImageEncoder):
        self.paths, self.encoder = paths, encoder

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> torch.Tensor:
        encoder = self.encoder
        image = Image.open(self.paths[i]).convert("RGB")
        (pixels,) = encoder.pixels(image)
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in (encoder.mean, encoder.std))
        return (pixels.float() - mean) / std


def plain_network(name: str) -> torch.nn.Module:
    """The network as its library builds it: every batch norm there, pixels in the usual order."""
    if name == "efficientnet-lite0":
        return EfficientNetLite0.pretrained()
    return load_image_encoder(name).network.to(memory_format=torch.contiguous_format)


def captions(folder: Path) -> dict:
    """Seconds to read all caption files and to tokenise them."""
    paths = sorted(folder.glob("*/*.txt"))
    started = time.monotonic()
    flat = [c for own in read_caption_files(paths, Problems()) for c in own]
    read = time.monotonic()
    CharacterTokenizer()(flat)
    characters = time.monotonic()
    WordTokenizer(build_vocabulary(flat))(flat)
    seconds = {
        "read": round(read - started, 2),
        "characters": round(characters - read, 2),
        "words": round(time.monotonic() - characters, 2),
    }
    return {"caption_files": len(paths), "seconds": seconds}


def peak_memory(arguments: argparse.Namespace) -> float:
    """Gigabytes at the peak of `dse features --views 10 --float16`, in a process of its own."""
    command = [sys.executable, "-m", "dse", "features", "cub", "--root", str(arguments.root)]
    options = ["--image-encoder", arguments.image_encoder, "--views", "10", "--float16"]
    subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return round(peak / (1e9 if sys.platform == "darwin" else 1e6), 2)


if __name__ == "__main__":
    main()
