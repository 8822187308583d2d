"""Updates that a GPU repeats without being told each of their thousand operations again."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["Replayed", "Update"]

Update = Callable[[Tensor, Tensor], dict[str, Tensor]]

WARM_UP = 3
"""Updates before the recording: libraries choose their algorithms, optimisers make their state."""


class Replayed:
    """An update recorded as a CUDA graph: with one image a batch, launching is most of the time.

    Every call makes one update. The first few run as they are, the next is recorded, and from then
    on the graph is replayed with other images, other random numbers and whatever weights, averages
    and learning rates stand in the tensors that were recorded.

    Args:
        update: Takes inputs and targets on the device; returns losses. Everything that changes
            from call to call it must keep in tensors of its own.
        device: A CUDA device.
        layout: Of the images in memory.

    Source: https://docs.pytorch.org/docs/stable/notes/cuda.html ("CUDA Graphs").
    """

    def __init__(self, update: Update, device: torch.device, layout: torch.memory_format) -> None:
        """Record nothing yet."""
        self._update, self._device, self._layout = update, device, layout
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._graph: torch.cuda.CUDAGraph | None = None
        self._images: list[Tensor] = []
        self._losses: dict[str, Tensor] = {}
        self._calls = 0

    def __call__(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Update by a batch in the memory of the CPU; every batch has the shape of the first.

        Raises:
            ValueError: It has another shape.
        """
        with torch.cuda.device(self._device):
            self._take(x, y)
            self._calls += 1
            if self._calls <= WARM_UP:
                return self._run()
            if self._graph is None:
                self._graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(self._graph, stream=self._stream):
                    self._losses = self._update(*self._images)
            self._graph.replay()
            return {name: loss.clone() for name, loss in self._losses.items()}

    def _take(self, *images: Tensor) -> None:
        """Put images where the graph reads them."""
        if not self._images:
            self._images = [
                torch.empty(image.shape, device=self._device, memory_format=self._layout)
                for image in images
            ]
        for held, given in zip(self._images, images, strict=True):
            if held.shape != given.shape:
                raise ValueError(
                    f"got images of shape {tuple(given.shape)}, expected {tuple(held.shape)}: a "
                    "recorded update takes one shape"
                )
            held.copy_(given.pin_memory(), non_blocking=True)

    def _run(self) -> dict[str, Tensor]:
        """Run the update as it is, on a stream of its own, as a recording needs it."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            losses = self._update(*self._images)
        torch.cuda.current_stream().wait_stream(self._stream)
        return losses
