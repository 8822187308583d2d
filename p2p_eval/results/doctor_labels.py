"""The doctor's checks of label maps: size, colours, ids, and whether they fit what shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fcn.labels import IGNORED, LabelSet
from p2p_eval.results.colors import MAX_FAR_SHARE_OF_ONE
from p2p_eval.results.direction import Direction
from p2p_eval.results.findings import Finding, first, unusable
from p2p_eval.results.label_sizes import Size, usual_size
from p2p_eval.results.pairing import Pairing
from p2p_eval.results.survey import FrameFacts

__all__ = ["label_findings"]

CITYSCAPES_SIZE = (2048, 1024)
MIN_AGREEMENT = 0.8
"""Of the pixels that have a label colour at all; street scenes of other frames agree on 0.5-0.7."""

COLORED = ("RGB", "RGBA", "gray with alpha")


def label_findings(facts: list[FrameFacts], pairing: Pairing, label_set: LabelSet) -> list[Finding]:
    """Findings about the label maps of a pairing."""
    if pairing.label_kind == "decoded":
        return [Finding("note", "decoded-labels", pairing.how)]
    counts = [fact.label_counts for fact in facts if fact.label_counts is not None]
    findings = [
        *_files(facts),
        *_sizes(facts, label_set, pairing.direction),
        *_painted(facts, pairing.direction),
    ]
    if counts:
        pooled: NDArray[np.int64] = np.sum(counts, axis=0)
        findings += _ids(pooled, facts, label_set)
        findings += _classes(counts, facts, label_set)
    return findings


def _files(facts: list[FrameFacts]) -> Iterable[Finding]:
    bad = [fact for fact in facts if fact.label_error is not None]
    colored = [f for f in bad if f.label is not None and f.label.mode in COLORED]
    others = [fact for fact in bad if fact not in colored]
    for code, group in (("color-labels", colored), ("unusable-labels", others)):
        if group:
            reasons = [str(fact.label_error) for fact in group]
            yield unusable(code, "label map", reasons, _where(group))


def _sizes(facts: list[FrameFacts], label_set: LabelSet, direction: Direction) -> Iterable[Finding]:
    known = [
        (fact, fact.label.size)
        for fact in facts
        if fact.label is not None and fact.label_error is None
    ]
    if not known:
        return
    sizes = Counter(size for _, size in known)
    usual = usual_size(sizes.elements())
    if usual is None:
        yield Finding(
            "error", "label-sizes", "the label maps have several sizes, none of them more than "
            f"half: {_listed(sizes)}", (), "give all label maps as they were published",
        )  # fmt: skip
        return
    odd = [fact for fact, size in known if size != usual]
    if odd:
        yield Finding(
            "error", "odd-label-sizes", f"label maps of another size than the others: {len(odd)} "
            f"of {len(known)}; {_listed(sizes)}", _where(odd),
            "give all label maps as they were published",
        )  # fmt: skip
    if label_set.name != "cityscapes" or usual == CITYSCAPES_SIZE:
        return
    # Painted labels of 256×256 may be scored against label maps of that size; photos may not.
    if usual[0] != 2 * usual[1] and direction == "labels-to-photo":
        yield Finding(
            "error", "labels-resized", f"label maps that were resized or cropped: {sizes[usual]} "
            f"of {len(known)}; Cityscapes' are 2048×1024 and twice as wide as high, got "
            f"{_size(usual)}; with resized labels the authors' model got 0.39 / 0.057 / 0.025, "
            "nearly everything road",
            _where([fact for fact, size in known if size == usual], facts),
            "give the original gtFine; the kit resizes the images, not the labels",
        )  # fmt: skip
    else:
        yield Finding(
            "warning", "labels-reduced", f"the label maps are {_size(usual)}, Cityscapes' are "
            "2048×1024: the score is not comparable with the paper's", (),
            "give the original gtFine",
        )  # fmt: skip


def _ids(
    counts: NDArray[np.int64], facts: list[FrameFacts], label_set: LabelSet
) -> Iterable[Finding]:
    total, classes = int(counts.sum()), label_set.num_classes
    known = np.zeros(256, bool)
    known[[row.id for row in label_set.rows]] = True
    ignored_ids = known & (label_set.id_to_train == IGNORED)
    ids_are_train_ids = np.array_equal(label_set.train_to_id, np.arange(classes))
    above = counts[classes:255].sum()
    if (
        not ids_are_train_ids
        and not above
        and (counts[255] > 0 or counts[ignored_ids].sum() > total / 2)
        and counts[:classes].sum() > 0
    ):
        highest = int(np.flatnonzero(counts[:255]).max())
        also = " and 255" if counts[255] else ""
        road = " (road is 7 there, not 0)" if label_set.name == "cityscapes" else ""
        yield Finding(
            "error", "labels-train-ids", f"the label maps hold ids up to {highest}{also}: these "
            f"are train ids, expected the label ids of {label_set.name}{road}", (),
            "give *_gtFine_labelIds.png and not *_labelTrainIds.png, or a --label-set whose ids "
            "these are",
        )  # fmt: skip
        return
    unknown = counts[~known].sum()
    if unknown:
        ids = ", ".join(map(str, np.flatnonzero(~known & (counts > 0))[:8]))
        there = [f for f in facts if f.label_counts is not None and f.label_counts[~known].any()]
        yield Finding(
            "error" if unknown > total / 2 else "warning", "unknown-ids",
            f"{unknown / total:.1%} of the label pixels have ids that {label_set.name} does not "
            f"know: {ids}; they are ignored", _where(there, facts), "check --label-set",
        )  # fmt: skip


def _classes(
    counts: list[NDArray[np.int64]], facts: list[FrameFacts], label_set: LabelSet
) -> Iterable[Finding]:
    counted = [
        np.bincount(label_set.id_to_train, weights=c, minlength=256)[: label_set.num_classes]
        for c in counts
    ]
    if not any(c.any() for c in counted):
        yield Finding(
            "error", "labels-ignored", "every pixel of the label maps is ignored", (),
            "use a split with public labels (val), and check --label-set",
        )  # fmt: skip
    elif np.count_nonzero(np.sum(counted, axis=0)) == 1:
        name = label_set.names[int(np.sum(counted, axis=0).argmax())]
        yield Finding(
            "warning", "one-class-labels", f"the label maps hold one class only: {name}",
            (), "look at them",
        )  # fmt: skip


def _painted(facts: list[FrameFacts], direction: Direction) -> Iterable[Finding]:
    """Label maps that are not those of the painted labels, as after a shift of numbers by one."""
    compared = [
        (fact, fact.agreement, 1 - fact.painted_far)
        for fact in facts
        if fact.agreement is not None
        and fact.painted_far is not None
        and fact.painted_far <= MAX_FAR_SHARE_OF_ONE
    ]
    agreement = sum(agreed for _, agreed, _ in compared)
    if compared and agreement < MIN_AGREEMENT * sum(near for _, _, near in compared):
        worst = sorted(compared, key=lambda entry: entry[1])
        code, what = {
            "labels-to-photo": ("labels-not-of-inputs", "inputs"),
            "photo-to-labels": ("labels-not-of-targets", "real label images"),
        }[direction]
        yield Finding(
            "error", code, f"the {what} are painted otherwise than their label "
            f"maps say: they agree on {agreement / len(compared):.0%} of the pixels",
            _where([fact for fact, _, _ in worst]), "check whether names or numbers are shifted",
        )  # fmt: skip


def _listed(sizes: Counter[Size]) -> str:
    return ", ".join(f"{_size(size)} ({count})" for size, count in sizes.most_common(4))


def _size(size: Size) -> str:
    return f"{size[0]}×{size[1]}"


def _where(facts: list[FrameFacts], of: list[FrameFacts] | None = None) -> tuple[str, ...]:
    """Names of the first label maps; none where all are meant."""
    if of is not None and len(facts) == len(of):
        return ()
    labels = (fact.frame.label for fact in facts)
    return first(label.name if isinstance(label, Path) else label.path.name for label in labels)
