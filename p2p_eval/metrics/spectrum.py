"""What an image's power spectrum tells beside the real one's: blur, and tiles.

Both figures compare power spectra of the gray image under a Hann window, which keeps the image's
border from leaking into all frequencies: with gray values ``g``, their mean ``m`` under the window
``w``, and the discrete-time Fourier transform ``F``,

    ``P(f) = |F[w (g - m)](f)|² / Σ w²  +  q² / 12``

White noise of variance σ² has ``P = σ²`` whatever the image's size. The last term is the noise of
rounding to whole gray values, of step ``q`` = peak / 255: less power than that cannot be told from
none, and it keeps the figures of flat images finite. Frequencies are in cycles per pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from p2p_eval.metrics.gray import gray
from p2p_eval.metrics.inputs import check_images
from p2p_eval.metrics.metric import Metric

__all__ = ["PERIOD", "RINGS", "VARIANTS", "spectrum_blur", "spectrum_tiling"]

RINGS = 16
"""Rings of equal width that ``spectrum[blur]`` looks at, from 1/4 to 1/2 cycle per pixel."""

PERIOD = 16
"""Pixels of the largest tile that ``spectrum[tiling]`` looks for; its divisors are found too."""

ROUNDING = 1 / 12
"""Power of rounding to whole gray values, whose step is 1 here."""

BLUR_SMALLEST = 32
TILING_SMALLEST = 4 * PERIOD


@torch.no_grad()
def spectrum_blur(
    x: Tensor, y: Tensor, *, peak: float | None = None, dtype: torch.dtype = torch.float64
) -> Tensor:
    """How much high-frequency power generated images have beside the real ones, in dB.

    ``mean over rings r of 10 log10(S_x(r) / S_y(r))``, where ``S(r)`` is the power ``P`` averaged
    over the ring: 16 rings of equal width from 1/4 to 1/2 cycle per pixel, the upper octave of what
    the image can hold.

    Args:
        x: Generated images, ``(N, C, H, W)``, C 1 (gray) or 3 (RGB); uint8, or floating in
            0 … ``peak``; at least 32 pixels a side.
        y: Real images, of the same shape and type.
        peak: The largest value that a pixel can have; required of floating images.
        dtype: What uint8 images are computed in, float32 or float64.

    Returns:
        float64 ``(N,)``: 0 for as much power as the real image has, negative for less, as of
        blurred images, positive for more, as of noisy ones. Nearer to zero is better.

    Raises:
        ValueError: As :func:`p2p_eval.metrics.inputs.check_images`.

    Source: the azimuthal average of Durall, Keuper, Keuper, *Watch your Up-Convolution: CNN Based
    Generative Deep Neural Networks are Failing to Reproduce Spectral Distributions*, CVPR 2020.
    That L1 alone gives blurry images: Isola et al., CVPR 2017, section 3.1. The band, the
    logarithms and the floor are ours.

    Example:
        >>> real = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
        >>> blurred = (real + real.roll(1, 3)) / 2
        >>> round(spectrum_blur(blurred, real, peak=1.0).item())
        -3
    """
    peak = check_images(x, y, peak=peak, smallest=BLUR_SMALLEST, dtype=dtype)
    return _each(_log_rings, x, y, peak, dtype)


@torch.no_grad()
def spectrum_tiling(
    x: Tensor, y: Tensor, *, peak: float | None = None, dtype: torch.dtype = torch.float64
) -> Tensor:
    """How much stronger generated images repeat every 16, 8, 4 or 2 pixels than real ones, in dB.

    A pattern of that period has its power at the frequencies ``f = (k, l) / 16`` alone, so there
    the spectrum has peaks. ``10 log10(M_x / M_y)``, where ``M`` is the mean over these frequencies,
    0 excepted, of ``P(f) / B(f)``, and ``B(f)`` is what the surroundings let expect: the mean of
    ``P`` half a step, 1/32, to the left and right, or above and below, whichever is larger, so that
    the ridges that edges make along an axis do not count as peaks.

    Args:
        x: Generated images, ``(N, C, H, W)``, C 1 (gray) or 3 (RGB); uint8, or floating in
            0 … ``peak``; at least 64 pixels a side.
        y: Real images, of the same shape and type.
        peak: The largest value that a pixel can have; required of floating images.
        dtype: What uint8 images are computed in, float32 or float64.

    Returns:
        float64 ``(N,)``: 0 for no more than the real image, positive for tiles. Nearer to zero is
        better.

    Raises:
        ValueError: As :func:`p2p_eval.metrics.inputs.check_images`.

    Source: the definition is ours. That a 16×16 PatchGAN tiles: Isola et al., CVPR 2017, section
    4.4; that such artefacts are peaks of the spectrum: Zhang, Karaman, Chang, *Detecting and
    Simulating Artifacts in GAN Fake Images*, WIFS 2019.

    Example:
        >>> noise = torch.rand(1, 1, 96, 96, generator=torch.Generator().manual_seed(0)) * 0.5
        >>> grid = noise.clone()
        >>> grid[..., ::16, :] += 0.5
        >>> bool(spectrum_tiling(grid, noise, peak=1.0) > 6)
        True
    """
    peak = check_images(x, y, peak=peak, smallest=TILING_SMALLEST, dtype=dtype)
    return _each(_log_peaks, x, y, peak, dtype)


def _each(
    logs: Callable[[Tensor], Tensor], x: Tensor, y: Tensor, peak: float, dtype: torch.dtype
) -> Tensor:
    """Mean difference of two images' logarithms, image by image."""
    differences = [
        (logs(_windowed(a, peak, dtype)) - logs(_windowed(b, peak, dtype))).mean()
        for a, b in zip(x, y, strict=True)
    ]
    return 10 * torch.stack(differences).to(x.device, torch.float64)


def _windowed(image: Tensor, peak: float, dtype: torch.dtype) -> Tensor:
    """The gray image ``(H, W)`` in 255ths of the peak, without its mean, under a window of 1."""
    luma = gray(image[None], dtype)[0, 0] * (255 / peak)
    rows, columns = (
        torch.hann_window(side, periodic=False, dtype=luma.dtype, device=luma.device)
        for side in luma.shape
    )
    window = rows[:, None] * columns
    mean = (window * luma).sum() / window.sum()
    return window * (luma - mean) / window.square().sum().sqrt()


def _power(values: Tensor) -> Tensor:
    transform: Tensor = torch.fft.fft2(values)
    return transform.real.square() + transform.imag.square() + ROUNDING


def _log_rings(values: Tensor) -> Tensor:
    """Logarithms of the power averaged over each ring."""
    # On the CPU: on a GPU, sums by index are made in any order.
    power = _power(values).cpu().flatten()
    rings, counts = _rings(*values.shape)
    sums = torch.bincount(rings, power, minlength=RINGS + 1)[:RINGS]
    return torch.log10(sums / counts)


@lru_cache(maxsize=8)
def _rings(height: int, width: int) -> tuple[Tensor, Tensor]:
    """The ring of each frequency, ``RINGS`` for none, and how many frequencies each ring has."""
    rows, columns = (torch.fft.fftfreq(side, dtype=torch.float64) for side in (height, width))
    rings = ((torch.hypot(rows[:, None], columns) - 0.25) * (4 * RINGS)).floor().long().flatten()
    rings = torch.where((rings >= 0) & (rings < RINGS), rings, RINGS)
    return rings, torch.bincount(rings, minlength=RINGS + 1)[:RINGS]


def _log_peaks(values: Tensor) -> Tensor:
    """Logarithm of the mean ratio of the power at the pattern's frequencies to that around them."""
    # What repeats adds up if the image is folded; the fold's transform is the image's, exactly, at
    # multiples of 1/32.
    step = 2 * PERIOD
    height, width = values.shape
    padded = pad(values, (0, -width % step, 0, -height % step))
    folded = padded.view(-1, step, padded.shape[1] // step, step).sum((0, 2))
    power = _power(folded)
    across, down = power[::2, 1::2], power[1::2, ::2]
    expected = torch.maximum(across + across.roll(1, 1), down + down.roll(1, 0)) / 2
    ratios = (power[::2, ::2] / expected).flatten()[1:]
    return torch.log10(ratios.mean())


_SETTINGS = {"gray": "rgb2gray", "window": "hann"}

VARIANTS: tuple[Metric, ...] = (
    Metric(
        "spectrum[blur]",
        "zero",
        "dB",
        _SETTINGS | {"band": "0.25-0.5", "rings": str(RINGS)},
        spectrum_blur,
        BLUR_SMALLEST,
        of_gray=True,
    ),
    Metric(
        "spectrum[tiling]",
        "zero",
        "dB",
        _SETTINGS | {"period": str(PERIOD)},
        spectrum_tiling,
        TILING_SMALLEST,
        of_gray=True,
    ),
)
