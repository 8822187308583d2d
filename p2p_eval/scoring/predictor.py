"""What turns an image into a map of predicted outputs: the FCN-8s, on a CPU or a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, Protocol, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fcn.errors import WeightsError
from fcn.network import FCN8s, preprocess
from fcn.weights import Weights
from p2p_eval.device import pick_device
from p2p_eval.errors import InputError

__all__ = ["PRECISIONS", "NetworkPredictor", "Precision", "Predictor"]

Precision = Literal["fp32", "tf32", "bf16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


class Predictor(Protocol):
    """Anything that predicts; the network, or in tests what stands in for it.

    Attributes:
        outputs: Number of values that a prediction can have.
        settings: What of it changes predictions, as signature keys and values.
        identity: Equal for two predictors only if they predict the same, whatever the image.
    """

    @property
    def outputs(self) -> int: ...  # noqa: D102

    @property
    def settings(self) -> Mapping[str, str]: ...  # noqa: D102

    @property
    def identity(self) -> str: ...  # noqa: D102

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Predict: uint8 RGB ``(H, W, 3)`` to indices of outputs, uint8 ``(H, W)``."""


class NetworkPredictor:
    """The argmax of an FCN-8s over all its outputs, at the image's size.

    Images go through the network one at a time, so a prediction depends on nothing but its own
    image. Scores are float32 when they are compared, and a tie goes to the lower index.

    ``fp32`` is exact single precision. ``tf32`` lets a GPU's tensor cores round the factors to 10
    bits. ``bf16`` runs the convolutions in bfloat16, and the sum of the three score maps and
    their upsampling in float32.

    Args:
        weights: The network's.
        precision: ``fp32``, ``tf32`` (on a GPU only) or ``bf16``.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        InputError: There is no such device, or it has no such precision.
    """

    def __init__(
        self, weights: Weights, *, precision: Precision = "fp32", device: str = "auto"
    ) -> None:
        """Choose the device; the network is built when the first image comes."""
        self._weights: Weights | None = weights
        self._outputs, self._sha256, self._path = weights.outputs, weights.sha256, weights.path
        self._device = pick_device(device)
        self._precision = precision
        self._model: Callable[[Tensor], Tensor]
        if precision not in PRECISIONS:
            raise InputError(f"got precision {precision!r}, expected {', '.join(PRECISIONS)}")
        if precision == "tf32" and self._device.type != "cuda":
            raise InputError("tf32 is a precision of NVIDIA GPUs: use --precision fp32 on a CPU")

    @property
    def outputs(self) -> int:
        """Number of the network's score maps."""
        return self._outputs

    @property
    def settings(self) -> Mapping[str, str]:
        """Weights (12 digits of the file's sha256), precision, and kind of device."""
        return {
            "weights": self._sha256[:12],
            "precision": self._precision,
            "device": self._device.type,
        }

    @property
    def identity(self) -> str:
        """The whole sha256 of the weights file."""
        return self._sha256

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Predict: uint8 RGB ``(H, W, 3)`` to indices of outputs, uint8 ``(H, W)``.

        Raises:
            WeightsError: A score is NaN or infinite.
            InputError: The GPU has too little memory for the image.
        """
        try:
            return self._predict(image)
        except torch.cuda.OutOfMemoryError as error:
            height, width = image.shape[:2]
            raise InputError(
                f"the GPU has too little memory for an image of {width}×{height} pixels; end what "
                "else runs on it, or use --precision bf16 or --device cpu"
            ) from error

    def _predict(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        with torch.inference_mode(), self._arithmetic():
            pixels = torch.from_numpy(image).to(self._device)
            scores = self._network(preprocess(pixels.permute(2, 0, 1)[None])).float()
            # torch.max promises the first of equal values, as numpy's argmax does.
            best, index = scores.max(dim=1)
            if not bool(torch.isfinite(best).all()):
                raise WeightsError(
                    f"{self._path}: the network's scores are NaN or infinite; "
                    "its values are out of range: check the file with `p2p-eval weights verify`"
                )
            result: NDArray[np.uint8] = index[0].to(torch.uint8).cpu().numpy()
        return result

    def _network(self, images: Tensor) -> Tensor:
        if self._weights is not None:
            self._model = self._build(self._weights)
            self._weights = None  # the fast network has tables of its own: half a gigabyte less
        return self._model(images)

    def _build(self, weights: Weights) -> Callable[[Tensor], Tensor]:
        mixed = self._precision == "bf16"
        model = _MixedFCN8s.from_state(weights.state) if mixed else weights.build()
        if self._device.type == "cuda":
            # Tensor cores read channels last; others would be reordered for every convolution.
            plain = self._precision == "fp32"
            layout = torch.contiguous_format if plain else torch.channels_last
            return model.to(self._device, memory_format=layout)  # type: ignore[no-any-return, call-overload]
        if mixed:
            return model
        from fcn.fast import FastFCN8s

        return FastFCN8s(model)

    @contextmanager
    def _arithmetic(self) -> Iterator[None]:
        """Set the arithmetic of the precision, and put back what was set before.

        Deterministic algorithms and no timing trials: the same image gives the same bits.
        """
        with (
            torch.backends.cudnn.flags(
                enabled=True,
                benchmark=False,
                deterministic=True,
                allow_tf32=self._precision == "tf32",
            ),
            torch.autocast(
                self._device.type, dtype=torch.bfloat16, enabled=self._precision == "bf16"
            ),
        ):
            yield


class _MixedFCN8s(FCN8s):
    """FCN-8s whose score maps are added and upsampled in float32 under autocast."""

    def decode(self, score: Tensor, pool4: Tensor, pool3: Tensor, size: tuple[int, int]) -> Tensor:
        """Upsample in float32."""
        with torch.autocast(score.device.type, enabled=False):
            return super().decode(score.float(), pool4.float(), pool3.float(), size)
