"""Train FieldGuide's image encoder on other species; write its weights into `dse/images/weights`.

    python scripts/train_image_encoder.py

About 20 minutes on two cores. The network learns to name every attribute of drawn birds whose
plumage no species of the guide has, as GoogLeNet learned ImageNet's classes and not CUB's. The
heads that name the attributes are then thrown away; the 1,024 features before them are kept.
"""

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from dse.datasets.fieldguide import guide_species
from dse.datasets.fieldguide.chance import stream
from dse.datasets.fieldguide.drawing import draw_bird
from dse.datasets.fieldguide.species import ATTRIBUTES, COLOURED_PARTS, draw_attributes
from dse.datasets.fieldguide.view import sample_view
from dse.images.fieldguide_net import FEATURES, IMAGE_SIZE, WEIGHTS, FieldGuideNet
from dse.utils.files import written_whole

SEED = 1989
NUM_IMAGES = 12_000
NUM_HELD_OUT = 1_000
EPOCHS = 8
BATCH_SIZE = 48
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-4
FEATURE_SCALE = 0.35
"""Root mean square of the features; the loss has a fixed margin, so their scale matters."""

HIDDEN = -100  # what cross_entropy ignores


def main() -> None:
    torch.manual_seed(SEED)
    images, targets = draw_images()
    held_out = slice(NUM_IMAGES, None)
    network = FieldGuideNet().to(memory_format=torch.channels_last)
    heads = nn.Linear(FEATURES, sum(len(values) for values in ATTRIBUTES.values()))
    fit(network, heads, images[:NUM_IMAGES], targets[:NUM_IMAGES])
    network.eval()
    accuracy = attribute_accuracy(network, heads, images[held_out], targets[held_out])
    rescale(network, images[held_out])
    weights = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in network.state_dict().items()
    }
    with written_whole(WEIGHTS) as path:
        save_file(weights, path)
    print(json.dumps(accuracy, indent=1))
    print(f"{WEIGHTS.name}: {WEIGHTS.stat().st_size / 1e6:.1f} MB")


def draw_images() -> tuple[torch.Tensor, torch.Tensor]:
    """Images uint8 (n, 3, S, S), and the number of each attribute's value, int64 (n, A)."""
    total = NUM_IMAGES + NUM_HELD_OUT
    with ProcessPoolExecutor() as painters:
        drawn = list(painters.map(draw_one, range(total), chunksize=100))
    images = torch.from_numpy(np.stack([image for image, _ in drawn])).permute(0, 3, 1, 2)
    return images, torch.tensor([target for _, target in drawn])


def draw_one(number: int) -> tuple[np.ndarray, list[int]]:
    """A bird of a species of its own, whose plumage is not in the guide."""
    rng = stream(SEED, number)
    attributes = draw_attributes(rng)
    while plumage(attributes) in guide_plumages():
        attributes = draw_attributes(rng)
    view = sample_view(rng)
    image = Image.fromarray(draw_bird(attributes, view))
    image = image.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC)
    target = [
        HIDDEN if name in view.hidden else values.index(attributes[name])
        for name, values in ATTRIBUTES.items()
    ]
    return np.asarray(image), target


def plumage(attributes: dict[str, str]) -> tuple[str, ...]:
    return tuple(attributes[part] for part in COLOURED_PARTS)


def guide_plumages() -> set[tuple[str, ...]]:
    if not hasattr(guide_plumages, "known"):
        guide_plumages.known = {plumage(bird.attributes) for bird in guide_species()}
    return guide_plumages.known


def fit(
    network: FieldGuideNet, heads: nn.Linear, images: torch.Tensor, targets: torch.Tensor
) -> None:
    """Cross-entropy of every attribute, AdamW, one cycle of the learning rate."""
    parameters = [*network.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(parameters, LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    steps = EPOCHS * (len(images) // BATCH_SIZE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, steps, pct_start=0.15)
    started, step, recent = time.monotonic(), 0, 0.0
    network.train()
    for epoch in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(BATCH_SIZE):
            if len(batch) < BATCH_SIZE:
                continue
            inputs = augmented(images[batch])
            loss = attribute_loss(heads(network(inputs)), targets[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            step, recent = step + 1, 0.98 * recent + 0.02 * loss.item()
        minutes = (time.monotonic() - started) / 60
        print(
            f"epoch {epoch + 1}: loss {recent:.3f}, {minutes:.1f} min", file=sys.stderr, flush=True
        )


def augmented(images: torch.Tensor) -> torch.Tensor:
    """Pixels -1 to 1, a batch shifted by up to 4 pixels and half of the time mirrored."""
    down, right = torch.randint(-4, 5, (2,)).tolist()
    pixels = (images.float() - 127.5) / 127.5
    pixels = F.pad(pixels, (4, 4, 4, 4), mode="replicate")
    pixels = pixels[:, :, 4 + down :, 4 + right :][:, :, :IMAGE_SIZE, :IMAGE_SIZE]
    if torch.rand(()) < 0.5:
        pixels = pixels.flip(3)
    return pixels.contiguous(memory_format=torch.channels_last)


def attribute_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The mean over attributes of their cross-entropy; hidden ones do not count."""
    losses = [
        F.cross_entropy(part, targets[:, i], ignore_index=HIDDEN)
        for i, part in enumerate(logits.split([len(values) for values in ATTRIBUTES.values()], 1))
    ]
    return torch.stack(losses).mean()


@torch.inference_mode()
def attribute_accuracy(
    network: FieldGuideNet, heads: nn.Linear, images: torch.Tensor, targets: torch.Tensor
) -> dict[str, float]:
    """Share of held-out images on which each attribute is named rightly, where it is visible."""
    logits = torch.cat([heads(network(normalised(batch))) for batch in images.split(100)])
    sizes = [len(values) for values in ATTRIBUTES.values()]
    accuracy = {}
    for i, (name, part) in enumerate(zip(ATTRIBUTES, logits.split(sizes, 1), strict=True)):
        visible = targets[:, i] != HIDDEN
        accuracy[name] = round(float((part.argmax(1) == targets[:, i])[visible].float().mean()), 3)
    return accuracy


@torch.inference_mode()
def rescale(network: FieldGuideNet, images: torch.Tensor) -> None:
    """Scale the last layer so that the features have the root mean square `FEATURE_SCALE`."""
    features = torch.cat([network(normalised(batch)) for batch in images.split(100)])
    factor = FEATURE_SCALE / features.square().mean().sqrt()
    normalisation = network.head[1]
    normalisation.weight *= factor
    normalisation.bias *= factor


def normalised(images: torch.Tensor) -> torch.Tensor:
    return ((images.float() - 127.5) / 127.5).contiguous(memory_format=torch.channels_last)


if __name__ == "__main__":
    Path(WEIGHTS.parent).mkdir(exist_ok=True)
    main()
