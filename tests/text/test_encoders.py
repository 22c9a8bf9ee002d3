"""Text encoders against literal implementations from the equations, in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.text import CHARACTER_ENCODERS, TEXT_ENCODERS, WORD_ENCODERS, build_text_encoder
from dse.text.averages import BagOfWords, MeanWordVector, train_word_vectors
from dse.text.cnn import Convolutions, use_dense_gradients
from dse.text.cnn_rnn import MeanGRU, MeanReLURNN
from dse.text.lstm import CharLSTM
from dse.text.tokens import CharacterTokenizer, WordTokenizer, build_vocabulary
from dse.utils.errors import InputError

CAPTIONS = [
    "",
    "a",
    "this small bird has a red crown, a black-and-white wing and a short conical bill.",
    "x" * 201,
    "a bird with yellow legs " * 9,
    "bird",
    "unheard-of unheard-of bird unheard-of",
    "this bird has a crown " * 20,
]
VOCABULARY = [word for word in build_vocabulary(CAPTIONS) if word not in ("unheard", "of")]
V = len(VOCABULARY)
PARAMETERS = {
    "attributes": 1024 * (1 + 7),
    "bag-of-words": 1024 * (1 + V),
    "char-cnn": 3_220_224,
    "char-cnn-rnn": 1_814_144,
    "char-cnn-rnn-long": 1_814_144,
    "word-cnn": 768 * V + 2_755_328,
    "word-cnn-rnn": 1536 * V + 2_100_736,
}
LAYERS = {  # channels, kernels, pools, columns at the end
    "char-cnn": ((256, 256, 256), (4, 4, 4), ((3, 3), (3, 3), (3, 3)), 6),
    "char-cnn-rnn": ((384, 512, 256), (4, 4, 4), ((3, 3), (3, 3), (3, 2)), 8),
    "char-cnn-rnn-long": ((384, 512, 256), (4, 4, 4), ((3, 3), (3, 3), (1, 1)), 18),
    "char-cnn-rnn-icml-birds": ((384, 512, 512), (4, 4, 4), ((3, 3), (3, 3), (1, 1)), 18),
    "char-cnn-rnn-icml-flowers": ((384, 512, 512), (4, 4, 4), ((3, 3), (3, 3), (3, 2)), 8),
    "word-cnn": ((256, 256, 256), (3, 3, 3), ((3, 3), (1, 1), (1, 1)), 5),
    "word-cnn-rnn": ((512, 512, 512), (3, 2, 2), ((1, 1), (3, 3), (1, 1)), 8),
}
SEQUENTIAL = (*LAYERS, "char-lstm", "word-lstm")
CAPTION_ENCODERS = (*WORD_ENCODERS, *CHARACTER_ENCODERS)


def built(name, seed=0, dim=1024):
    needs = {"vocabulary": VOCABULARY} if name in WORD_ENCODERS else {}
    if name == "word2vec":
        needs["word_vectors"] = torch.eye(V)
    if name == "attributes":
        needs["num_attributes"] = 7
    return build_text_encoder(name, dim, **needs, generator=torch.Generator().manual_seed(seed))


def one_hot(encoder, tokens):
    """(B, length) -> float64 (B, V, length), zero where there is no known token."""
    size = encoder.tokenizer.size
    return torch.nn.functional.one_hot(tokens.long(), 1 + size)[..., 1:].double().transpose(1, 2)


def literal_convolution(x, weight, bias):
    """Convolution along time, one output column after the other, then the authors' threshold."""
    kernel = weight.shape[2]
    columns = [
        torch.einsum("bik,oik->bo", x[:, :, t : t + kernel], weight) + bias
        for t in range(x.shape[2] - kernel + 1)
    ]
    y = torch.stack(columns, dim=2)
    return torch.where(y > 1e-6, y, 0.0)


def literal_pool(x, size, stride):
    starts = range(0, x.shape[2] - size + 1, stride)
    return torch.stack([x[:, :, s : s + size].amax(2) for s in starts], dim=2)


def literal_trunk(trunk, tokens):
    """(B, channels, steps)."""
    x = one_hot(trunk, tokens)
    first, *others = trunk.convolutions
    weights = [first.weight.view(first.kernel, first.size, -1).permute(2, 1, 0)]
    for convolution, kernel in zip(others, trunk.kernels[1:], strict=True):
        weight = convolution.weight
        weights.append(weight.view(len(weight), kernel, -1).transpose(1, 2))
    for convolution, weight, pool in zip(trunk.convolutions, weights, trunk.pools, strict=True):
        x = literal_pool(literal_convolution(x, weight, convolution.bias), *pool)
    return x


def linear(layer, x):
    return x @ layer.weight.T + layer.bias


def literal_rnn(rnn, x):
    """x is (B, steps, size); the mean of the hidden states."""
    h = linear(rnn.from_input, x[:, 0]).clamp(min=0)
    total = h
    for t in range(1, x.shape[1]):
        h = (linear(rnn.from_input, x[:, t]) + linear(rnn.from_hidden, h)).clamp(min=0)
        total = total + h
    return total / x.shape[1]


def literal_gru(rnn, x):
    def sigmoid(z):
        return 1 / (1 + torch.exp(-z))

    h = torch.tanh(linear(rnn.from_input, x[:, 0]))
    total = h
    for t in range(1, x.shape[1]):
        z = sigmoid(linear(rnn.update_from_input, x[:, t]) + linear(rnn.update_from_hidden, h))
        r = sigmoid(linear(rnn.reset_from_input, x[:, t]) + linear(rnn.reset_from_hidden, h))
        c = torch.tanh(linear(rnn.from_input, x[:, t]) + linear(rnn.from_hidden, r * h))
        h = z * c + (1 - z) * h
        total = total + h
    return total / x.shape[1]


def literal_lstm(encoder, tokens):
    """One caption after the other, one token after the other."""
    rows = []
    for x, row in zip(one_hot(encoder, tokens).transpose(1, 2), tokens, strict=True):
        length = max([i + 1 for i, token in enumerate(row.tolist()) if token], default=0)
        units = encoder.from_hidden.in_features
        h = c = total = torch.zeros(units, dtype=torch.float64)
        for t in range(length):
            gates = x[t] @ encoder.from_token.weight + encoder.from_token.bias
            gates = gates + linear(encoder.from_hidden, h)
            forget, enter, leave = (
                1 / (1 + torch.exp(-gates[k * units :][:units])) for k in range(3)
            )
            c = forget * c + enter * torch.tanh(gates[3 * units :])
            h = leave * torch.tanh(c)
            total = total + h
        rows.append(linear(encoder.linear, total / max(length, 1)))
    return torch.stack(rows)


def literal_encoder(encoder, name, tokens):
    if name.endswith("lstm"):
        return literal_lstm(encoder, tokens)
    x = literal_trunk(encoder.trunk, tokens).transpose(1, 2)
    if name.endswith("cnn"):
        return linear(encoder.linear, linear(encoder.hidden, x.flatten(1)))
    recurrence = literal_gru if isinstance(encoder.rnn, MeanGRU) else literal_rnn
    return linear(encoder.linear, recurrence(encoder.rnn, x))


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameter_counts_are_the_authors(name):
    assert sum(p.numel() for p in built(name).parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_the_authors(name):
    channels, kernels, pools, steps = LAYERS[name]
    trunk = built(name).trunk
    assert tuple(len(c.bias) for c in trunk.convolutions) == channels
    assert (trunk.kernels, trunk.pools, trunk.lengths[-1]) == (kernels, pools, steps)


@pytest.mark.parametrize("name", SEQUENTIAL)
@pytest.mark.parametrize("captions", [CAPTIONS, CAPTIONS[:2], CAPTIONS[2:3], CAPTIONS[3:5]])
def test_output_and_gradients_equal_the_literal_encoder(name, captions):
    encoder = built(name).double()
    tokens = encoder.tokenizer(captions)
    seen, expected = encoder(tokens), literal_encoder(encoder, name, tokens)
    torch.testing.assert_close(seen, expected, atol=1e-10, rtol=0)
    weights = torch.randn(seen.shape, generator=torch.Generator().manual_seed(1)).double()
    parameters = list(encoder.parameters())
    ours = torch.autograd.grad((weights * seen).sum(), parameters)
    theirs = torch.autograd.grad((weights * expected).sum(), parameters)
    for gradient, literal in zip(ours, theirs, strict=True):
        torch.testing.assert_close(gradient, literal, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("name", ["word-cnn-rnn", "word-lstm"])
def test_sparse_gradients_are_the_dense_ones(name, monkeypatch):
    monkeypatch.setattr("dse.text.cnn.DENSE_UP_TO", 0)
    encoder = built(name).double()
    tokens = encoder.tokenizer(CAPTIONS)

    def gradients():
        return torch.autograd.grad(encoder(tokens).square().sum(), list(encoder.parameters()))

    sparse = gradients()
    use_dense_gradients(encoder)
    dense = gradients()
    assert sum(gradient.is_sparse for gradient in sparse) == 1
    for one, other in zip(dense, sparse, strict=True):
        torch.testing.assert_close(one, other.to_dense(), atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_float32_equals_the_literal_encoder_to_single_precision(name):
    encoder = built(name)
    tokens = encoder.tokenizer(CAPTIONS)
    seen = encoder(tokens)
    expected = literal_encoder(encoder.double(), name, tokens)
    torch.testing.assert_close(seen.double(), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "name", ["char-cnn-rnn", "word-cnn", "word-lstm", "char-cnn-rnn-icml-birds"]
)
def test_gradients_equal_finite_differences(name):
    encoder = built(name, dim=2).double()
    tokens = encoder.tokenizer(["red crown, a bird", "bird"])
    generator = torch.Generator().manual_seed(0)
    for parameter in encoder.parameters():
        direction = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        step = 1e-6 * direction / direction.norm()
        (gradient,) = torch.autograd.grad(encoder(tokens).sum(), parameter)
        with torch.no_grad():
            parameter += step
            above = encoder(tokens).sum()
            parameter -= 2 * step
            below = encoder(tokens).sum()
            parameter += step
        numerical, ours = float(above - below) / 2, float((gradient * step).sum())
        assert ours == pytest.approx(numerical, rel=1e-4, abs=1e-14)


@pytest.mark.parametrize("length", range(0, 202, 3))
@pytest.mark.parametrize("last_pool", [(3, 2), (3, 3), (1, 1)])
def test_the_constant_tail_is_exact_at_every_length(length, last_pool):
    pools = ((3, 3), (3, 3), last_pool)
    trunk = Convolutions(CharacterTokenizer(), (5, 4, 3), (4, 4, 4), pools).double()
    for parameter in trunk.parameters():
        torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(length))
    tokens = trunk.tokenizer(["abcdefgh -" * 20 + "z"])
    tokens[:, length:] = 0
    expected = literal_trunk(trunk, tokens).transpose(1, 2)
    torch.testing.assert_close(trunk(tokens), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("length", range(31))
def test_the_constant_tail_of_words_is_exact_at_every_length(length):
    pools = ((1, 1), (3, 3), (1, 1))
    trunk = Convolutions(WordTokenizer(VOCABULARY), (5, 4, 3), (3, 2, 2), pools).double()
    for parameter in trunk.parameters():
        torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(length))
    tokens = torch.arange(30)[None] % (V + 1)  # with unknown words in between
    tokens[:, length:] = 0
    expected = literal_trunk(trunk, tokens).transpose(1, 2)
    torch.testing.assert_close(trunk(tokens), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", CAPTION_ENCODERS)
def test_an_embedding_does_not_depend_on_its_batch(name):
    encoder = built(name).double()
    together = encoder(encoder.tokenizer(CAPTIONS))
    for caption, row in zip(CAPTIONS, together, strict=True):
        alone = encoder(encoder.tokenizer([caption]))[0]
        torch.testing.assert_close(alone, row, atol=1e-10, rtol=0)


@pytest.mark.parametrize("name", CAPTION_ENCODERS)
@given(caption=st.text(max_size=40) | st.text("aZ \0\t\u200b\U0001f426", max_size=400))
@settings(max_examples=15)
def test_any_string_has_a_finite_embedding(name, caption):
    encoder = ENCODERS.setdefault(name, built(name, dim=4))
    assert torch.isfinite(encoder(encoder.tokenizer([caption, "bird"]))).all()


ENCODERS = {}


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_order_of_the_words_matters(name):
    encoder = built(name)
    one, other = encoder(encoder.tokenizer(["red crown, yellow bill", "yellow crown, red bill"]))
    assert (one - other).abs().max() > 1e-4


def test_the_lstm_is_torchs_lstm_on_one_hot_columns():
    encoder = CharLSTM(4, units=6).double()
    for parameter in encoder.parameters():
        torch.nn.init.uniform_(parameter, -0.5, 0.5)
    theirs = torch.nn.LSTM(70, 6, batch_first=True).double()
    order = [1, 0, 3, 2]  # torch's gates are enter, forget, new, leave

    def gates(x):
        return torch.cat([x.chunk(4)[k] for k in order])

    with torch.no_grad():
        theirs.weight_ih_l0.copy_(gates(encoder.from_token.weight.T))
        theirs.bias_ih_l0.copy_(gates(encoder.from_token.bias))
        theirs.weight_hh_l0.copy_(gates(encoder.from_hidden.weight))
        theirs.bias_hh_l0.copy_(gates(encoder.from_hidden.bias))
    tokens = encoder.tokenizer(["a red bird"])
    hidden, _ = theirs(one_hot(encoder, tokens).transpose(1, 2)[:, :10])
    expected = linear(encoder.linear, hidden.mean(1))
    torch.testing.assert_close(encoder(tokens), expected, atol=1e-12, rtol=0)


def test_recurrence_has_no_recurrent_bias_at_its_first_step():
    rnn = MeanReLURNN(3)
    one_step = torch.ones(1, 1, 3)
    before = rnn(one_step)
    torch.nn.init.constant_(rnn.from_hidden.bias, 100.0)
    assert torch.equal(rnn(one_step), before)
    assert (rnn(torch.ones(1, 2, 3)) > 10).all()


def test_initial_parameters_fill_the_authors_range_and_follow_the_seed():
    values = torch.cat([p.flatten() for p in built("char-cnn-rnn").parameters()])
    assert values.abs().max() <= 0.08
    assert values.min() < -0.0799 and values.max() > 0.0799 and values.mean().abs() < 1e-3
    same, other = built("char-cnn-rnn"), built("char-cnn-rnn", seed=1)
    assert torch.equal(same.linear.bias, built("char-cnn-rnn").linear.bias)
    assert not torch.equal(same.linear.bias, other.linear.bias)


def test_bag_of_words_counts_presence_not_number_or_order():
    encoder = BagOfWords(["bird", "blue", "red"], 4)
    tokens = encoder.tokenizer(["red blue", "blue red red, unheard-of words"])
    torch.testing.assert_close(*encoder(tokens))
    expected = encoder.linear.weight[:, [1, 2]].sum(1) + encoder.linear.bias
    torch.testing.assert_close(encoder(tokens)[0], expected)


def test_word2vec_averages_known_words_and_trains_only_its_linear_layer():
    vectors = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    encoder = MeanWordVector(["blue", "red"], vectors, 3)
    means = encoder.mean_vector(encoder.tokenizer(["blue green red red red", "green"]))
    assert means.tolist() == [[0.25, 0.75], [0.0, 0.0]]
    assert {name for name, _ in encoder.named_parameters()} == {"linear.weight", "linear.bias"}


def test_word_vectors_follow_the_seed_and_the_vocabulary():
    captions = ["a red bird", "a blue bird", "the red one"] * 20
    vocabulary = ["a", "bird", "blue", "one", "red", "the"]
    first = train_word_vectors(captions, vocabulary, seed=3, dim=8)
    assert first.shape == (6, 8)
    assert torch.equal(first, train_word_vectors(captions, vocabulary, seed=3, dim=8))
    backwards = train_word_vectors(captions, vocabulary[::-1], seed=3, dim=8)
    assert torch.equal(first, backwards.flip(0))


def test_wrong_calls_are_one_line():
    for call in (
        lambda: build_text_encoder("word-gru"),
        lambda: build_text_encoder("bag-of-words"),
        lambda: build_text_encoder("word2vec", vocabulary=["a"]),
        lambda: build_text_encoder("word-lstm"),
        lambda: build_text_encoder("attributes"),
        lambda: MeanWordVector(["a"], torch.zeros(2, 3)),
    ):
        with pytest.raises(InputError) as error:
            call()
        assert "\n" not in str(error.value)
    with pytest.raises(InputError) as error:
        build_text_encoder("word-gru")
    assert all(name in str(error.value) for name in TEXT_ENCODERS)
