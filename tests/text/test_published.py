"""Published weights, in files of the same structure: each format gives what its own network would.

No published file can be had here, so the tests write them: Torch7's format byte for byte, the
modules where the authors' checkpoints have them; the state dicts of the ports in both spellings.
"""

import zipfile
from random import Random

import numpy as np
import pytest
import torch

from dse.cli import main
from dse.runs import Run, import_weights
from dse.text.tokens import CharacterTokenizer
from dse.utils.errors import InputError
from dse.utils.torch7 import TorchObject
from faults.corruptions import NO_FILE, PLACE

from torch7_writer import Function, torch7_bytes  # isort: skip

CAPTIONS = ["a small bird with a red crown", "", "its wings are brown and its belly is white. " * 6]
KINDS = {  # units, gated
    "char-cnn-rnn": (256, False),
    "char-cnn-rnn-icml-flowers": (512, False),
    "char-cnn-rnn-icml-birds": (512, True),
}


def port_state(units, gated, seed=0):
    """The tensors of a port: convolutions are (out, in, k)."""
    generator = torch.Generator().manual_seed(seed)

    def layer(name, *shape):
        values = {"weight": torch.empty(shape), "bias": torch.empty(shape[0])}
        return {
            f"{name}_{kind}": value.uniform_(-0.08, 0.08, generator=generator)
            for kind, value in values.items()
        }

    recurrent = ["rnn_i2h", "rnn_h2h"]
    if gated:
        recurrent += [f"rnn_{way}_{gate}" for gate in ("update", "reset") for way in ("i2h", "h2h")]
    state = layer("conv1", 384, 70, 4) | layer("conv2", 512, 384, 4) | layer("conv3", units, 512, 4)
    for name in recurrent:
        state |= layer(name, units, units)
    return state | layer("emb_proj", 1024, units)


def torch7_checkpoint(state, gated):
    """The authors' checkpoint with these tensors."""

    def array(name):
        value = state[name]
        if value.dim() == 3:  # Torch7 keeps (out, k x in)
            value = value.transpose(1, 2).flatten(1)
        return value.contiguous().numpy()

    def layer(kind, name):
        return TorchObject(kind, {"weight": array(f"{name}_weight"), "bias": array(f"{name}_bias")})

    def container(kind, size, modules):
        filled = {k: modules.get(k, TorchObject("nn.Identity", {})) for k in range(1, size + 1)}
        return TorchObject(kind, {"modules": filled, "train": False})

    def wrapped(name):
        return container("nn.Sequential", 1, {1: layer("nn.Linear", name)})

    convolution = "nn.TemporalConvolution"
    convolutions = container(
        "nn.Sequential",
        9,
        {k: layer(convolution, f"conv{i}") for i, k in ((1, 1), (2, 4), (3, 7))},
    )
    if gated:
        places = {2: "i2h", 5: "i2h_update", 6: "h2h_update", 10: "i2h_reset", 11: "h2h_reset"}
        places[15] = "h2h"
    else:
        places = {2: "i2h", 6: "h2h", 9: "h2h"}
    size = 30 if gated else 12
    recurrence = container("nn.gModule", size, {k: wrapped(f"rnn_{n}") for k, n in places.items()})
    node = TorchObject("nngraph.Node", {"data": {"module": recurrence.attributes["modules"][2]}})
    recurrence.attributes["innode"] = TorchObject(
        "nngraph.Node", {"children": {node: 1.0, 1: node}}
    )
    network = container(
        "nn.Sequential", 6, {2: convolutions, 4: recurrence, 6: layer("nn.Linear", "emb_proj")}
    )
    return {"protos": {"enc_doc": network}, "opt": {"symmetric": 1, "savefile": "sje"}, "i": 30000}


def own_arithmetic(state, units, gated):
    """Embeddings by the ports' kind of network: dense one-hot input, nn.Conv1d, a loop."""
    tokens = CharacterTokenizer()(CAPTIONS).long()
    x = torch.nn.functional.one_hot(tokens, 71)[..., 1:].float().transpose(1, 2)
    for i, pool in ((1, (3, 3)), (2, (3, 3)), (3, None if gated else (3, 2))):
        x = torch.nn.functional.conv1d(x, state[f"conv{i}_weight"], state[f"conv{i}_bias"])
        x = torch.nn.functional.threshold(x, 1e-6, 0)
        x = x if pool is None else torch.nn.functional.max_pool1d(x, *pool)

    def apply(name, value):
        return value @ state[f"{name}_weight"].T + state[f"{name}_bias"]

    states = []
    for step in x.permute(2, 0, 1):
        if gated:
            h = torch.tanh(apply("rnn_i2h", step))
            if states:
                last = states[-1]
                z = (apply("rnn_i2h_update", step) + apply("rnn_h2h_update", last)).sigmoid()
                r = (apply("rnn_i2h_reset", step) + apply("rnn_h2h_reset", last)).sigmoid()
                h = torch.tanh(apply("rnn_i2h", step) + apply("rnn_h2h", r * last))
                h = z * h + (1 - z) * last
        else:
            h = apply("rnn_i2h", step) + (apply("rnn_h2h", states[-1]) if states else 0)
            h = h.relu()
        states.append(h)
    return apply("emb_proj", torch.stack(states).mean(0))


def write(path, layout, state, gated):
    if layout == "t7":
        path.write_bytes(torch7_bytes(torch7_checkpoint(state, gated)))
    elif layout == "state dict":
        dotted = {}
        for name, value in state.items():
            layer, _, kind = name.rpartition("_")
            dotted[f"{layer.replace('rnn_', 'rnn.')}.{kind}"] = value
        torch.save(dotted, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=layout != "old pickle")
    return path


@pytest.mark.parametrize("layout", ["t7", "extracted", "state dict", "old pickle"])
@pytest.mark.parametrize("name", KINDS)
def test_embeddings_are_those_of_the_files_own_framework(tmp_path, layout, name):
    units, gated = KINDS[name]
    state = port_state(units, gated)
    file = write(tmp_path / "weights", layout, state, gated)
    run, rows = str(tmp_path / "run"), tmp_path / "rows.npy"
    captions = tmp_path / "captions.txt"
    captions.write_text("\n".join(CAPTIONS) + "\n")
    assert main(["import-weights", str(file), "--out", run]) == 0
    assert Run.load(run).config.text_encoder == name
    assert main(["embed", run, str(captions), "--out", str(rows)]) == 0
    expected = own_arithmetic(state, units, gated)
    torch.testing.assert_close(torch.from_numpy(np.load(rows)), expected, atol=1e-5, rtol=0)


def test_every_line_of_a_file_is_a_caption(tmp_path):
    file = write(tmp_path / "weights", "state dict", port_state(256, False), False)
    run, rows, captions = tmp_path / "run", tmp_path / "rows.npy", tmp_path / "captions.txt"
    assert main(["import-weights", str(file), "--out", str(run)]) == 0
    captions.write_bytes("\ufeffa red bird\r\n\none\u2028bird\x0c\n".encode())
    assert main(["embed", str(run), str(captions), "--out", str(rows)]) == 0
    expected = Run.load(run).encode(["a red bird", "", "one\u2028bird\x0c"])
    torch.testing.assert_close(torch.from_numpy(np.load(rows)), expected, atol=1e-6, rtol=0)


def changed(change):
    state = port_state(256, False)
    change(state)
    return state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("rnn_h2h_bias"), "has no rnn_h2h_bias"),
        (lambda s: s.pop("conv3_bias"), "has no conv3_bias"),
        (lambda s: s.update(extra_weight=torch.zeros(1)), "holds extra_weight, which"),
        (lambda s: s.update(conv2_weight=torch.zeros(512, 70, 4)), "conv2_weight has .* shape"),
        (lambda s: s.update(conv1_weight=torch.zeros(384)), "conv1_weight has .* shape"),
        (lambda s: s["rnn_i2h_weight"].fill_(float("nan")), "rnn_i2h_weight holds values that"),
        (lambda s: s.update(conv3_bias=torch.zeros(100)), "a recurrence of 100 units"),
        (lambda s: s["rnn_i2h_weight"].fill_(1e30), "rnn_i2h_weight holds values that"),
        (lambda s: s.update(emb_proj_bias=torch.zeros(70_000)), "70,000 embedding dimensions"),
        (lambda s: s.update(emb_proj_bias=torch.zeros(0)), "has 0 embedding dimensions"),
        *(
            (
                lambda s, odd=odd: s.update(emb_proj_bias=odd(s["emb_proj_bias"])),
                r"weights\.pth (is|holds) no",
            )
            for odd in (
                lambda bias: torch.zeros(1).expand(10**12),  # 4 TB, if it were built
                lambda bias: torch.zeros(1).half().expand(10**12),
                lambda bias: bias.long(),
                lambda bias: torch.complex(bias, bias),
                lambda bias: bias.to_sparse(),
                lambda bias: bias.to("meta"),
            )
        ),
    ],
)
def test_a_wrong_tensor_is_named(tmp_path, change, message):
    file = write(tmp_path / "weights.pth", "extracted", changed(change), False)
    with pytest.raises(InputError, match=message) as error:
        import_weights(file)
    assert "\n" not in str(error.value)
    assert "weights.pth" in str(error.value)


def test_a_flipped_bit_in_the_numbers_is_noticed(tmp_path):
    """The file has checksums, which PyTorch does not compare."""
    path = write(tmp_path / "weights.pth", "extracted", port_state(256, False), False)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    torch.load(path, weights_only=True)
    with pytest.raises(InputError, match=r"weights\.pth .* checksum"):
        import_weights(path)


def test_a_file_that_unpacks_to_more_than_it_may_have_is_refused(tmp_path, monkeypatch):
    path = write(tmp_path / "weights.pth", "extracted", port_state(256, False), False)
    packed = tmp_path / "packed.pth"
    with (
        zipfile.ZipFile(path) as source,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for part in source.infolist():
            target.writestr(part.filename, source.read(part))
    import_weights(packed)
    size = (path.stat().st_size + packed.stat().st_size) // 2
    monkeypatch.setattr("dse.text.published.LARGEST_FILE", size)
    with pytest.raises(InputError, match=r"packed\.pth .*too large"):
        import_weights(packed)


def test_a_tensor_of_more_numbers_than_its_part_of_the_file_is_refused(tmp_path, monkeypatch):
    """Some versions of PyTorch would read on behind the part."""
    state = port_state(256, False)
    path = write(tmp_path / "weights.pth", "extracted", state, False)
    larger = torch.zeros(2 * state["emb_proj_bias"].numel())[::2]
    loaded = state | {"emb_proj_bias": larger}
    monkeypatch.setattr(torch, "load", lambda *_, **__: loaded)
    with pytest.raises(InputError, match=r"weights\.pth holds fewer numbers"):
        import_weights(path)


@pytest.mark.parametrize("instead", NO_FILE)
def test_what_is_no_file_is_refused_before_it_is_read(tmp_path, instead):
    path = tmp_path / "weights.pth"
    path.touch()
    PLACE[instead](path, Random(0))
    with pytest.raises(InputError, match=r"weights\.pth"):
        import_weights(path)


class Malicious:
    def __reduce__(self):
        return print, ("this must not be run",)


@pytest.mark.parametrize("content", [Malicious(), [1, 2], {"a": 1}])
def test_a_pickle_is_not_run(tmp_path, content, capsys):
    path = tmp_path / "weights.pth"
    torch.save(content, path)
    with pytest.raises(InputError, match=r"weights\.pth (holds no plain tensors|is no state dict)"):
        import_weights(path)
    assert "must not be run" not in capsys.readouterr().out


def without(place):
    checkpoint = torch7_checkpoint(port_state(256, False), False)
    network = checkpoint["protos"]["enc_doc"]
    for number in place[:-1]:
        network = network.attributes["modules"][number]
    network.attributes["modules"][place[-1]] = TorchObject("nn.Identity", {})
    return checkpoint


def with_columns_for_no_kernel_of_4():
    state = changed(lambda state: state.update(conv2_weight=torch.zeros(512, 4 * 384 + 1)))
    return torch7_checkpoint(state, False)


@pytest.mark.parametrize(
    ("checkpoint", "message"),
    [
        ({"protos": {}}, "no protos.enc_doc"),
        (1, "no protos.enc_doc"),
        (without((2, 4)), "has no conv2_weight"),
        (without((4, 6, 1)), "has no rnn_h2h_weight"),
        (without((6,)), "has no emb_proj_weight"),
        (with_columns_for_no_kernel_of_4(), "conv2_weight has .* shape"),
        ({"protos": {"enc_doc": Function()}}, "holds a function"),
    ],
)
def test_a_wrong_checkpoint_of_the_authors_is_named(tmp_path, checkpoint, message):
    path = tmp_path / "lm_sje.t7"
    path.write_bytes(torch7_bytes(checkpoint))
    with pytest.raises(InputError, match=message):
        import_weights(path)


def test_a_file_that_is_not_there_or_nonsense(tmp_path):
    with pytest.raises(InputError, match=r"none\.t7"):
        import_weights(tmp_path / "none.t7")
    (tmp_path / "page.t7").write_text("<html>quota exceeded</html>")
    with pytest.raises(InputError, match=r"page\.t7 is no sound Torch7 file"):
        import_weights(tmp_path / "page.t7")
    (tmp_path / "cut.pth").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match=r"cut\.pth holds no plain tensors"):
        import_weights(tmp_path / "cut.pth")


@pytest.mark.parametrize(
    "bias",
    [
        torch.zeros(1, dtype=torch.half).expand(10**12),  # two bytes in the file
        torch.zeros(1024, dtype=torch.complex64),
        torch.zeros(1024, dtype=torch.int64),
        torch.eye(32).to_sparse(),
    ],
)
def test_a_port_whose_tensors_are_not_plain_is_refused(tmp_path, bias):
    path = tmp_path / "weights.pth"
    torch.save(port_state(256, False) | {"emb_proj_bias": bias}, path)
    with pytest.raises(InputError, match=r"weights\.pth (is no state dict|holds no plain tensors)"):
        import_weights(path)
