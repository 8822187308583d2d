"""How much do several outputs for one input differ? Mean pairwise LPIPS.

The paper leaves open whether dropout makes the outputs for one input vary. The measure is that of
Zhu, Zhang, Pathak, Darrell, Efros, Wang, Shechtman, *Toward Multimodal Image-to-Image Translation*
(BicycleGAN), NIPS 2017, https://github.com/junyanz/BicycleGAN, who average over random pairs of
samples; here all pairs of the samples of one input count. 0 where all are equal; higher is more
diverse, which is neither better nor worse.
"""

from __future__ import annotations

from itertools import combinations

from torch import Tensor

from p2p_eval.metrics.metric import Features

__all__ = ["mean_pairwise"]


def mean_pairwise(samples: Tensor, features: Features) -> float:
    """Return the mean distance over all pairs of samples of one input.

    Args:
        samples: uint8, ``(S, 3, H, W)``, two or more.
        features: Of LPIPS, or of any metric of two steps; each sample's are computed once.

    Raises:
        ValueError: There are fewer than two samples, or the metric cannot take them.

    Example:
        >>> import torch
        >>> means = Features(
        ...     lambda images: [(image.double().mean(),) for image in images],
        ...     lambda x, y: (x[0] - y[0]).abs(),
        ...     lambda x, others: torch.stack([*map(means.distance, means.of(x), others)]),
        ... )
        >>> samples = torch.tensor([0, 3, 9], dtype=torch.uint8).view(3, 1, 1, 1)
        >>> mean_pairwise(samples.expand(3, 3, 4, 4), means)
        6.0
    """
    if len(samples) < 2:
        raise ValueError(f"got {len(samples)} samples of one input, expected at least two")
    distances = [float(features.distance(x, y)) for x, y in combinations(features.of(samples), 2)]
    return sum(distances) / len(distances)
