"""Any image metric as a streaming ``torchmetrics`` class."""

from __future__ import annotations

import torch
import torchmetrics
from torch import Tensor

from p2p_eval.metrics.catalogue import METRICS
from p2p_eval.metrics.metric import Metric

__all__ = ["ImageMetric"]


class ImageMetric(torchmetrics.Metric):
    """The mean of an image metric over all images, in the metric's unit.

    Infinite values (the PSNR of equal images) are left out of the mean and counted in
    ``infinite``. The states are sums, so ranks of ``torch.distributed`` and merged metrics give
    what one pass over all images gives.

    Args:
        metric: A name of :data:`p2p_eval.metrics.catalogue.METRICS`, or a metric such as
            :func:`p2p_eval.metrics.lpips.load_lpips` makes.

    Raises:
        ValueError: There is no metric of that name.

    Example:
        >>> metric = ImageMetric("psnr")
        >>> real = torch.full((2, 3, 8, 8), 100, dtype=torch.uint8)
        >>> metric.update(real + 1, real)
        >>> metric.update(real, real)
        >>> round(float(metric.compute()), 4), int(metric.infinite)
        (48.1308, 2)
    """

    is_differentiable = False
    full_state_update = False

    total: Tensor
    finite: Tensor
    infinite: Tensor

    def __init__(self, metric: str | Metric) -> None:
        """Start with no images."""
        super().__init__()
        if isinstance(metric, str):
            if metric not in METRICS:
                raise ValueError(f"metric: got {metric!r}, expected one of {', '.join(METRICS)}")
            metric = METRICS[metric]
        self.metric = metric
        self.add_state("total", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("finite", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("infinite", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, generated: Tensor, real: Tensor) -> None:
        """Add pairs of images.

        Args:
            generated: uint8 RGB, ``(N, 3, H, W)``.
            real: As ``generated``.

        Raises:
            ValueError: The images are not as above, or too small for the metric.
        """
        values = self.metric.measure(generated, real)
        infinite = values.isinf()
        self.total += values[~infinite].sum()
        self.finite += (~infinite).sum()
        self.infinite += infinite.sum()

    def compute(self) -> Tensor:
        """Return the mean of the finite values, a float64 scalar; NaN where there are none."""
        return self.total / self.finite
