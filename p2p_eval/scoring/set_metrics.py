"""FID and KID: how far the set of generated images lies from the set of real ones.

Both are computed by the package torch-fidelity from the features of its Inception-v3; nothing of
them is written anew here. They are of sets: no image has a value of its own.

Source: Heusel et al., *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
Equilibrium*, NeurIPS 2017 (FID); Bińkowski et al., *Demystifying MMD GANs*, ICLR 2018 (KID);
https://github.com/toshas/torch-fidelity.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Collection, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from p2p_eval.errors import InputError
from p2p_eval.metrics.hub import hub_file
from p2p_eval.results.images import ImageRef, read_rgb

__all__ = ["ImageSet", "SetFigure", "SetMetrics", "set_note"]

EXTRACTOR = "inception-v3-compat"
LAYER = 2048
WEIGHTS_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
KID_SUBSETS = 100
KID_SUBSET_SIZE = 1000


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Images, and a digest of their content."""

    images: tuple[ImageRef, ...]
    digest: str

    @classmethod
    def of(cls, images: Iterable[tuple[ImageRef, str]]) -> ImageSet:
        """Make a set of images and the sha256 of each one's file."""
        pairs = list(images)
        content = "\n".join(f"{sha256} {image.half}" for image, sha256 in pairs)
        return cls(tuple(image for image, _ in pairs), hashlib.sha256(content.encode()).hexdigest())


class _Decoded(Dataset[Tensor]):
    """Images that are decoded when they are asked for: uint8, ``(3, H, W)``."""

    def __init__(self, images: tuple[ImageRef, ...], step: Callable[[], None]) -> None:
        self._images = images
        self._step = step
        self._done = 0

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Tensor:
        pixels = torch.from_numpy(read_rgb(self._images[index]))
        if index == self._done:  # the first one is asked for twice
            self._done += 1
            self._step()
        return pixels.permute(2, 0, 1)


@dataclass(frozen=True, slots=True)
class SetFigure:
    """One figure of two sets: its value, and the deviation of KID over its random subsets."""

    value: float
    std: float | None = None


def set_note(name: str, images: int) -> str | None:
    """Return what a reader of a figure of so many images should know."""
    if name == "fid" and images < LAYER:
        return (
            f"warning: fid of {images} images, fewer than its {LAYER} features: the covariance "
            "has not full rank and the figure is too high; compare it only with figures of as "
            "many images"
        )
    if name == "kid" and _kid_subsets(images) == 1:
        return (
            f"note: kid of {images} images: one subset that holds them all in place of "
            f"{KID_SUBSETS} of {KID_SUBSET_SIZE}, so it has no standard deviation"
        )
    return None


class SetMetrics:
    """FID and KID by torch-fidelity.

    Use as a context manager: features of a set that appears again, as the real images of several
    experiments do, are kept in a temporary folder until it ends. Memory holds one image at a time,
    and 8 KiB of features for each image of both sets. Lower is better for both; KID can be slightly
    negative.

    Args:
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        seed: Of KID's subsets.

    Raises:
        InputError: torch-fidelity is not installed, or its weights are not there and cannot be
            fetched, or are damaged.
    """

    def __init__(self, *, device: str = "cpu", seed: int = 0) -> None:
        """Find the package and the weights; nothing is computed yet."""
        if importlib.util.find_spec("torch_fidelity") is None:
            raise InputError(
                "FID and KID need the package torch-fidelity, which is not installed: "
                "pip install 'p2p-eval[fid]'"
            )
        self._device = torch.device(device)
        self._seed = seed
        from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

        self._weights = hub_file(
            URL_INCEPTION_V3, WEIGHTS_SHA256, needed_by="The network of FID and KID"
        )
        self._cache = TemporaryDirectory(prefix="p2p-eval-")

    def __enter__(self) -> SetMetrics:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove the kept features."""
        self._cache.cleanup()

    def settings(self, name: str, images: int) -> dict[str, str]:
        """Return everything that a figure of so many images depends on, in order."""
        import torch_fidelity

        settings = {
            "input": "uint8",
            "extractor": EXTRACTOR,
            "layer": str(LAYER),
            "weights-sha256": WEIGHTS_SHA256[:16],
            "torch-fidelity": torch_fidelity.__version__,
            "images": str(images),
            "device": self._device.type,
        }
        if name == "kid":
            settings |= {
                "kernel": "poly3",
                "subsets": str(_kid_subsets(images)),
                "subset-size": str(min(KID_SUBSET_SIZE, images)),
                "seed": str(self._seed),
            }
        return settings

    def measure(
        self,
        names: Collection[str],
        generated: ImageSet,
        real: ImageSet,
        *,
        step: Callable[[], None] = lambda: None,
    ) -> dict[str, SetFigure]:
        """Compute figures of two sets of equal size.

        Args:
            names: ``fid``, ``kid`` or both.
            generated: One set; its images may have any sizes.
            real: The other.
            step: Called for each image that goes through the network.

        Returns:
            The figures by name.

        Raises:
            InputError: There are fewer than two images, or one cannot be read.
        """
        count = len(generated.images)
        if count < 2:
            raise InputError(
                f"got {count} image(s), expected two or more: FID and KID are of sets, and get "
                "meaningful from some thousands"
            )
        raw = self._calculate(names, generated, real, step)
        figures = {}
        if "fid" in names:
            figures["fid"] = SetFigure(raw["frechet_inception_distance"])
        if "kid" in names:
            figures["kid"] = SetFigure(
                raw["kernel_inception_distance_mean"],
                raw["kernel_inception_distance_std"] if _kid_subsets(count) > 1 else None,
            )
        return {name: figures[name] for name in names}

    def _calculate(
        self,
        names: Collection[str],
        generated: ImageSet,
        real: ImageSet,
        step: Callable[[], None],
    ) -> dict[str, Any]:
        import torch_fidelity

        count = len(generated.images)
        on_gpu = self._device.type == "cuda"
        with (
            torch.cuda.device(self._device) if on_gpu else nullcontext(),
            torch.backends.cudnn.flags(
                enabled=True, benchmark=False, deterministic=True, allow_tf32=False
            ),
        ):
            result: dict[str, Any] = torch_fidelity.calculate_metrics(
                input1=_Decoded(generated.images, step),
                input2=_Decoded(real.images, step),
                input1_cache_name=generated.digest,
                input2_cache_name=real.digest,
                cache_root=self._cache.name,
                fid="fid" in names,
                kid="kid" in names,
                kid_subsets=_kid_subsets(count),
                kid_subset_size=min(KID_SUBSET_SIZE, count),
                rng_seed=self._seed,
                feature_extractor=EXTRACTOR,
                feature_extractor_weights_path=str(self._weights),
                cuda=on_gpu,
                batch_size=1,  # images may differ in size; on a CPU larger batches gain nothing
                save_cpu_ram=True,  # no processes that decode ahead
                verbose=False,
            )
        return result


def _kid_subsets(images: int) -> int:
    """One, where every subset would hold all images."""
    return KID_SUBSETS if images > KID_SUBSET_SIZE else 1
