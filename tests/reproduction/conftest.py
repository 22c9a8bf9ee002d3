"""A data set that trains in a second, and records without any training."""

import pytest
import torch

from dse.datasets.described_images import DescribedImages
from dse.reproduction import Cell

COLOURS = ("black", "white", "brown", "red", "yellow", "blue", "green")
TEST_CLASSES = 7


@pytest.fixture(scope="session")
def toy() -> DescribedImages:
    """49 classes of (crown, belly) colours, 7 of them to test on, five images each; called cub.

    Classes 2k and 2k + 1 of the test are named as FieldGuide's confusable pairs are.
    """
    pairs = [(a, b) for a in range(7) for b in range(7)]
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(49).repeat_interleave(5)
    code = torch.zeros(49, 14)
    for c, (crown, belly) in enumerate(pairs):
        code[c, crown] = code[c, 7 + belly] = 2.0
    noise = torch.rand(len(labels), 1, 14, generator=generator)
    captions = [
        [f"a {COLOURS[pairs[c][0]]} crown, {COLOURS[pairs[c][1]]} belly{'.' * k}" for k in range(3)]
        for c in labels.tolist()
    ]
    order = torch.randperm(49, generator=generator)
    names = [f"bird {c}" for c in range(49)]
    one, other = sorted(order[:TEST_CLASSES].tolist())[:2]
    names[one], names[other] = "eastern pippen", "western pippen"
    return DescribedImages(
        "cub", code[labels].unsqueeze(1) + noise, labels, captions, names,
        {"trainval": order[TEST_CLASSES:], "test": order[:TEST_CLASSES]},
        class_attributes=code, image_encoder="toy", notes=("These are toys.",),
    )  # fmt: skip


@pytest.fixture
def record():
    """A function from a cell to a made-up record of ten classes, the same for the same cell."""

    def make(cell: Cell, **changes) -> dict:
        generator = torch.Generator().manual_seed(sum(cell.name.encode()))
        shares = torch.rand(3, 10, generator=generator, dtype=torch.float64)
        images = torch.randint(20, 60, (10,), generator=generator)
        captions = [*(2**k for k in range(8)), 192, "all"]
        draws = torch.rand(10, 2, 10, generator=generator, dtype=torch.float64).tolist()
        return {
            "dataset": "cub", "image_encoder": "toy", "views": 1, "float16": False,
            "data": "0" * 16, "notes": [], "image_size": [227, 227],
            "classes": 10, "images": int(images.sum()),
            "length": None, "steps": 7, "minutes": 2.0,
            "top1": float(shares[0] @ images.double() / images.sum()),
            "top1_per_class": float(shares[0].mean()),
            "ap50": float(shares[1].mean()),
            "per_class": {
                f"class {c}": {"top1": a, "ap50": b, "images": n}
                for c, (a, b, n) in enumerate(
                    zip(shares[0].tolist(), shares[1].tolist(), images.tolist(), strict=True)
                )
            },
            "single_caption": {
                "top1": 0.1, "ap50": float(shares[2].mean()), "ap50_per_class": shares[2].tolist()
            },
            "caption_curve": [
                {"captions": n, "top1": top1[: 1 if n == "all" else 10],
                 "ap50": ap50[: 1 if n == "all" else 10]}
                for n, (top1, ap50) in zip(captions, draws, strict=True)
            ],
            **changes,
        }  # fmt: skip

    return make
