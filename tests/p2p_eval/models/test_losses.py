"""The losses against their definitions, in float64."""

from __future__ import annotations

import math

import pytest
import torch

from p2p_eval.models import LOSSES, discriminator_loss, generator_loss


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_there_are_the_papers() -> None:
    assert set(LOSSES) == {
        "L1", "L2", "GAN", "cGAN", "L1+GAN", "L1+cGAN", "L2+GAN", "L2+cGAN",
    }  # fmt: skip
    for name, loss in LOSSES.items():
        assert loss.adversarial == ("GAN" in name)
        assert loss.conditional == ("cGAN" in name)
        assert (loss.pixel or "") == (name[:2] if name[0] == "L" else "")


def test_discriminator_loss_is_half_of_the_definition() -> None:
    real, fake = random(2, 1, 5, 5), random(2, 1, 5, 5) * 3 - 1
    defined = -torch.log(real.sigmoid()).mean() - torch.log(1 - fake.sigmoid()).mean()
    torch.testing.assert_close(discriminator_loss(real, fake), defined / 2, rtol=1e-12, atol=0)


def test_generator_maximises_log_d() -> None:
    """Non-saturating: where D is sure that an image is fake, the gradient is still there."""
    logits = torch.tensor([-40.0], dtype=torch.float64, requires_grad=True)
    x = torch.zeros(1, 1, 1, 1, dtype=torch.float64)
    (loss,) = generator_loss(LOSSES["cGAN"], x, x, logits).values()
    loss.backward()
    assert float(loss.detach()) == pytest.approx(40)
    assert logits.grad is not None
    assert float(logits.grad) == pytest.approx(-1)


@pytest.mark.parametrize("name", list(LOSSES))
def test_terms(name: str) -> None:
    generated, target, logits = random(2, 3, 4, 4), random(2, 3, 4, 4) * 2, random(2, 1, 3, 3)
    loss = LOSSES[name]
    terms = generator_loss(loss, generated, target, logits, weight=10)
    assert set(terms) == {
        *(["G_GAN"] if loss.adversarial else []),
        *([f"G_{loss.pixel}"] if loss.pixel else []),
    }
    if loss.pixel == "L1":
        assert float(terms["G_L1"]) == pytest.approx(10 * float((generated - target).abs().mean()))
    if loss.pixel == "L2":
        assert float(terms["G_L2"]) == pytest.approx(10 * float((generated - target).pow(2).mean()))
    if loss.adversarial:
        assert float(terms["G_GAN"]) == pytest.approx(-float(logits.sigmoid().log().mean()))


def test_saturated_logits_stay_finite() -> None:
    far = torch.tensor([1e4], dtype=torch.float32)
    assert math.isfinite(float(discriminator_loss(-far, far)))


def test_a_gan_needs_logits() -> None:
    x = random(1, 1, 2, 2)
    with pytest.raises(ValueError, match="got no logits"):
        generator_loss(LOSSES["GAN"], x, x, None)
