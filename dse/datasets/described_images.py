"""The one data structure: images, their captions, their classes and the class splits."""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch.utils.data import Dataset

from dse.utils.errors import InputError


@dataclass(frozen=True, eq=False, repr=False)
class DescribedImages:
    """A data set of described images, in memory.

    N images of C classes; image n has the captions `captions[n]` and the class `labels[n]`.
    Training needs nothing but `features`, `labels` and `captions`.

    Attributes:
        name: the data set, as given to `load_dataset`.
        features: float32 or float16 (N, views, D), the frozen image encoder's outputs, to train on.
            With one view it is the whole image. None while no image encoder has been applied.
        labels: int64 (N,), values 0 to C - 1.
        captions: N lists of one or more strings.
        class_names: C names.
        splits: `train`, `val`, `trainval`, `test` -> int64 tensor of class indices. `trainval` is
            the union of `train` and `val`; it shares no class with `test`.
        class_attributes: float32 (C, A), or None where the data set has none.
        image_paths: N files, in the order of `labels`.
        test_features: (N, D), the features to evaluate on; None: view 0 of `features`.
        image_encoder: the name of the encoder that made `features`, or None.
        feature_precision: what it computed in, see `dse.images.encoders.PRECISIONS`.
        root: the folder that the data set was read from, or None for FieldGuide.
        vocabulary: the words that came with the data set, or None: they are then those of the
            training captions.
        notes: sentences about the data that a user should know (classes left out, ...).

    Chapter: 1, data and splits.

    Example:
        >>> data = DescribedImages(
        ...     name="toy", features=torch.zeros(3, 1, 4), labels=torch.tensor([0, 1, 2]),
        ...     captions=[["a red bird"], ["a blue bird"], ["a green bird"]],
        ...     class_names=["red", "blue", "green"],
        ...     splits={"trainval": torch.tensor([0, 2]), "test": torch.tensor([1])})
        >>> trainval = data.subset("trainval")
        >>> trainval.class_names, trainval.labels.tolist(), trainval.captions
        (['red', 'green'], [0, 1], [['a red bird'], ['a green bird']])
    """

    name: str
    features: torch.Tensor | None
    labels: torch.Tensor
    captions: list[list[str]]
    class_names: list[str]
    splits: dict[str, torch.Tensor]
    class_attributes: torch.Tensor | None = None
    image_paths: list[Path] | None = None
    test_features: torch.Tensor | None = None
    image_encoder: str | None = None
    feature_precision: str = "32-true"
    root: Path | None = None
    vocabulary: list[str] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        n, num_classes = len(self.labels), len(self.class_names)
        if getattr(self.labels, "dtype", None) != torch.int64:
            raise InputError(f"{self.name}: labels must be a tensor of type torch.int64")
        if self.features is not None and self.features.ndim != 3:
            shape = tuple(self.features.shape)
            raise InputError(f"{self.name}: features have shape {shape}: make it (N, views, D)")
        if len(self.captions) != n or (self.features is not None and len(self.features) != n):
            raise InputError(
                f"{self.name}: {n} labels, {len(self.captions)} lists of captions and "
                f"{'no' if self.features is None else len(self.features)} features differ in number"
            )
        if any(isinstance(own, str) for own in self.captions):
            raise InputError(f"{self.name}: captions of an image are one string: make it a list")
        for what, classes in {"a label": self.labels, **self.splits}.items():
            if len(classes) and not 0 <= int(classes.min()) <= int(classes.max()) < num_classes:
                raise InputError(f"{self.name}: {what} lies outside 0 to {num_classes - 1}")
        empty = (torch.bincount(self.labels, minlength=num_classes) == 0).nonzero().flatten()
        if len(empty):
            raise InputError(
                f"{self.name}: class {self.class_names[empty[0]]!r} has no image: leave it out"
            )
        if "trainval" in self.splits and "test" in self.splits:
            both = set(self.splits["trainval"].tolist()) & set(self.splits["test"].tolist())
            if both:
                raise InputError(
                    f"{self.name}: class {self.class_names[min(both)]!r} is in trainval and in "
                    "test: zero-shot splits share no class"
                )

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        features = "no features"
        if self.features is not None:
            _, views, dim = self.features.shape
            plural = "s" if views > 1 else ""
            features = f"{dim} features in {views} view{plural} by {self.image_encoder}"
        return (
            f"DescribedImages({self.name!r}, {len(self.class_names)} classes, {len(self)} images, "
            f"{len(self.all_captions)} captions, {features})"
        )

    @property
    def all_captions(self) -> list[str]:
        """The T captions in one list, those of image 0 first, then those of image 1."""
        return [caption for own in self.captions for caption in own]

    @property
    def caption_owners(self) -> torch.Tensor:
        """The class of each of `all_captions`, int64 (T,)."""
        counts = torch.tensor([len(own) for own in self.captions], dtype=torch.int64)
        return self.labels.repeat_interleave(counts)

    def subset(self, split: str) -> "DescribedImages":
        """The images of one split's classes, the classes renumbered from 0 in their old order.

        Args:
            split: `train`, `val`, `trainval` or `test`.

        Returns:
            A `DescribedImages` of that split alone; its one split is `split` itself.

        Raises:
            InputError: the data set has no such split.
        """
        if split not in self.splits:
            raise InputError(f"unknown split {split!r}: {self.name} has {', '.join(self.splits)}")
        classes = self.splits[split].sort().values
        new_label = torch.full((len(self.class_names),), -1)
        new_label[classes] = torch.arange(len(classes))
        kept = (new_label[self.labels] >= 0).nonzero().flatten()
        return replace(
            self,
            features=None if self.features is None else self.features[kept],
            labels=new_label[self.labels[kept]],
            captions=[self.captions[i] for i in kept],
            class_names=[self.class_names[c] for c in classes],
            splits={split: torch.arange(len(classes))},
            class_attributes=None
            if self.class_attributes is None
            else self.class_attributes[classes],
            image_paths=None if self.image_paths is None else [self.image_paths[i] for i in kept],
            test_features=None if self.test_features is None else self.test_features[kept],
        )

    def unseen_classes(self, split: str) -> "DescribedImages":
        """The classes of a split, to measure on: `subset`, which may not be empty here.

        Raises:
            InputError: no such split, or no class in it.
        """
        classes = self.subset(split)
        if not classes.class_names:
            raise InputError(f"{self.name} has no class in {split}: there is nothing to measure")
        return classes

    def refuse_silent_class(self) -> None:
        """Raise an `InputError` if a class has no caption, from which it could be recognised."""
        captions = torch.bincount(self.caption_owners, minlength=len(self.class_names))
        if not captions.all():
            raise InputError(
                f"{self.name}: class {self.class_names[captions.argmin()]!r} has no caption: "
                "write one for one of its images, or leave the class out"
            )

    def whole_images(self) -> torch.Tensor | None:
        """The features to evaluate on, float32 (N, D); None without features."""
        if self.test_features is not None:
            return self.test_features.float()
        return None if self.features is None else self.features[:, 0].float()

    def look_alikes(self) -> torch.Tensor:
        """Each class with the one whose mean image is most like its own: int64 (C, 2).

        Classes that are easily confused, for `dse.pair_accuracy`, where a data set has no pairs of
        its own. Every class needs an image with features.

        Chapter: 5, on photographs.

        Example:
            >>> import dse
            >>> test = dse.load_dataset("fieldguide").subset("test")
            >>> [test.class_names[c] for c in test.look_alikes()[0]]
            ['eastern reed quillet', 'western reed quillet']
        """
        images, names = self.whole_images(), range(len(self.class_names))
        means = torch.stack([images[self.labels == c].mean(0) for c in names])
        directions = torch.nn.functional.normalize(means - means.mean(0))
        alike = (directions @ directions.T).fill_diagonal_(-2)
        return torch.stack([torch.tensor(names), alike.argmax(1)], 1)

    def pairs(self) -> "DescribedPairs":
        """Each caption with its image's features, for PyTorch's data loaders.

        Raises:
            InputError: no features.
        """
        return DescribedPairs(self)

    def describe(self) -> dict:
        """What a run remembers of the data that it was trained on, as plain values.

        `content` is the fingerprint without features: another device gives others in their last
        digits.
        """
        return {
            "name": self.name,
            "root": None if self.root is None else str(self.root.absolute()),
            "image_encoder": self.image_encoder,
            "feature_precision": self.feature_precision,
            "views": None if self.features is None else self.features.shape[1],
            "float16": self.features is not None and self.features.dtype == torch.float16,
            "fingerprint": self.fingerprint(),
            "content": replace(self, features=None, test_features=None).fingerprint(),
            "classes": len(self.class_names),
            "images": len(self),
            "captions": len(self.all_captions),
        }

    def fingerprint(self) -> str:
        """Sixteen hex digits that change with anything that training or evaluation reads.

        That is: features, labels, captions, class names, class attributes and splits; not where
        the files lie.
        """
        digest = hashlib.sha256()
        tensors = [self.features, self.test_features, self.labels, self.class_attributes]
        for tensor in [*tensors, *(self.splits[name] for name in sorted(self.splits))]:
            if tensor is not None:
                digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
                digest.update(tensor.contiguous().numpy())
            digest.update(b";")
        texts = [self.class_names, self.captions, sorted(self.splits), self.vocabulary]
        digest.update(json.dumps(texts).encode())
        return digest.hexdigest()[:16]


class DescribedPairs(Dataset):
    """Each caption of a data set with the features of its image and its class.

    Item t is (features, caption, label): float32 (D,) of the whole image, str, int; T items in the
    order of `DescribedImages.all_captions`. `dse.train` draws its minibatches otherwise, one image
    of each class: see `dse.sampling`.

    Args:
        data: with features.

    Raises:
        InputError: no features.

    Chapter: 1, data and splits.

    Example:
        >>> data = DescribedImages(
        ...     "toy", torch.eye(2)[:, None], torch.tensor([0, 1]),
        ...     [["a red bird", "red"], ["blue"]], ["cardinal", "jay"], {})
        >>> len(data.pairs()), data.pairs()[2]
        (3, (tensor([0., 1.]), 'blue', 1))
        >>> loader = torch.utils.data.DataLoader(data.pairs(), batch_size=3)
        >>> for features, captions, labels in loader:
        ...     print(features.shape, captions, labels)
        torch.Size([3, 2]) ('a red bird', 'red', 'blue') tensor([0, 0, 1])
    """

    def __init__(self, data: DescribedImages):
        if data.features is None:
            raise InputError(f"{data.name} has no features: load it with load_dataset")
        self.features = data.whole_images()
        self.captions = data.all_captions
        self.labels = data.caption_owners.tolist()
        self.images = [i for i, own in enumerate(data.captions) for _ in own]

    def __len__(self) -> int:
        return len(self.captions)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, str, int]:
        return self.features[self.images[index]], self.captions[index], self.labels[index]
