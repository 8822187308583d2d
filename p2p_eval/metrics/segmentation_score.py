"""The scores of :mod:`p2p_eval.metrics.confusion` as a streaming ``torchmetrics`` class."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric

from p2p_eval.metrics.confusion import (
    FIGURES,
    Protocol,
    check_protocol,
    check_sizes,
    histogram,
    scores,
)

__all__ = ["SegmentationScore"]


class SegmentationScore(Metric):
    """Pixel accuracy, class accuracy and class IOU over frames, in 0-1; higher is better.

    The state is a sum, so ranks of ``torch.distributed`` and merged metrics give exactly what one
    pass over all frames gives.

    Args:
        num_classes: Number of classes, K.
        outputs: Number of the network's outputs, K or K + 1; K by default.
        protocol: ``paper`` or ``strict``, see :mod:`p2p_eval.metrics.confusion`.

    Raises:
        ValueError: The numbers do not fit, or the protocol is unknown.

    Source: ``scripts/eval_cityscapes`` of https://github.com/phillipi/pix2pix.

    Example:
        >>> metric = SegmentationScore(num_classes=2)
        >>> metric.update(torch.tensor([[[0, 1]]]), torch.tensor([[[0, 0]]]))
        >>> {name: round(float(value), 3) for name, value in metric.compute().items()}
        {'per_pixel_acc': 0.5, 'per_class_acc': 0.25, 'class_iou': 0.25}
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    histogram: Tensor
    frames: Tensor
    dropped_frames: Tensor

    def __init__(
        self, num_classes: int, outputs: int | None = None, protocol: Protocol = "paper"
    ) -> None:
        """Start with no frames."""
        super().__init__()
        outputs = num_classes if outputs is None else outputs
        check_sizes(num_classes, outputs)
        check_protocol(protocol)
        self.num_classes, self.outputs = num_classes, outputs
        self.protocol: Protocol = protocol
        columns = num_classes if protocol == "paper" else outputs
        self.add_state(
            "histogram",
            torch.zeros(num_classes, columns, dtype=torch.int64),
            dist_reduce_fx="sum",
        )
        self.add_state("frames", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("dropped_frames", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add frames.

        Args:
            prediction: Indices of outputs, integers, shape ``(N, H, W)``.
            target: Train ids, integers, shape ``(N, H, W)``; values that are no class are ignored.

        Raises:
            ValueError: Shapes differ, a value is no integer, or a prediction is not an output.
        """
        if prediction.shape != target.shape or prediction.ndim != 3:
            raise ValueError(
                f"got predictions of shape {tuple(prediction.shape)} and labels of shape "
                f"{tuple(target.shape)}, expected (N, H, W) for both"
            )
        if any(t.is_floating_point() or t.is_complex() for t in (prediction, target)):
            raise ValueError(f"got {prediction.dtype} and {target.dtype}, expected integers")
        target, prediction = target.long(), prediction.long()
        counted = (target >= 0) & (target < self.num_classes)
        wrong = counted & ((prediction < 0) | (prediction >= self.outputs))
        if bool(wrong.any()):
            raise ValueError(
                f"got a prediction of {int(prediction[wrong][0])}, expected 0 to "
                f"{self.outputs - 1} from a network of {self.outputs} outputs"
            )
        frame = torch.arange(len(target), device=target.device).view(-1, 1, 1)
        cells = ((frame * self.num_classes + target) * self.outputs + prediction)[counted]
        shape = (len(target), self.num_classes, self.outputs)
        counts = torch.bincount(cells, minlength=shape[0] * shape[1] * shape[2]).view(shape)
        hist, dropped = histogram(counts.cpu().numpy(), self.protocol)
        self.histogram += torch.from_numpy(hist.sum(0)).to(self.histogram.device)
        self.frames += len(target)
        self.dropped_frames += int(dropped.sum())

    def compute(self) -> dict[str, Tensor]:
        """Return ``per_pixel_acc``, ``per_class_acc`` and ``class_iou``, float64 scalars."""
        result = scores(self.histogram.cpu().numpy(), self.protocol)
        return {
            name: torch.tensor(float(getattr(result, name)), dtype=torch.float64)
            for name in FIGURES
        }
