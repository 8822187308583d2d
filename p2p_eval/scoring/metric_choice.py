"""Which metrics do the names stand for that a user gives?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from p2p_eval.errors import InputError
from p2p_eval.metrics.catalogue import METRICS
from p2p_eval.metrics.metric import Metric

if TYPE_CHECKING:
    from p2p_eval.metrics.backbones import BackboneName

__all__ = ["DEFAULT_METRICS", "Chosen", "Unavailable", "choose", "resolve"]

DEFAULT_METRICS = ("psnr", "ssim", "gmsd", "lpips")
"""What is measured unless something else is asked for."""

LPIPS: dict[str, BackboneName] = {
    "lpips[alex-v0.1]": "alex",
    "lpips[vgg-v0.1]": "vgg",
    "lpips[squeeze-v0.1]": "squeeze",
}
SET_METRICS = ("fid", "kid")
ALIASES = {
    "lpips": ("lpips[alex-v0.1]",),
    "lpips[alex]": ("lpips[alex-v0.1]",),
    "lpips[vgg]": ("lpips[vgg-v0.1]",),
    "lpips[squeeze]": ("lpips[squeeze-v0.1]",),
    "spectrum": ("spectrum[blur]", "spectrum[tiling]"),
}


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A metric that cannot run here, and why."""

    metric: str
    reason: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """Metrics of pairs, names of metrics of whole sets, and those that cannot run."""

    metrics: tuple[Metric, ...]
    sets: tuple[str, ...]
    unavailable: tuple[Unavailable, ...]


def resolve(names: str | Sequence[str]) -> tuple[str, ...]:
    """Give the full names of metrics, each once, in the order asked for.

    Args:
        names: Names, aliases and variants; one text holds them with commas between.

    Raises:
        InputError: A name is none, or there are none.

    Example:
        >>> resolve("lpips, fid, lpips[alex]")
        ('lpips[alex-v0.1]', 'fid')
    """
    names = names.split(",") if isinstance(names, str) else names
    known = (*METRICS, *LPIPS, *SET_METRICS)
    full: dict[str, None] = {}
    for name in (name.strip().lower() for name in names):
        found = ALIASES.get(name, (name,))
        if not set(found) <= set(known):
            raise InputError(
                f"got metric {name!r}, expected some of {', '.join((*known, *ALIASES))}"
            )
        full.update(dict.fromkeys(found))
    if not full:
        raise InputError(f"got no metric, expected some of {', '.join(known)}")
    return tuple(full)


def choose(names: str | Sequence[str], lpips_weights: Path | None, device: str) -> Chosen:
    """Make the metrics of these names; LPIPS without its weights is told apart.

    Args:
        names: As :func:`resolve` takes them.
        lpips_weights: A file of the weights of the one LPIPS backbone that is asked for.
        device: ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        InputError: As :func:`resolve`; or the file of weights cannot be used, or fits no metric.
    """
    full = resolve(names)
    wanted = [name for name in full if name in LPIPS]
    if lpips_weights is not None and len(wanted) != 1:
        raise InputError(
            f"got LPIPS weights for {', '.join(wanted) or 'no LPIPS metric'}, expected exactly one "
            "to go with them, such as lpips[alex]"
        )
    metrics, unavailable = [], []
    for name in full:
        if name in METRICS:
            metrics.append(METRICS[name])
        elif name in LPIPS:
            from p2p_eval.metrics.lpips import load_lpips

            try:
                metrics.append(load_lpips(LPIPS[name], weights=lpips_weights, device=device))
            except InputError as error:
                if lpips_weights is not None:
                    raise
                unavailable.append(Unavailable(name, str(error)))
    sets = tuple(name for name in full if name in SET_METRICS)
    return Chosen(tuple(metrics), sets, tuple(unavailable))
