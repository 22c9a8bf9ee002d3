"""dse, deep structured embedding: recognise and retrieve unseen species from plain descriptions.

The library behind the book on *Learning Deep Representations of Fine-Grained Visual Descriptions*
(Reed, Akata, Lee and Schiele, CVPR 2016). Data flows one way:

    datasets -> images (frozen features) and text (tokens, encoders) -> sampling -> objective
    -> training -> evaluation

Example:
    >>> import dse
    >>> data = dse.load_dataset("fieldguide")
    >>> config = dse.TrainingConfig("bag-of-words", steps=50)
    >>> run = dse.train(data, config, progress=False)
    >>> dse.evaluate(run, data).top1 > 1 / 50  # the chance level among 50 unseen species
    True
"""

from importlib.metadata import version

from dse.config import TrainingConfig
from dse.datasets import load_dataset, read_dataset
from dse.datasets.described_images import DescribedImages
from dse.evaluation import Metrics, evaluate, pair_accuracy
from dse.explanation import Explanation, explain
from dse.images.encoders import load_image_encoder
from dse.objective import joint_embedding_loss
from dse.reproduction.grid import run_grid
from dse.runs import Run, import_weights, load_pretrained
from dse.text import build_text_encoder, register_text_encoder
from dse.training import train
from dse.utils.errors import InputError

__version__ = version("dse")

__all__ = [
    "DescribedImages",
    "Explanation",
    "InputError",
    "Metrics",
    "Run",
    "TrainingConfig",
    "build_text_encoder",
    "evaluate",
    "explain",
    "import_weights",
    "joint_embedding_loss",
    "load_dataset",
    "load_image_encoder",
    "load_pretrained",
    "pair_accuracy",
    "read_dataset",
    "register_text_encoder",
    "run_grid",
    "train",
]
