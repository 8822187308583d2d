"""The losses that the paper compares.

    G* = arg min_G max_D  E log D(x, y) + E log(1 − D(x, G(x))) + λ E |y − G(x)|

``cGAN`` is the first two terms, ``GAN`` the same with a discriminator that does not see the input
x, ``L1`` and ``L2`` the last one with absolute and squared differences; sums add them. G maximises
log D(x, G(x)) instead of minimising log(1 − D(x, G(x))), and D's loss is halved.

Source: Isola et al. 2017, sections 3.1 and 3.3; https://github.com/phillipi/pix2pix
(``train.lua``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["LOSSES", "Loss", "discriminator_loss", "generator_loss"]


@dataclass(frozen=True, slots=True)
class Loss:
    """What a generator is trained with.

    Attributes:
        pixel: The distance of pixels, if there is one.
        adversarial: Whether there is a discriminator.
        conditional: Whether it sees the input.
    """

    pixel: Literal["L1", "L2"] | None = None
    adversarial: bool = False
    conditional: bool = False


LOSSES: Mapping[str, Loss] = {
    "L1":      Loss("L1"),
    "L2":      Loss("L2"),
    "GAN":     Loss(None, adversarial=True),
    "cGAN":    Loss(None, adversarial=True, conditional=True),
    "L1+GAN":  Loss("L1", adversarial=True),
    "L1+cGAN": Loss("L1", adversarial=True, conditional=True),
    "L2+GAN":  Loss("L2", adversarial=True),
    "L2+cGAN": Loss("L2", adversarial=True, conditional=True),
}  # fmt: skip
"""The losses by the paper's names."""

PIXEL = {"L1": F.l1_loss, "L2": F.mse_loss}


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return what D minimises: half the sum of −log D(real) and −log(1 − D(fake)), ≥ 0.

    Args:
        real: Logits of real images, any shape.
        fake: Logits of generated images.

    Example:
        >>> print(f"{float(discriminator_loss(torch.zeros(1), torch.zeros(1))):.4f}")
        0.6931
    """
    of_real = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
    of_fake = F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    return (of_real + of_fake) / 2


def generator_loss(
    loss: Loss, generated: Tensor, target: Tensor, logits: Tensor | None, weight: float = 100.0
) -> dict[str, Tensor]:
    """Return the terms that G minimises the sum of, each ≥ 0.

    Args:
        loss: Which terms there are.
        generated: Images in [-1, 1], ``(N, C, H, W)``.
        target: What they should be, of the same shape.
        logits: D's judgement of the generated images, where there is a D.
        weight: λ, the factor of the distance of pixels.

    Returns:
        ``G_GAN``, the mean of −log D, and ``G_L1`` or ``G_L2``, λ times the mean distance; those
        of them that the loss has.

    Raises:
        ValueError: The loss has a discriminator and there are no logits.

    Example:
        >>> x = torch.zeros(1, 3, 4, 4)
        >>> {k: float(v) for k, v in generator_loss(LOSSES["L1"], x, x + 0.5, None).items()}
        {'G_L1': 50.0}
    """
    terms = {}
    if loss.adversarial:
        if logits is None:
            raise ValueError("got no logits, expected D's judgement of the generated images")
        terms["G_GAN"] = F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
    if loss.pixel is not None:
        terms[f"G_{loss.pixel}"] = weight * PIXEL[loss.pixel](generated, target)
    return terms
