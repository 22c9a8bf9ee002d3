"""Published char-CNN-RNN weights: the authors' Torch7 files, the ports' state dicts.

Nothing in a file is run. All formats are brought to one dictionary of tensors, with the names that
the PyTorch ports use, and then renamed to ours.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from dse.text import build_text_encoder
from dse.utils.errors import InputError, first_line
from dse.utils.files import refuse_no_file
from dse.utils.torch7 import TorchObject, read_torch7

VARIANTS = {  # (units of the recurrence, gated) -> name of the text encoder
    (256, False): "char-cnn-rnn",
    (512, False): "char-cnn-rnn-icml-flowers",
    (512, True): "char-cnn-rnn-icml-birds",
}

LARGEST_FILE = 1 << 30
"""Bytes of a file of weights."""
LARGEST_DIM = 65_536
"""Of the embedding; the published encoders have 1,024."""
LARGEST_WEIGHT = 1e4
"""In absolute value. Trained weights are below 10; a flipped bit makes 1e19 of 1."""
REMEDY = "take another file"

# The ports' names of layers -> ours.
_LAYERS = {
    "conv1": "convolutions.1",
    "conv2": "convolutions.4",
    "conv3": "convolutions.7",
    "rnn_i2h": "rnn.from_input",
    "rnn_h2h": "rnn.from_hidden",
    "rnn_i2h_update": "rnn.update_from_input",
    "rnn_h2h_update": "rnn.update_from_hidden",
    "rnn_i2h_reset": "rnn.reset_from_input",
    "rnn_h2h_reset": "rnn.reset_from_hidden",
    "emb_proj": "linear",
}

# Where the layers are in `protos.enc_doc` of the authors' files: places in tables of modules.
_CONVOLUTIONS = {"conv1": (2, 1), "conv2": (2, 4), "conv3": (2, 7)}
_RECURRENCE = {"rnn_i2h": (4, 2, 1), "rnn_h2h": (4, 6, 1)}
_GATED_RECURRENCE = {
    "rnn_i2h": (4, 2, 1),
    "rnn_i2h_update": (4, 5, 1),
    "rnn_h2h_update": (4, 6, 1),
    "rnn_i2h_reset": (4, 10, 1),
    "rnn_h2h_reset": (4, 11, 1),
    "rnn_h2h": (4, 15, 1),
}
_PROJECTION = {"emb_proj": (6,)}


def read_published(path: Path | str) -> tuple[str, nn.Module]:
    """Read published weights of a char-CNN-RNN.

    Args:
        path: a checkpoint of the authors (`.t7`, of the CVPR or the ICML paper, birds or flowers),
            or a PyTorch port's weights (`.pth`).

    Returns:
        The name of the text encoder, and the encoder with these weights.

    Raises:
        InputError: no such file; another architecture; a tensor that is missing, superfluous,
            misshapen or not finite; a file that would have to run code.

    Source: the authors' `HybridCNN.lua`; the ports' `extract_weights.py`. Chapter: data cards.
    """
    path = Path(path)
    refuse_no_file(path, "give a file of weights", LARGEST_FILE)
    with path.open("rb") as file:
        is_pytorch = file.read(2) in (b"PK", b"\x80\x02")
    tensors = _read_port(path) if is_pytorch else _read_authors(path)
    name = _variant(path, tensors)
    encoder = build_text_encoder(name, len(tensors["emb_proj_bias"]))
    encoder.load_state_dict(_our_state(path, tensors, encoder.state_dict()))
    return name, encoder.eval()


def _read_port(path: Path) -> dict[str, torch.Tensor]:
    """`conv1.weight` and `conv1_weight` alike become `conv1_weight`."""
    try:
        sizes = _storage_sizes(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # many kinds: damage, and objects that torch will not make
        raise InputError(f"{path} holds no plain tensors ({first_line(error)}): {REMEDY}") from None
    if not isinstance(state, Mapping) or not all(map(_is_plain, state.values())):
        raise InputError(f"{path} is no state dict, names with tensors of real numbers: {REMEDY}")
    # Not every version of PyTorch compares the two; it would then read on behind the part.
    if sizes is not None and any(t.untyped_storage().nbytes() not in sizes for t in state.values()):
        raise InputError(f"{path} holds fewer numbers than its tensors have: {REMEDY}")
    return {str(name).replace(".", "_"): value.float() for name, value in state.items()}


def _is_plain(value: Any) -> bool:
    """Whether a value is a tensor of numbers that are all in memory, each once."""
    return (
        isinstance(value, torch.Tensor)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and value.is_floating_point()
        and value.nbytes <= value.untyped_storage().nbytes()
    )


def _storage_sizes(path: Path) -> set[int] | None:
    """How many bytes the parts of a PyTorch file have; None for the oldest format, without parts.

    Raises:
        ValueError: parts that are too large, they may be compressed; or a checksum that is wrong,
            which PyTorch does not look at.
    """
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        if sum(part.file_size for part in parts) > LARGEST_FILE:
            raise ValueError("its parts are too large")
        if damaged := archive.testzip():
            raise ValueError(f"the checksum of {damaged} is wrong")
    return {part.file_size for part in parts}


def _read_authors(path: Path) -> dict[str, torch.Tensor]:
    """The layers of `protos.enc_doc`, a convolution's weight as PyTorch has it, (out, in, k)."""
    checkpoint = read_torch7(path)
    protos = checkpoint.get("protos") if isinstance(checkpoint, dict) else None
    network = protos.get("enc_doc") if isinstance(protos, dict) else None
    if not isinstance(network, TorchObject):
        raise InputError(
            f"{path} holds no protos.enc_doc, as a checkpoint of the authors does: {REMEDY}"
        )
    gated = _module(network, (4, 15, 1)) is not None
    places = _CONVOLUTIONS | (_GATED_RECURRENCE if gated else _RECURRENCE) | _PROJECTION
    tensors = {}
    for layer, place in places.items():
        attributes = getattr(_module(network, place), "attributes", None)
        for kind in ("weight", "bias"):
            value = attributes.get(kind) if isinstance(attributes, dict) else None
            if not isinstance(value, np.ndarray):
                raise InputError(f"{path} has no {layer}_{kind} in protos.enc_doc: {REMEDY}")
            tensors[f"{layer}_{kind}"] = torch.from_numpy(np.array(value, np.float32))
    for layer in _CONVOLUTIONS:  # Torch7 keeps (out, k x in)
        weight = tensors[f"{layer}_weight"]
        if weight.dim() == 2 and weight.shape[1] % 4 == 0:
            tensors[f"{layer}_weight"] = weight.view(len(weight), 4, -1).transpose(1, 2)
    return tensors


def _module(network: Any, place: tuple[int, ...]) -> Any:
    """A module within modules, or None."""
    for number in place:
        modules = getattr(network, "attributes", None)
        modules = modules.get("modules") if isinstance(modules, dict) else None
        network = modules.get(number) if isinstance(modules, dict) else None
    return network


def _variant(path: Path, tensors: Mapping[str, torch.Tensor]) -> str:
    for name in ("conv3_bias", "emb_proj_bias"):
        if name not in tensors or tensors[name].dim() != 1:
            raise InputError(f"{path} has no {name}, as a char-CNN-RNN does: {REMEDY}")
    dim = len(tensors["emb_proj_bias"])
    if not 1 <= dim <= LARGEST_DIM:
        raise InputError(
            f"{path} has {dim:,} embedding dimensions, and 1 to {LARGEST_DIM:,} are taken: {REMEDY}"
        )
    variant = (len(tensors["conv3_bias"]), "rnn_i2h_update_weight" in tensors)
    if variant not in VARIANTS:
        raise InputError(
            f"{path} has a recurrence of {variant[0]} units{', gated' * variant[1]}, as no "
            f"published char-CNN-RNN does: {REMEDY}"
        )
    return VARIANTS[variant]


def _our_state(
    path: Path, tensors: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    state = {}
    for name, tensor in tensors.items():
        layer, _, kind = name.rpartition("_")
        ours = f"{_LAYERS.get(layer)}.{kind}"
        if ours not in expected:
            raise InputError(f"{path} holds {name}, which a char-CNN-RNN does not have: {REMEDY}")
        if tensor.shape != expected[ours].shape:
            raise InputError(
                f"{path}: {name} has {tensor.numel()} values in the shape {tuple(tensor.shape)}, "
                f"{tuple(expected[ours].shape)} is expected: {REMEDY}"
            )
        if not (tensor.abs() <= LARGEST_WEIGHT).all():  # not a number is refused, too
            raise InputError(
                f"{path}: {name} holds values that are no numbers, or beyond "
                f"{LARGEST_WEIGHT:,.0f}: {REMEDY}"
            )
        state[ours] = tensor.contiguous()
    names = {ours: theirs for theirs, ours in _LAYERS.items()}
    for ours in expected:
        if ours not in state:
            layer, _, kind = ours.rpartition(".")
            raise InputError(f"{path} has no {names[layer]}_{kind}: {REMEDY}")
    return state
