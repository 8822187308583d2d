"""Other packages' image metrics, each behind the same call: one adapter a package and metric.

An adapter takes what p2p-eval's own functions take, two batches of uint8 RGB images
``(N, 3, H, W)``, and returns one value a pair. It asks its package for the same definition, by the
fastest of the package's public ways that keeps to it: what a package lacks (MATLAB's gray) is made
for it here, and what cannot be had is named in the peer's note.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from types import ModuleType
from typing import Any

import numpy as np
import torch
from metrics_timing import Measure
from metrics_weights import linear_weights_file
from torch import Tensor


@dataclass(frozen=True)
class Peer:
    """A package's way to a metric.

    Attributes:
        package: As it is installed.
        make: Imports the package and builds what it needs.
        note: Where its values are of another definition than ours.
    """

    package: str
    make: Callable[[], Measure]
    note: str = ""

    @property
    def version(self) -> str:
        return version(self.package)


def gray(images: Tensor) -> Tensor:
    """MATLAB's rgb2gray of uint8 images, rounded, as float32: for packages without it."""
    if images.shape[1] == 1:
        return images.float()
    total = images[:, :1] * 0.298936
    return total.add_(images[:, 1:2], alpha=0.587043).add_(images[:, 2:], alpha=0.114021).round_()


def unit(images: Tensor) -> Tensor:
    return images.float().div_(255)


def one_by_one(measure: Callable[[Any, Any], float], x: Tensor, y: Tensor) -> Tensor:
    return torch.tensor([measure(*pair) for pair in zip(x.numpy(), y.numpy(), strict=True)])


def piqa_psnr() -> Measure:
    import piqa.psnr

    return lambda x, y: piqa.psnr.psnr(x.float(), y.float(), value_range=255.0)


def piqa_ssim(channels: int, scales: int) -> Measure:
    import piqa.ssim

    kernel = piqa.ssim.gaussian_kernel(11, 1.5).repeat(channels, 1, 1)
    weights = piqa.ssim.MS_SSIM.WEIGHTS

    def run(x: Tensor, y: Tensor) -> Tensor:
        x, y = (gray(x), gray(y)) if channels == 1 else (x.float(), y.float())
        if scales > 1:
            return piqa.ssim.ms_ssim(x, y, kernel, weights, value_range=255.0)
        return piqa.ssim.ssim(x, y, kernel, value_range=255.0)[0]

    return run


def piqa_gmsd() -> Measure:
    import piqa.gmsd
    from torch.nn.functional import avg_pool2d

    kernel = piqa.gmsd.gradient_kernel(piqa.gmsd.prewitt_kernel())
    return lambda x, y: piqa.gmsd.gmsd(
        avg_pool2d(gray(x), 2), avg_pool2d(gray(y), 2), kernel, value_range=255.0
    )


def piqa_lpips(net: str) -> Measure:
    import piqa

    model = piqa.LPIPS(network=net, reduction="none")
    return lambda x, y: model(unit(x), unit(y))


def piq_function(name: str, to_gray: bool, **settings: Any) -> Measure:
    import piq

    function, convert = getattr(piq, name), gray if to_gray else Tensor.float
    return lambda x, y: function(
        convert(x), convert(y), data_range=255, reduction="none", **settings
    )


def piq_lpips() -> Measure:
    import piq

    model = piq.LPIPS(reduction="none")
    return lambda x, y: model(unit(x), unit(y))


def pyiqa_metric(name: str, **settings: Any) -> Measure:
    import pyiqa

    with redirect_stdout(sys.stderr):  # it says which file it read
        metric = pyiqa.create_metric(name, device="cpu", **settings)
    return lambda x, y: metric(unit(x), unit(y)).flatten()


def pyiqa_lpips(net: str) -> Measure:
    return pyiqa_metric("lpips", net=net, pretrained_model_path=str(linear_weights_file(net)))


def torchmetrics_psnr() -> Measure:
    from torchmetrics.functional.image import peak_signal_noise_ratio

    return lambda x, y: peak_signal_noise_ratio(
        x, y, data_range=255.0, dim=(1, 2, 3), reduction="none"
    )


def torchmetrics_ssim(name: str, to_gray: bool) -> Measure:
    import torchmetrics.functional.image as functional

    function, convert = getattr(functional, name), gray if to_gray else Tensor.float
    return lambda x, y: function(convert(x), convert(y), data_range=255.0, reduction="none")


def torchmetrics_lpips(net: str) -> Measure:
    from torchmetrics.image import LearnedPerceptualImagePatchSimilarity

    model = LearnedPerceptualImagePatchSimilarity(net_type=net).net  # the metric itself pools
    return lambda x, y: model(unit(x), unit(y), normalize=True).flatten()


def skimage_metrics() -> ModuleType:
    import skimage.metrics

    return skimage.metrics


def skimage_psnr() -> Measure:
    function = skimage_metrics().peak_signal_noise_ratio
    return partial(one_by_one, lambda x, y: function(y, x, data_range=255))


def skimage_ssim(channels: int) -> Measure:
    function = partial(
        skimage_metrics().structural_similarity,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=0,
    )
    if channels == 1:
        return lambda x, y: one_by_one(function, gray(x), gray(y))
    return lambda x, y: one_by_one(function, x.float(), y.float())


def skimage_ciede2000() -> Measure:
    from skimage.color import deltaE_ciede2000, rgb2lab

    def run(x: np.ndarray, y: np.ndarray) -> float:
        first, second = (rgb2lab(image / np.float32(255), channel_axis=0) for image in (x, y))
        return float(deltaE_ciede2000(first, second, channel_axis=0).mean())

    return partial(one_by_one, run)


def lpips_package(net: str) -> Measure:
    import lpips

    model = lpips.LPIPS(net=net, verbose=False)
    return lambda x, y: model(unit(x), unit(y), normalize=True).flatten()


def lpips_peers(net: str) -> list[Peer]:
    peers = [
        Peer("lpips", partial(lpips_package, net)),
        Peer("piqa", partial(piqa_lpips, net)),
        Peer("torchmetrics", partial(torchmetrics_lpips, net)),
        Peer("pyiqa", partial(pyiqa_lpips, net)),
    ]
    return [*peers, Peer("piq", piq_lpips)] if net == "vgg" else peers


MIRRORED = "mean over all pixels, the border mirrored"
OWN_LUMA = "its own luma (0.299, 0.587, 0.114)"
CAPPED = "adds 1e-8 to the squared error"
PEERS: dict[str, list[Peer]] = {
    "psnr": [
        Peer("piqa", piqa_psnr, CAPPED),
        Peer("piq", partial(piq_function, "psnr", False), CAPPED),
        Peer("torchmetrics", torchmetrics_psnr),
        Peer("scikit-image", skimage_psnr),
        Peer("pyiqa", partial(pyiqa_metric, "psnr"), CAPPED),
    ],
    "ssim": [
        Peer("piqa", partial(piqa_ssim, 1, 1)),
        Peer("piq", partial(piq_function, "ssim", True)),
        Peer(
            "torchmetrics",
            partial(torchmetrics_ssim, "structural_similarity_index_measure", True),
            MIRRORED,
        ),
        Peer("scikit-image", partial(skimage_ssim, 1)),
        Peer("pyiqa", partial(pyiqa_metric, "ssim"), OWN_LUMA),
    ],
    "ssim[rgb]": [
        Peer("piqa", partial(piqa_ssim, 3, 1)),
        Peer("piq", partial(piq_function, "ssim", False)),
        Peer(
            "torchmetrics",
            partial(torchmetrics_ssim, "structural_similarity_index_measure", False),
            MIRRORED,
        ),
        Peer("scikit-image", partial(skimage_ssim, 3)),
        Peer("pyiqa", partial(pyiqa_metric, "ssimc")),
    ],
    "ms-ssim": [
        Peer("piqa", partial(piqa_ssim, 1, 5)),
        Peer("piq", partial(piq_function, "multi_scale_ssim", True)),
        Peer(
            "torchmetrics",
            partial(torchmetrics_ssim, "multiscale_structural_similarity_index_measure", True),
            MIRRORED,
        ),
        Peer("pyiqa", partial(pyiqa_metric, "ms_ssim"), OWN_LUMA),
    ],
    "gmsd": [
        Peer("piqa", piqa_gmsd),
        Peer("piq", partial(piq_function, "gmsd", True), "divides by N, not by N−1"),
        Peer("pyiqa", partial(pyiqa_metric, "gmsd"), OWN_LUMA),
    ],
    "ciede2000": [Peer("scikit-image", skimage_ciede2000)],
    "lpips[alex]": lpips_peers("alex"),
    "lpips[squeeze]": lpips_peers("squeeze"),
    "lpips[vgg]": lpips_peers("vgg"),
}


def peer(metric: str, package: str) -> Peer:
    return next(peer for peer in PEERS[metric] if peer.package == package)
