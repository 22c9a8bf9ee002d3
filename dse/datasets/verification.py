"""Checks every image of a data set: can it be read, and is it in two splits at once?"""

from concurrent.futures import ThreadPoolExecutor

from dse.datasets.described_images import DescribedImages
from dse.images.cache import image_digest
from dse.images.views import image_in_turn
from dse.utils.errors import Problems
from dse.utils.progress import progress_bar


def verify_images(data: DescribedImages, progress: bool = True) -> tuple[str, ...]:
    """Open every image, and compare the images of the splits.

    Args:
        data: with `image_paths`; without them there is nothing to verify.
        progress: show a bar.

    Returns:
        A sentence about images that are in trainval and in test, if there are any.

    Raises:
        InputError: with a line for each image that cannot be read.

    Chapter: 1, data and splits.
    """
    if data.image_paths is None:
        return ()
    problems = Problems()

    def digest(path) -> str | None:
        with problems.collected():
            with image_in_turn(path):
                pass
            return image_digest(path)
        return None

    with ThreadPoolExecutor() as readers:
        read = readers.map(digest, data.image_paths)
        options = {"total": len(data.image_paths), "desc": "verifying", "unit": "image"}
        digests = list(progress_bar(read, progress=progress, **options))
    problems.raise_if_any()
    first_of: dict[str, int] = {}
    twice = []
    split_of = {int(c): split for split in ("trainval", "test") for c in data.splits.get(split, ())}
    for i, (digest, label) in enumerate(zip(digests, data.labels.tolist(), strict=True)):
        if label not in split_of:
            continue
        other = first_of.setdefault(digest, i)
        if split_of[label] != split_of[int(data.labels[other])]:
            twice.append((data.image_paths[other], data.image_paths[i]))
    if not twice:
        return ()
    one, other = twice[0]
    return (
        f"images in trainval and in test: {len(twice)}, among them {one} and {other}; "
        "testing on them overstates the result.",
    )
