"""A small described world for tests that train."""

import torch

from dse.datasets.described_images import DescribedImages

COLOURS = ("black", "white", "brown", "red", "yellow", "blue")


def colourful_data(train_classes=20, test_classes=6, images=6):
    """Classes are (crown, belly) colours, features their noisy one-hot code."""
    pairs = [(a, b) for a in range(6) for b in range(6)][: train_classes + test_classes]
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(len(pairs)).repeat_interleave(images)
    code = torch.zeros(len(pairs), 16)
    for c, (crown, belly) in enumerate(pairs):
        code[c, crown] = code[c, 6 + belly] = 2.0
    features = code[labels] + 0.1 * torch.rand(len(labels), 16, generator=generator)
    captions = [
        [
            f"a {COLOURS[pairs[c][0]]} crown and a {COLOURS[pairs[c][1]]} belly{'.' * k}"
            for k in range(3)
        ]
        for c in labels.tolist()
    ]
    order = torch.randperm(len(pairs), generator=generator)
    trainval = order[test_classes:]
    return DescribedImages(
        "colours", features[:, None], labels, captions, [f"class {c}" for c in range(len(pairs))],
        {"train": trainval[5:], "val": trainval[:5], "trainval": trainval,
         "test": order[:test_classes]},
    )  # fmt: skip
