"""The doctor's checks of what the outputs show: photos, or labels painted in colours."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from p2p_eval.results.colors import MAX_FAR_SHARE
from p2p_eval.results.findings import Finding, counted, first
from p2p_eval.results.pairing import Pairing
from p2p_eval.results.survey import FrameFacts

__all__ = ["is_gray", "output_findings"]

FAR_SHARE_OF_RAW_OUTPUTS = 0.4
"""Share of far pixels that generators stay below: small U-Nets trained on scenes left 38 % after
their first 150 steps with L1 and cGAN, and 16-26 % with L1; heavy blur leaves 22 %."""

FAR_SHARE_OF_PHOTOS = 0.5
"""Share of far pixels above which images are not painted: photos have 58 % (scenes) to 100 %."""

SMOOTH = 1.0
"""Roughness that raw outputs stay above: 1.28 and more of those small U-Nets, 1.20 and more of two
people's pix2pix runs. A Gaussian blur of one pixel leaves 0.8, enlarging by four 0.7."""


def is_gray(fact: FrameFacts) -> bool:
    """Whether an image is gray by its header, and so cannot be painted labels."""
    return fact.image is not None and fact.image.mode.startswith("gray")


def output_findings(facts: list[FrameFacts], pairing: Pairing) -> list[Finding]:
    """Findings about the colours of the outputs, and their size beside the real label images."""
    if pairing.direction == "labels-to-photo":
        return [*_photos(facts)]
    return [*_gray(facts), *_painted(facts), *_smoothed(facts), *_sizes(facts, pairing)]


def _photos(facts: list[FrameFacts]) -> Iterable[Finding]:
    """Outputs that are label colours: halves the wrong way round, or a photo→labels run."""
    outputs = _mean(facts, lambda fact: fact.output_far)
    inputs = _mean(facts, lambda fact: fact.painted_far)
    if outputs is None or inputs is None or inputs <= 0.5 or outputs > 0.3:
        return
    yield Finding(
        "error", "output-is-labels", f"the outputs are painted in label colours ({1 - outputs:.0%} "
        f"of their pixels are) and the inputs are not ({1 - inputs:.0%})", (),
        "use --layout side-by-side:BA, or side-by-side if that was forced, so that the photos are "
        "the outputs; a photo→labels run is for seg-score" if _halves(facts)
        else "give the results of a labels→photo run; a photo→labels run is for seg-score",
    )  # fmt: skip


def _gray(facts: list[FrameFacts]) -> Iterable[Finding]:
    gray = [fact for fact in facts if is_gray(fact)]
    if gray:
        yield Finding(
            "error", "gray-results", f"{counted(len(gray), 'result')} of {len(facts)} are gray "
            "images: maps of label ids are not decoded", _where(gray, facts),
            "save them as RGB PNGs in which every label has its colour of the label set",
        )  # fmt: skip


def _painted(facts: list[FrameFacts]) -> Iterable[Finding]:
    """Outputs that are no painted labels: photos, maps of ids, colours of another label set."""
    outputs = _mean(facts, lambda fact: fact.output_far)
    photos = _mean(facts, lambda fact: fact.photo_far)
    if outputs is None or outputs <= FAR_SHARE_OF_RAW_OUTPUTS:
        return
    far = f"{outputs:.0%} of the outputs' pixels are far from every label colour"
    seen = [fact for fact in facts if fact.output_far is not None]
    if all(fact.gray for fact in seen):
        yield Finding(
            "error", "id-map-results", f"{far} and all are gray: maps of label ids are not "
            "decoded", (), "paint every label in its colour of the label set",
        )  # fmt: skip
    elif photos is not None and photos <= MAX_FAR_SHARE:
        yield Finding(
            "error", "output-is-photo", f"{far}, and {photos:.0%} of the inputs': the outputs are "
            "the photos", (),
            "use --layout side-by-side:BA, or side-by-side if that was forced, so that the labels "
            "are the outputs; a labels→photo run is for fcn-score" if _halves(facts)
            else "a labels→photo run is for fcn-score; give the results of a photo→labels run",
        )  # fmt: skip
    elif outputs > FAR_SHARE_OF_PHOTOS:
        yield Finding(
            "error", "output-is-photo", f"{far}, as if they were photos", (),
            "give the results of a photo→labels run, or the --label-set that they are painted "
            "with; a labels→photo run is for fcn-score",
        )  # fmt: skip
    else:
        yield Finding(
            "warning", "far-colors", f"{far}; raw outputs of a trained generator have fewer", (),
            "check the --label-set, and whether the images were changed after they were generated",
        )  # fmt: skip


def _smoothed(facts: list[FrameFacts]) -> Iterable[Finding]:
    value = _mean(facts, lambda fact: fact.roughness)
    if value is not None and value < SMOOTH:
        yield Finding(
            "warning", "smoothed-results", f"the outputs are smoother (roughness {value:.2f}) than "
            f"what generators write ({SMOOTH:.1f} and more): blended colours are decoded as "
            "classes that nobody painted", (),
            "give the images as they were generated, neither resized nor filtered",
        )  # fmt: skip


def _sizes(facts: list[FrameFacts], pairing: Pairing) -> Iterable[Finding]:
    known = [f for f in facts if f.image_size is not None and f.target_size is not None]
    other = [fact for fact in known if fact.image_size != fact.target_size]
    if other:
        (width, height), real = other[0].image_size or (0, 0), other[0].target_size or (0, 0)
        decoded = pairing.label_kind == "decoded"
        yield Finding(
            "error" if decoded else "warning", "target-sizes",
            f"{len(other)} of {counted(len(known), 'output')} have another size than the real "
            f"label image: {width}×{height}, and {real[0]}×{real[1]}", _where(other, known),
            "give the images as they were generated"
            + (", or label maps by --labels or --cityscapes" if decoded else ""),
        )  # fmt: skip


def _halves(facts: list[FrameFacts]) -> bool:
    return any(fact.frame.image.half for fact in facts)


def _mean(facts: list[FrameFacts], value: Callable[[FrameFacts], float | None]) -> float | None:
    values = [v for fact in facts if (v := value(fact)) is not None]
    return float(np.mean(values)) if values else None


def _where(facts: list[FrameFacts], of: list[FrameFacts]) -> tuple[str, ...]:
    """Names of the first images; none where all are meant."""
    if len(facts) == len(of):
        return ()
    return first(fact.frame.image.path.name for fact in facts)
