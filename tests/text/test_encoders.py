"""Text encoders against literal implementations from the equations, in float64."""

from functools import partial
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.objective import joint_embedding_loss
from dse.text import TEXT_ENCODERS, build_text_encoder, register_text_encoder
from dse.text.averages import BagOfBigrams, BagOfWords, MeanWordVector, train_word_vectors
from dse.text.cnn import receptive_fields
from dse.text.cnn_rnn import MeanGRU, MeanReLURNN
from dse.text.layers import OneHot, Standardisation, TokenConv1d, use_dense_gradients
from dse.text.lstm import CharLSTM
from dse.text.packing import packed, stages
from dse.text.tokens import CharacterTokenizer, build_bigrams, build_vocabulary, words
from dse.training.optimizer import RMSprop
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
BIGRAMS = [pair for pair in build_bigrams(CAPTIONS, 1) if set(pair.split()) <= set(VOCABULARY)]
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
FROZEN = ("sentence-vectors", "clip-text")
CAPTION_ENCODERS = [name for name in TEXT_ENCODERS if name not in ("attributes", *FROZEN)]


def built(name, seed=0, dim=1024):
    given = {"vocabulary": VOCABULARY, "word_vectors": torch.eye(V), "num_attributes": 7}
    given["bigrams"] = BIGRAMS
    return build_text_encoder(name, dim, **given, generator=torch.Generator().manual_seed(seed))


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


def weight_of(convolution):
    """(out, in, k), as of `nn.Conv1d`."""
    if not isinstance(convolution, TokenConv1d):
        return convolution.weight
    (kernel_size,) = convolution.kernel_size
    return convolution.embedding.weight[1:].unflatten(1, (kernel_size, -1)).permute(2, 0, 1)


def literal_convolutions(convolutions, x):
    """(B, V, length) -> (B, channels, steps)."""
    for convolution, _, pool in stages(convolutions):
        x = literal_convolution(x, weight_of(convolution), convolution.bias)
        x = literal_pool(x, *pool)
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
            gates = weight_of(encoder.from_token)[:, :, 0] @ x[t] + encoder.from_token.bias
            gates = gates + linear(encoder.from_hidden, h)
            f, i, o = (1 / (1 + torch.exp(-gates[k * units :][:units])) for k in range(3))
            c = f * c + i * torch.tanh(gates[3 * units :])
            h = o * torch.tanh(c)
            total = total + h
        rows.append(linear(encoder.linear, total / max(length, 1)))
    return torch.stack(rows)


def literal_encoder(encoder, name, tokens):
    if name.endswith("lstm"):
        return literal_lstm(encoder, tokens)
    x = literal_convolutions(encoder.convolutions, one_hot(encoder, tokens)).transpose(1, 2)
    if name.endswith("cnn"):
        return linear(encoder.linear, linear(encoder.hidden, x.flatten(1)))
    recurrence = literal_gru if isinstance(encoder.rnn, MeanGRU) else literal_rnn
    return linear(encoder.linear, recurrence(encoder.rnn, x))


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameter_counts_are_the_authors(name):
    encoder = built(name)
    tables = (torch.nn.Embedding, torch.nn.EmbeddingBag)
    zeros = sum(m.embedding_dim for m in encoder.modules() if isinstance(m, tables))
    assert sum(p.numel() for p in encoder.parameters()) - zeros == PARAMETERS[name]


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_the_authors(name):
    channels, kernels, pools, steps = LAYERS[name]
    encoder = built(name)
    found = stages(encoder.convolutions)
    assert tuple(len(convolution.bias) for convolution, _, _ in found) == channels
    assert tuple(convolution.kernel_size[0] for convolution, _, _ in found) == kernels
    assert tuple(pool for _, _, pool in found) == pools
    tokens = encoder.tokenizer(CAPTIONS)
    assert encoder.convolutions(tokens).shape == (len(CAPTIONS), channels[-1], steps)
    assert receptive_fields(encoder.convolutions, tokens.shape[1])[-1].columns == steps


@pytest.mark.parametrize("packing", [True, False])
@pytest.mark.parametrize("name", SEQUENTIAL)
@pytest.mark.parametrize("captions", [CAPTIONS, CAPTIONS[:2]])
def test_output_and_gradients_equal_the_literal_encoder(name, captions, packing):
    encoder = built(name, dim=64).double()
    encoder.packing = packing
    tokens = encoder.tokenizer(captions)
    ours, expected = encoder(tokens), literal_encoder(encoder, name, tokens)
    torch.testing.assert_close(ours, expected, atol=1e-10, rtol=0)
    weights = torch.randn(ours.shape, generator=torch.Generator().manual_seed(1)).double()
    gradients = [
        torch.autograd.grad((weights * output).sum(), list(encoder.parameters()))
        for output in (ours, expected)
    ]
    for gradient, literal in zip(*gradients, strict=True):
        torch.testing.assert_close(gradient, literal, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_packing_changes_neither_values_nor_gradients_in_float32(name):
    encoder = built(name)
    tokens = encoder.tokenizer(CAPTIONS)
    images = torch.rand(len(CAPTIONS), 1024, generator=torch.Generator().manual_seed(1))
    results = []
    for packing in (True, False):
        encoder.packing = packing
        loss = joint_embedding_loss(images, encoder(tokens))
        results.append([encoder(tokens), *torch.autograd.grad(loss, list(encoder.parameters()))])
    for fast, plain in zip(*results, strict=True):
        torch.testing.assert_close(fast, plain, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", ["word-cnn-rnn", "word-lstm", "bag-of-bigrams"])
def test_sparse_gradients_are_the_dense_ones(name, monkeypatch):
    monkeypatch.setattr("dse.text.layers.SPARSE_FROM", 0)
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
        if len(parameter) == V + 1:
            direction[0] = 0  # the row that stands for no word does not learn
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


def tiny_network(seed, first, *later):
    network = torch.nn.Sequential(*first, *later).double()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(seed))
    return network


@pytest.mark.parametrize("last_pool", [(3, 2), (3, 3), (1, 1), (2, 3)])
@pytest.mark.parametrize("first_pool", [(3, 3), (3, 2)])
def test_packing_is_exact_at_every_length(first_pool, last_pool):
    network = tiny_network(
        0,
        [OneHot(70), torch.nn.Conv1d(70, 5, 4), torch.nn.MaxPool1d(*first_pool)],
        torch.nn.Threshold(1e-6, 0),
        torch.nn.Conv1d(5, 4, 4),
        torch.nn.Threshold(1e-6, 0),
        torch.nn.MaxPool1d(3),
        torch.nn.Conv1d(4, 3, 4),
        torch.nn.MaxPool1d(*last_pool),
    )
    tokens = CharacterTokenizer()(["abcdefgh -" * 20 + "z"]).repeat(202, 1)
    tokens[torch.arange(201) >= torch.arange(202)[:, None]] = 0
    torch.testing.assert_close(packed(network, tokens), network(tokens), atol=1e-12, rtol=0)
    one_by_one = torch.cat([packed(network, row[None]) for row in tokens[::10]])
    torch.testing.assert_close(one_by_one, network(tokens[::10]), atol=1e-12, rtol=0)


@pytest.mark.parametrize("first_pool", [(1, 1), (3, 3)])
def test_packing_of_words_is_exact_at_every_length(first_pool):
    look_up = TokenConv1d(V, 5, 3)
    network = tiny_network(
        1,
        [look_up, torch.nn.MaxPool1d(*first_pool)],
        torch.nn.Conv1d(5, 4, 2),
        torch.nn.MaxPool1d(3),
        torch.nn.Conv1d(4, 3, 2),
    )
    with torch.no_grad():
        look_up.embedding.weight[0] = 0
    tokens = (torch.arange(30) % (V + 1)).repeat(31, 1)  # with unknown words in between
    tokens[torch.arange(30) >= torch.arange(31)[:, None]] = 0
    torch.testing.assert_close(packed(network, tokens), network(tokens), atol=1e-12, rtol=0)


def test_token_convolution_is_conv1d_on_one_hot_columns():
    look_up = TokenConv1d(9, 5, 3).double()
    with torch.no_grad():
        look_up.bias.normal_()
    tokens = torch.tensor([[3, 0, 9, 1, 1, 0, 0], [5, 4, 3, 2, 1, 8, 9]])
    plain = torch.nn.functional.conv1d(OneHot(9).double()(tokens), weight_of(look_up), look_up.bias)
    torch.testing.assert_close(look_up(tokens), plain, atol=1e-12, rtol=0)


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
    order = [1, 0, 3, 2]  # torch's gates are i, f, g, o; ours f, i, o, g

    def gates(x):
        return torch.cat([x.chunk(4)[k] for k in order])

    with torch.no_grad():
        theirs.weight_ih_l0.copy_(gates(weight_of(encoder.from_token)[:, :, 0]))
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
    assert torch.equal(*encoder(tokens))
    expected = encoder.linear.weight[:, [1, 2]].sum(1) + encoder.linear.bias
    torch.testing.assert_close(encoder(tokens)[0], expected)


@pytest.mark.parametrize("vocabulary", [["bird", "blue", "red"], [f"w{i}" for i in range(1200)]])
def test_bag_of_words_is_a_linear_layer_on_zeros_and_ones(vocabulary):
    """In value and in gradient, with dense and with sparse gradients."""
    encoder = BagOfWords(vocabulary, 4)
    plain = torch.nn.Linear(len(vocabulary), 4)
    with torch.no_grad():
        plain.weight.copy_(encoder.linear.weight)
        plain.bias.copy_(encoder.linear.bias)
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, 1 + len(vocabulary), (6, 30), generator=generator)
    present = torch.zeros(6, 1 + len(vocabulary)).scatter_(1, tokens, 1)[:, 1:]
    torch.testing.assert_close(encoder(tokens), plain(present))
    for layer, inputs in ((encoder, tokens), (plain, present)):
        layer(inputs).square().sum().backward()
    gradient = encoder.linear.embedding.weight.grad
    assert gradient.is_sparse == (len(vocabulary) > 1000)
    torch.testing.assert_close(gradient.to_dense()[1:].T, plain.weight.grad)
    torch.testing.assert_close(encoder.linear.bias.grad, plain.bias.grad)


@given(st.integers(1, 20), st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_standardised_vectors_have_mean_0_and_deviation_1(n, seed):
    vectors = torch.randn(n, 3, generator=torch.Generator().manual_seed(seed)) * 50 + 7
    vectors[:, 2] = 4.0
    standardise = Standardisation(3)
    standardise.fit(vectors)
    own = standardise(vectors)
    torch.testing.assert_close(own.mean(0), torch.zeros(3), atol=1e-4, rtol=0)
    deviation = own.std(0, correction=0)
    torch.testing.assert_close(deviation[:2], torch.full((2,), float(n > 1)), atol=1e-4, rtol=0)
    assert not own[:, 2].any()


def test_word2vec_standardised_is_word2vec_on_standardised_means():
    given = {"vocabulary": VOCABULARY, "word_vectors": torch.eye(len(VOCABULARY))}
    generators = (torch.Generator().manual_seed(0) for _ in range(2))
    plain, scaled = (
        build_text_encoder(name, 4, **given, generator=generator)
        for name, generator in zip(("word2vec", "word2vec-standardised"), generators, strict=True)
    )
    tokens = plain.tokenizer(CAPTIONS)
    assert torch.equal(plain(tokens), scaled(tokens))  # before it is fitted
    scaled.fit_inputs(tokens)
    means = plain.mean_vector(tokens)
    std = means.std(0, correction=0)
    expected = (means - means.mean(0)) / torch.where(std > 0, std, 1)
    torch.testing.assert_close(scaled(tokens), scaled.linear(expected))


@given(st.lists(st.sampled_from([*VOCABULARY, "unheard"]), max_size=40))
@settings(max_examples=50)
def test_bag_of_bigrams_adds_a_row_for_each_pair_of_neighbours_once(spoken):
    encoder = ENCODERS.setdefault("bigrams", built("bag-of-bigrams", dim=4).double())
    caption = " ".join(spoken)
    read = words(caption)[:30]
    expected = encoder.linear.bias.clone()
    for word in set(read) & set(VOCABULARY):
        expected += encoder.linear.weight[:, VOCABULARY.index(word)]
    for pair in {f"{one} {other}" for one, other in pairwise(read)}:
        if pair in BIGRAMS:
            expected += encoder.pairs.weight[1 + BIGRAMS.index(pair)]
    torch.testing.assert_close(encoder(encoder.tokenizer([caption]))[0], expected)


def test_bag_of_bigrams_without_a_pair_is_a_bag_of_words():
    encoder = BagOfBigrams(VOCABULARY, [], 4)
    tokens = encoder.tokenizer(CAPTIONS)
    bag = BagOfWords(VOCABULARY, 4)
    bag.load_state_dict({name: encoder.state_dict()[name] for name in bag.state_dict()})
    assert torch.equal(encoder(tokens), bag(bag.tokenizer(CAPTIONS)))


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
    with_green = train_word_vectors(captions, [*vocabulary, "green"], seed=3, dim=8)
    assert torch.equal(with_green, torch.cat([first, torch.zeros(1, 8)]))  # no caption has it


def test_wrong_calls_are_one_line():
    for call in (
        lambda: build_text_encoder("word-gru"),
        lambda: build_text_encoder("bag-of-words"),
        lambda: build_text_encoder("word2vec", vocabulary=["a"]),
        lambda: build_text_encoder("word-lstm"),
        lambda: build_text_encoder("bag-of-bigrams", vocabulary=["a"]),
        lambda: build_text_encoder("attributes"),
        lambda: MeanWordVector(["a"], torch.zeros(2, 3)),
    ):
        with pytest.raises(InputError) as error:
            call()
        assert "\n" not in str(error.value)
    with pytest.raises(InputError) as error:
        build_text_encoder("word-gru")
    assert all(name in str(error.value) for name in TEXT_ENCODERS)


@pytest.mark.parametrize("name", ["word-cnn-rnn", "bag-of-bigrams"])
def test_what_stands_for_no_token_stays_zero(name):
    encoder = built(name)
    table = encoder.pairs if name == "bag-of-bigrams" else encoder.convolutions[0].embedding
    assert table.weight[1:].any() and not table.weight[0].any()
    optimizer = RMSprop(encoder.parameters(), lr=0.01)
    before = table.weight.clone()
    encoder(encoder.tokenizer(CAPTIONS)).square().sum().backward()
    optimizer.step()
    assert not torch.equal(table.weight, before) and not table.weight[0].any()


def test_units_size_the_recurrence_of_encoders_that_have_a_choice():
    assert build_text_encoder("char-cnn-rnn", 8, units=32).rnn.from_hidden.weight.shape == (32, 32)
    assert build_text_encoder("word-lstm", 8, vocabulary=["a"], units=5).linear.in_features == 5
    with pytest.raises(InputError, match="char-cnn"):
        build_text_encoder("char-cnn", 8, units=32)


def test_frozen_parameters_stay_and_all_others_are_drawn(own_encoder):
    encoder = build_text_encoder(own_encoder, 8, vocabulary=["a", "bird"])
    assert encoder.words.weight.flatten().tolist() == list(range(1, 13))  # that of no word, too
    for drawn in (encoder.norm.weight, encoder.linear.weight):
        assert 0 < drawn.abs().max() <= 0.08


class Forgetful(torch.nn.Module):
    """It keeps nothing of what it is built from."""

    def __init__(self, vocabulary, embedding_dim, **others):
        super().__init__()
        self.tokenizer = CharacterTokenizer()
        self.linear = torch.nn.Linear(1, embedding_dim)


class WithAWordOfItsOwn(Forgetful):
    def __init__(self, vocabulary, embedding_dim):
        super().__init__(vocabulary, embedding_dim)
        self.tokenizer.vocabulary = ["<unknown>", *vocabulary]


@pytest.mark.parametrize(
    ("build", "needs", "lost"),
    [
        (Forgetful, ["vocabulary"], "vocabulary"),
        (WithAWordOfItsOwn, ["vocabulary"], "vocabulary"),
        (partial(Forgetful, None), ["bigrams"], "bigrams"),
        (partial(Forgetful, None), ["word_vectors"], "word_vectors"),
    ],
)
def test_an_encoder_that_could_not_be_built_again_is_refused(build, needs, lost):
    register_text_encoder("forgetful", build, needs)
    given = {"vocabulary": ["a"], "bigrams": ["a bird"], "word_vectors": torch.eye(1)}
    try:
        with pytest.raises(InputError, match=lost):
            build_text_encoder("forgetful", 8, **given)
    finally:
        del TEXT_ENCODERS["forgetful"]


def test_a_name_is_registered_once():
    with pytest.raises(InputError, match="char-cnn"):
        register_text_encoder("char-cnn", CharLSTM)
    for need in ("pictures", "num_attributes"):  # `attributes` alone reads those
        with pytest.raises(InputError, match=need):
            register_text_encoder("mine", CharLSTM, needs=[need])
    assert "mine" not in TEXT_ENCODERS
