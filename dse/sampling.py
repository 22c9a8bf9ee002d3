"""Minibatches: distinct classes, one image of each, one of that image's own captions."""

import logging
from dataclasses import replace
from typing import NamedTuple

import torch

from dse.config import TrainingConfig
from dse.datasets.described_images import DescribedImages
from dse.utils.errors import InputError

logger = logging.getLogger(__name__)


class Minibatch(NamedTuple):
    """Indices of B matching pairs; each is int64 (B,).

    Attributes:
        classes: distinct classes.
        images: for each class one of its images.
        views: for each image one of its views (crops).
        captions: for each image one of its own captions, numbered through all images: the
            captions of image 0 come first, then those of image 1, and so on.
    """

    classes: torch.Tensor
    images: torch.Tensor
    views: torch.Tensor
    captions: torch.Tensor


class MinibatchSampler:
    """Draws minibatches as index tensors, without a loop over samples.

    Args:
        data: the images of the training classes alone.
        batch_size: B, pairs in a minibatch; at most the number of classes.
        captions_per_image: only the first so many captions of each image are used.

    Raises:
        InputError: fewer classes than `batch_size`, or an image without a caption.

    Source: paper, section 3; the authors' `MultimodalMinibatchLoaderCaption.lua`. Chapter: 1.

    Example:
        >>> data = DescribedImages(
        ...     "toy", torch.zeros(4, 1, 2), torch.tensor([0, 1, 1, 0]),
        ...     [["a"], ["b", "c"], ["d"], ["e"]], ["first", "second"],
        ...     {"trainval": torch.tensor([0, 1])})
        >>> batch = MinibatchSampler(data, 2).draw(torch.Generator().manual_seed(0))
        >>> sorted(batch.classes.tolist()), batch.images.shape
        ([0, 1], torch.Size([2]))
    """

    def __init__(self, data: DescribedImages, batch_size: int = 40, captions_per_image: int = 10):
        self.images_per_class = torch.bincount(data.labels, minlength=len(data.class_names))
        refuse_large_batch(batch_size, len(data.class_names), data.name)
        if captions_per_image < 1:
            raise InputError(f"captions_per_image is {captions_per_image}: it must be 1 or more")
        self.batch_size = batch_size
        self.images_by_class = data.labels.argsort(stable=True)
        self.first_of_class = self.images_per_class.cumsum(0) - self.images_per_class
        if [] in data.captions:  # the next image's caption would be taken for its own
            raise InputError(
                f"{data.name}: image {data.captions.index([])} of the training classes has no "
                "caption: write one, or leave the image out"
            )
        captions_per_image_held = torch.tensor([len(own) for own in data.captions])
        self.first_caption = captions_per_image_held.cumsum(0) - captions_per_image_held
        self.captions_used = captions_per_image_held.clamp(max=captions_per_image)
        self.num_views = 1 if data.features is None else data.features.shape[1]

    def draw(self, generator: torch.Generator) -> Minibatch:
        """Draw one minibatch, every random number from `generator`."""
        classes = torch.randperm(len(self.images_per_class), generator=generator)[: self.batch_size]
        chance = torch.rand(3, self.batch_size, dtype=torch.float64, generator=generator)
        within_class = (chance[0] * self.images_per_class[classes]).long()
        images = self.images_by_class[self.first_of_class[classes] + within_class]
        views = (chance[1] * self.num_views).long()
        within_image = (chance[2] * self.captions_used[images]).long()
        return Minibatch(classes, images, views, self.first_caption[images] + within_image)


def fit_batch_size(
    config: TrainingConfig, num_classes: int, processes: int = 1, chosen: bool = False
) -> TrainingConfig:
    """The configuration with a minibatch that so many training classes can fill.

    The pairs of a minibatch are of distinct classes, and a small data set has fewer than the
    default of 40. The default then gives way, and a log line says so.

    Args:
        config: how to train.
        num_classes: C, classes to train on.
        processes: that share a minibatch evenly.
        chosen: the batch size was asked for, even if it is the default.

    Raises:
        InputError: too few classes to compare, or fewer than a batch size that was chosen.

    Chapter: 1, data and splits.

    Example:
        >>> config = TrainingConfig("bag-of-words")
        >>> [fit_batch_size(config, classes).batch_size for classes in (150, 15)]
        [40, 15]
    """
    needed = max(2, processes)
    if num_classes < needed:
        raise InputError(
            f"{config.split} has {num_classes} class{'es' * (num_classes != 1)}: training compares "
            f"classes, and needs {needed} or more in it"
        )
    if config.batch_size <= num_classes:
        return config
    if chosen or config.batch_size != TrainingConfig.batch_size:
        refuse_large_batch(config.batch_size, num_classes, config.split)
    fitted = replace(config, batch_size=num_classes // processes * processes)
    logger.info(
        "batch size: %d in place of %d, as there are %d classes to train on",
        fitted.batch_size, config.batch_size, num_classes,
    )  # fmt: skip
    return fitted


def refuse_large_batch(batch_size: int, num_classes: int, name: str) -> None:
    """Raise an `InputError` if the classes to train on, those of `name`, cannot fill a batch."""
    if not 1 <= batch_size <= num_classes:
        raise InputError(
            f"a batch of {batch_size} needs {batch_size} distinct classes and {name} has "
            f"{num_classes} to train on: give --batch-size {num_classes}, or fewer"
        )
