"""A run's text encoder from its files, also from those that earlier versions wrote."""

import torch
from torch import nn

from dse.config import TrainingConfig
from dse.run_files import RUN_FORMAT
from dse.text import build_text_encoder
from dse.text.layers import TokenConv1d, TokenLinear
from dse.text.transformer import SentenceVectors


def load_encoder(about: dict, config: TrainingConfig, state: dict[str, torch.Tensor]) -> nn.Module:
    """The text encoder with its weights, on the CPU.

    Args:
        about: what `config.json` holds.
        config: as it is there.
        state: the tensors of `model.safetensors`.

    Raises:
        InputError: it cannot be built.
        Exception: of any kind, where the weights are not those of such an encoder.
    """
    word_vectors = state.get("word_vectors")
    if word_vectors is not None and not word_vectors.is_floating_point():
        raise ValueError("word_vectors holds whole numbers")
    if len(state["linear.bias"]) != about["embedding_dim"]:  # before so much memory is taken
        raise ValueError(f"linear.bias has {len(state['linear.bias'])} values")
    encoder = build_text_encoder(
        config.text_encoder,
        about["embedding_dim"],
        vocabulary=about["vocabulary"],
        bigrams=about.get("bigrams"),
        word_vectors=word_vectors,
        # The inputs of the last layer; it may be a table of tokens.
        num_attributes=state["linear.weight"].shape[1] if "linear.weight" in state else None,
        units=config.units,
    )
    if about["format"] < RUN_FORMAT:
        state = upgrade_state(state, encoder, about["format"])
    for name, own in encoder.state_dict().items():  # a count of batches is a whole number
        if name in state and state[name].is_floating_point() != own.is_floating_point():
            raise ValueError(f"{name} is of another kind of numbers")
    encoder.to(config.dtype).load_state_dict(state)
    return encoder


def upgrade_state(
    state: dict[str, torch.Tensor], encoder: nn.Module, run_format: int
) -> dict[str, torch.Tensor]:
    """The weights of a run of an older format, in today's names and shapes.

    Format 2 kept convolutions as matrices, on windows (C, kernel x inputs), and the first one of a
    network as look-ups (kernel x V, C). Format 3 kept the layer of a bag of words as (D, V), and
    standardised no sentence vectors.
    """
    if run_format < 3:
        state = _convolutions_of_format_2(state, encoder)
    if isinstance(encoder.linear, TokenLinear):
        weight = state.pop("linear.weight").T
        state["linear.embedding.weight"] = torch.cat([weight.new_zeros(1, weight.shape[1]), weight])
    if isinstance(encoder, SentenceVectors):
        size = state["linear.weight"].shape[1]
        state |= {"standardise.mean": torch.zeros(size), "standardise.std": torch.ones(size)}
    return state


def _convolutions_of_format_2(
    state: dict[str, torch.Tensor], encoder: nn.Module
) -> dict[str, torch.Tensor]:
    layers = dict(encoder.named_modules())
    convolutions = [n for n, layer in layers.items() if isinstance(layer, nn.Conv1d | TokenConv1d)]
    renamed = {"words": "word_embed", "places": "pos_embed", "project": "qkv", "join": "proj"}
    renamed |= {"widen": "fc1", "narrow": "fc2"}
    upgraded = {}
    for name, value in state.items():
        *path, kind = (renamed.get(part, part) for part in name.split("."))
        if path[:1] == ["trunk"]:
            path = [convolutions[int(path[2])]]
        layer = layers.get(".".join(path))
        if kind == "weight" and isinstance(layer, TokenConv1d):
            kind = "embedding.weight"
            rows = value.unflatten(0, (*layer.kernel_size, -1)).transpose(0, 1).flatten(1)
            value = torch.cat([rows.new_zeros(1, rows.shape[1]), rows])
        elif kind == "weight" and isinstance(layer, nn.Conv1d):
            if name == "trunk.convolutions.0.weight":
                value = value.T
            value = value.unflatten(1, (*layer.kernel_size, -1)).transpose(1, 2)
        upgraded[".".join([*path, kind])] = value.contiguous()
    return upgraded
