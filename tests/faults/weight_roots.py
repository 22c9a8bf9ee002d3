"""Published weights and archives: small valid files, and the way in which `dse` reads them."""

import hashlib
import shutil
import tarfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch

from dse.datasets.download import fetch
from dse.datasets.download.archives import Archive
from dse.text.published import read_published
from dse.utils.torch7 import TorchObject
from faults.campaign import Reading
from faults.data_roots import write
from torch7_writer import torch7_bytes


@cache
def port_weights() -> dict[str, torch.Tensor]:
    """A port's tensors, with an embedding of 8 dimensions."""
    generator = torch.Generator().manual_seed(0)
    shapes = {
        "conv1": (384, 70, 4), "conv2": (512, 384, 4), "conv3": (256, 512, 4),
        "rnn_i2h": (256, 256), "rnn_h2h": (256, 256), "emb_proj": (8, 256),
    }  # fmt: skip
    state = {}
    for name, shape in shapes.items():
        state[f"{name}_weight"] = torch.empty(shape).uniform_(-0.1, 0.1, generator=generator)
        state[f"{name}_bias"] = torch.empty(shape[0]).uniform_(-0.1, 0.1, generator=generator)
    return state


def port(root: Path, zipped: bool = True) -> None:
    root.mkdir(exist_ok=True)
    torch.save(port_weights(), root / "weights.pth", _use_new_zipfile_serialization=zipped)


def checkpoint(root: Path) -> None:
    """The authors' checkpoint: modules within modules."""
    state = port_weights()

    def layer(name: str) -> TorchObject:
        weight = state[f"{name}_weight"]
        weight = weight.transpose(1, 2).flatten(1) if weight.dim() == 3 else weight
        arrays = {"weight": weight.contiguous().numpy(), "bias": state[f"{name}_bias"].numpy()}
        return TorchObject("nn.Linear", arrays)

    def container(size: int, modules: dict[int, TorchObject]) -> TorchObject:
        filled = {k: modules.get(k, TorchObject("nn.Identity", {})) for k in range(1, size + 1)}
        return TorchObject("nn.Sequential", {"modules": filled})

    convolutions = container(9, {1: layer("conv1"), 4: layer("conv2"), 7: layer("conv3")})
    inner = {2: container(1, {1: layer("rnn_i2h")}), 6: container(1, {1: layer("rnn_h2h")})}
    network = container(6, {2: convolutions, 4: container(12, inner), 6: layer("emb_proj")})
    write(root / "weights.t7", torch7_bytes({"protos": {"enc_doc": network}, "i": 1}))


def imports(name: str) -> Callable[[Path], Reading]:
    def read(root: Path) -> Reading:
        _, encoder = read_published(root / name)
        digest = hashlib.sha256()
        for value in encoder.state_dict().values():
            digest.update(value.numpy())
        return Reading(digest.hexdigest())

    return read


ARCHIVE = Archive(
    "http://127.0.0.1:9/bird.tgz", "a page", "bird.tgz", "bird", required=("text_c10",), flat=True
)


def archive(root: Path) -> None:
    write(root / "source/text_c10/a/1.txt", "a red bird\n" * 10)
    write(root / "source/text_c10/b/2.txt", "a blue bird\n" * 10)
    (root / "downloads").mkdir()
    with tarfile.open(root / "downloads/bird.tgz", "w:gz") as tar:
        tar.add(root / "source/text_c10", "bird/text_c10")
    shutil.rmtree(root / "source")


def unpacks(root: Path) -> Reading:
    """Put an archive in place that was fetched by a browser; where there is none, fetch it."""
    target = fetch(ARCHIVE, root, progress=False, pause=0)
    files = sorted(path for path in target.rglob("*") if path.is_file())
    return Reading([(str(f.relative_to(target)), f.read_bytes()) for f in files])
