"""The loss against a literal double loop, its gradients, and its invariants."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dse.objective import LOSSES, joint_embedding_loss
from dse.utils.errors import InputError


def literal_loss(images, texts, objective):
    """The authors' double loop, written out."""
    size = len(images)
    total = 0.0
    for i in range(size):
        for j in range(size):
            if i == j:
                continue
            total = total + max(0.0, images[i] @ texts[j] - images[i] @ texts[i] + 1)
            if objective == "ds":
                total = total + max(0.0, images[j] @ texts[i] - images[i] @ texts[i] + 1)
    return total / size**2


def literal_variant(images, texts, objective, loss, temperature):
    """The losses beside the authors' sum, one image after the other."""
    size, total = len(images), 0.0
    for i in range(size):
        for a, b in ((images, texts), (texts, images))[: 2 if objective == "ds" else 1]:
            scores = [float(a[i] @ b[j]) for j in range(size)]
            hinges = sorted(
                (max(0.0, 1 + scores[j] - scores[i]) for j in range(size) if j != i), reverse=True
            )
            if loss == "max":
                total += max(hinges, default=0.0)
            elif loss == "weighted":
                above = sum(hinge > 0 for hinge in hinges)
                harmonic = sum(1 / k for k in range(1, above + 1))
                total += harmonic / above * sum(hinges) if above else 0.0
            else:
                exponentials = [math.exp(score / temperature) for score in scores]
                total -= math.log(exponentials[i] / sum(exponentials))
    return total / size


def random_batch(seed, size, dim, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(2, size, dim, generator=generator, dtype=torch.float64)).unbind()


@given(
    st.integers(0, 2**31), st.integers(1, 7), st.integers(1, 5), st.sampled_from(["ds", "da"]),
    st.sampled_from([0.1, 1.0, 10.0]),
)  # fmt: skip
def test_equals_the_double_loop(seed, size, dim, objective, scale):
    images, texts = random_batch(seed, size, dim, scale)
    ours = joint_embedding_loss(images, texts, objective=objective)
    assert float(ours) == pytest.approx(float(literal_loss(images, texts, objective)), abs=1e-10)


@given(
    st.integers(0, 2**31), st.integers(1, 7), st.integers(1, 5), st.sampled_from(["ds", "da"]),
    st.sampled_from(["max", "weighted", "contrastive"]), st.sampled_from([0.5, 1.0, 7.0]),
)  # fmt: skip
def test_variants_equal_their_definitions(seed, size, dim, objective, loss, temperature):
    images, texts = random_batch(seed, size, dim)
    ours = joint_embedding_loss(
        images, texts, objective=objective, loss=loss, temperature=temperature
    )
    expected = literal_variant(images, texts, objective, loss, temperature)
    assert float(ours) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("objective", ["ds", "da"])
def test_gradients_equal_finite_differences(objective, loss):
    images, texts = (x.requires_grad_() for x in random_batch(3, 5, 4))
    assert torch.autograd.gradcheck(
        lambda i, t: joint_embedding_loss(i, t, objective=objective, loss=loss), (images, texts)
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_one_dtype_and_one_device_in_the_same_out(loss):
    """On `meta` a tensor that was made on the CPU raises an error where it meets another."""
    images, texts = random_batch(1, 4, 3)
    assert joint_embedding_loss(images.float(), texts.float(), loss=loss).dtype == torch.float32
    on_meta = joint_embedding_loss(images.to("meta"), texts.to("meta"), loss=loss)
    assert on_meta.device.type == "meta"


def test_scores_are_divided_by_1_unless_told_otherwise():
    images, texts = random_batch(2, 4, 3)
    expected = literal_variant(images, texts, "ds", "contrastive", temperature=1)
    assert float(joint_embedding_loss(images, texts, loss="contrastive")) == pytest.approx(expected)


def test_gradients_equal_the_authors_formula():
    images, texts = (x.requires_grad_() for x in random_batch(5, 6, 3))
    joint_embedding_loss(images, texts, objective="da").backward()
    by_image = torch.zeros_like(images)
    by_text = torch.zeros_like(texts)
    with torch.no_grad():
        for i in range(6):
            for j in range(6):
                if i != j and images[i] @ texts[j] - images[i] @ texts[i] + 1 > 0:
                    by_image[i] += (texts[j] - texts[i]) / 36
                    by_text[j] += images[i] / 36
                    by_text[i] -= images[i] / 36
    torch.testing.assert_close(images.grad, by_image)
    torch.testing.assert_close(texts.grad, by_text)


def test_ds_is_the_sum_of_both_asymmetric_losses():
    images, texts = random_batch(7, 9, 4)
    both = joint_embedding_loss(images, texts, objective="da") + joint_embedding_loss(
        texts, images, objective="da"
    )
    torch.testing.assert_close(joint_embedding_loss(images, texts), both)


@given(st.integers(0, 2**31))
def test_order_of_the_batch_does_not_matter(seed):
    images, texts = random_batch(seed, 8, 3)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(
        joint_embedding_loss(images, texts), joint_embedding_loss(images[order], texts[order])
    )


def test_zero_embeddings_cost_the_margin_of_every_wrong_pair():
    zeros = torch.zeros(40, 8)
    assert joint_embedding_loss(zeros, zeros, objective="da") == pytest.approx(39 / 40)
    assert joint_embedding_loss(zeros, zeros) == pytest.approx(2 * 39 / 40)


def test_well_separated_pairs_cost_nothing():
    assert joint_embedding_loss(2 * torch.eye(5), 2 * torch.eye(5)) == 0


def test_refuses_other_shapes_and_objectives():
    with pytest.raises(InputError, match="unknown objective 'sje'"):
        joint_embedding_loss(torch.zeros(2, 3), torch.zeros(2, 3), objective="sje")
    with pytest.raises(InputError, match="unknown loss 'hinge'"):
        joint_embedding_loss(torch.zeros(2, 3), torch.zeros(2, 3), loss="hinge")
    with pytest.raises(InputError, match="one shape"):
        joint_embedding_loss(torch.zeros(2, 3), torch.zeros(3, 3))


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_a_temperature_is_above_0(temperature):
    with pytest.raises(InputError, match="temperature"):
        joint_embedding_loss(
            torch.eye(2), torch.eye(2), loss="contrastive", temperature=temperature
        )
