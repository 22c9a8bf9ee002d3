"""Text encoders against literal implementations from the equations, in float64."""

import pytest
import torch

from dse.errors import InputError
from dse.text import TEXT_ENCODERS, build_text_encoder
from dse.text.averages import BagOfWords, MeanWordVector, train_word_vectors
from dse.text.cnn import CharacterConvolutions
from dse.text.cnn_rnn import MeanReLURNN

CAPTIONS = [
    "",
    "a",
    "this small bird has a red crown, a black-and-white wing and a short conical bill.",
    "x" * 201,
    "a bird with yellow legs " * 9,
    "bird",
]
PARAMETERS = {"char-cnn": 3_220_224, "char-cnn-rnn": 1_814_144}
LAYERS = {
    "char-cnn": ((256, 256, 256), ((3, 3), (3, 3), (3, 3)), 6),
    "char-cnn-rnn": ((384, 512, 256), ((3, 3), (3, 3), (3, 2)), 8),
}


def one_hot(tokens):
    """(B, 201) -> float64 (B, 70, 201), zero where there is no character."""
    return torch.nn.functional.one_hot(tokens.long(), 71)[..., 1:].double().transpose(1, 2)


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
    x = one_hot(tokens)
    for convolution, (pool, stride) in zip(trunk.convolutions, trunk.pools, strict=True):
        x = literal_pool(literal_convolution(x, convolution.weight, convolution.bias), pool, stride)
    return x


def literal_encoder(encoder, name, tokens):
    x = literal_trunk(encoder.trunk, tokens)
    if name == "char-cnn":
        x = x.flatten(1) @ encoder.hidden.weight.T + encoder.hidden.bias
        return x @ encoder.linear.weight.T + encoder.linear.bias
    w_x, b_x = encoder.rnn.from_input.weight, encoder.rnn.from_input.bias
    w_h, b_h = encoder.rnn.from_hidden.weight, encoder.rnn.from_hidden.bias
    h = (x[:, :, 0] @ w_x.T + b_x).clamp(min=0)
    total = h
    for t in range(1, x.shape[2]):
        h = (x[:, :, t] @ w_x.T + b_x + h @ w_h.T + b_h).clamp(min=0)
        total = total + h
    return (total / x.shape[2]) @ encoder.linear.weight.T + encoder.linear.bias


def built(name, seed=0, **kwargs):
    return build_text_encoder(name, generator=torch.Generator().manual_seed(seed), **kwargs)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameter_counts_are_the_authors(name):
    assert sum(p.numel() for p in built(name).parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_the_authors(name):
    channels, pools, steps = LAYERS[name]
    trunk = built(name).trunk
    assert tuple(c.out_channels for c in trunk.convolutions) == channels
    assert (trunk.pools, trunk.lengths[-1]) == (pools, steps)
    assert all((c.kernel_size, c.stride) == ((4,), (1,)) for c in trunk.convolutions)


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("captions", [CAPTIONS, CAPTIONS[:2], CAPTIONS[2:3], CAPTIONS[3:5]])
def test_output_and_gradients_equal_the_literal_encoder(name, captions):
    encoder = built(name).double()
    tokens = encoder.tokenizer(captions)
    seen, expected = encoder(tokens), literal_encoder(encoder, name, tokens)
    torch.testing.assert_close(seen, expected, atol=1e-10, rtol=0)
    weights = torch.randn(seen.shape, generator=torch.Generator().manual_seed(1)).double()
    parameters = list(encoder.parameters())
    ours = torch.autograd.grad((weights * seen).sum(), parameters, allow_unused=True)
    theirs = torch.autograd.grad((weights * expected).sum(), parameters, allow_unused=True)
    for gradient, literal in zip(ours, theirs, strict=True):
        torch.testing.assert_close(gradient, literal, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("length", range(0, 202, 3))
def test_the_constant_tail_is_exact_at_every_length(length):
    trunk = CharacterConvolutions((5, 4, 3), ((3, 3), (3, 3), (3, 2))).double()
    tokens = trunk.tokenizer(["abcdefgh -" * 20 + "z"])
    tokens[:, length:] = 0
    torch.testing.assert_close(trunk(tokens), literal_trunk(trunk, tokens), atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", PARAMETERS)
def test_an_embedding_does_not_depend_on_its_batch(name):
    encoder = built(name).double()
    together = encoder(encoder.tokenizer(CAPTIONS))
    for caption, row in zip(CAPTIONS, together, strict=True):
        alone = encoder(encoder.tokenizer([caption]))[0]
        torch.testing.assert_close(alone, row, atol=1e-10, rtol=0)


@pytest.mark.parametrize("name", PARAMETERS)
def test_order_of_the_words_matters(name):
    encoder = built(name)
    one, other = encoder(encoder.tokenizer(["red crown, blue belly", "blue crown, red belly"]))
    assert (one - other).abs().max() > 1e-4


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
        lambda: MeanWordVector(["a"], torch.zeros(2, 3)),
    ):
        with pytest.raises(InputError) as error:
            call()
        assert "\n" not in str(error.value)
    with pytest.raises(InputError) as error:
        build_text_encoder("word-gru")
    assert all(name in str(error.value) for name in TEXT_ENCODERS)
