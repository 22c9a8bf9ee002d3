"""Search one's own images by description, and name them, with a trained run.

    image folder -> features -> nearest -> matches          (a description ranks images)
    image -> feature -> nearest -> matches                  (an image ranks descriptions)
    image folder -> features -> scores with classes         (zero-shot classification)

Example:
    >>> import tempfile
    >>> from PIL import Image
    >>> import dse
    >>> from dse.search import image_encoder_of, read_image_folder, search_images
    >>> folder = tempfile.mkdtemp()
    >>> Image.new("RGB", (40, 30), "red").save(f"{folder}/one.png")
    >>> data = dse.load_dataset("fieldguide")
    >>> run = dse.train(data, dse.TrainingConfig("bag-of-words", steps=5), progress=False)
    >>> images = read_image_folder(folder, image_encoder_of(run), progress=False)
    >>> [match.item.name for match in search_images(run, "a bird with a red crown", images)]
    ['one.png']
"""

from dse.images.image_folder import ImageFolder, read_image_folder
from dse.search.approximate import ApproximateIndex, recall
from dse.search.classes import Classification, classify, read_classes
from dse.search.exact import Nearest, nearest
from dse.search.ranking import (
    Match,
    image_encoder_of,
    rank_descriptions,
    reading_notes,
    search_images,
)

__all__ = [
    "ApproximateIndex",
    "Classification",
    "ImageFolder",
    "Match",
    "Nearest",
    "classify",
    "image_encoder_of",
    "nearest",
    "rank_descriptions",
    "read_classes",
    "read_image_folder",
    "reading_notes",
    "recall",
    "search_images",
]
