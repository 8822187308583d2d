"""Find what would make a score wrong, and explain it, before an hour is spent on scoring.

Every check stands for a mistake that users of the official scripts made: labels that were resized
too (0.39 / 0.057 / 0.025, nearly everything "road"), JPEG outputs and wrong names (all zeros
without a word), label colours in place of ids (below 0.04); see issues 141, 148, 159, 161, 174 of
https://github.com/phillipi/pix2pix and 713 of
https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from fcn.labels import LabelSet
from fcn.labels import label_set as named_label_set
from p2p_eval.errors import InputError
from p2p_eval.results.direction import Direction
from p2p_eval.results.doctor_labels import label_findings
from p2p_eval.results.doctor_outputs import is_gray, output_findings
from p2p_eval.results.findings import Finding, Level, counted, first, unusable
from p2p_eval.results.guesses import guess_direction, guess_label_set
from p2p_eval.results.layouts import Experiment, find_experiments
from p2p_eval.results.pairing import Frame, Pairing, pair
from p2p_eval.results.survey import CONVERTED, FrameFacts, Progress, survey

__all__ = ["PER_FRAME", "Diagnosis", "Finding", "check", "diagnose", "examine"]

PER_FRAME = frozenset(
    {
        "unmatched-images",
        "unmatched-labels",
        "unusable-images",
        "unusable-labels",
        "color-labels",
        "odd-label-sizes",
        "gray-results",
        "target-sizes",
    }
)
"""Codes of errors in single frames: without those frames the others can be scored."""

ORDER = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that was found out about a results folder, the most serious findings first."""

    experiments: tuple[Experiment, ...]
    pairings: tuple[Pairing, ...]
    findings: tuple[Finding, ...]
    label_set: LabelSet

    @property
    def healthy(self) -> bool:
        """Whether nothing found is an error."""
        return all(finding.level != "error" for finding in self.findings)


def diagnose(
    results: Path,
    *,
    layout: str = "auto",
    real: Path | None = None,
    cityscapes: Path | None = None,
    labels: Path | None = None,
    label_set: LabelSet | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Diagnosis:
    """Find the experiments of a folder, pair them with labels, and examine every pairing.

    Arguments are those of :func:`find_experiments`, :func:`pair` and :func:`examine`, and
    ``progress`` is called with images done and images in total. Every file is decoded. Label set
    (where none is given) and direction are guessed, see :mod:`p2p_eval.results.guesses`. What
    cannot be paired becomes a finding of the code ``labels`` (a warning where neither tree nor
    label maps nor a label set were given, so that nothing was to be scored yet), and its images
    are examined alone.

    Raises:
        InputError: As :func:`find_experiments`.
    """
    experiments = find_experiments(results, layout, real)
    bare = cityscapes is None and labels is None
    unpaired: Level = "warning" if bare and label_set is None else "error"
    if label_set is None:
        label_set = guess_label_set(experiments) if bare else named_label_set("cityscapes")
    pairings: list[Pairing] = []
    findings: list[Finding] = []
    before, total = 0, sum(len(experiment.items) for experiment in experiments)

    def show(done: int, _: int) -> None:
        if progress is not None:
            progress(before + done, total)

    for experiment in experiments:
        try:
            pairing = pair(
                experiment,
                cityscapes=cityscapes,
                labels=labels,
                label_set=label_set,
                workers=workers,
                direction=guess_direction(experiment, label_set),
            )
        except InputError as error:
            findings.append(Finding(unpaired, "labels", str(error), experiment=experiment.name))
            findings += _examine_images(experiment, label_set, workers, show)
        else:
            pairings.append(pairing)
            findings += examine(pairing, label_set, workers=workers, progress=show)
        before += len(experiment.items)
    findings.sort(key=lambda finding: ORDER[finding.level])
    return Diagnosis(tuple(experiments), tuple(pairings), tuple(findings), label_set)


def check(
    pairing: Pairing,
    label_set: LabelSet,
    *,
    keep_going: bool = False,
    workers: int | None = None,
) -> list[Finding]:
    """Run the quick checks before scoring, and refuse to go on over an error.

    Args:
        pairing: Images and their labels.
        label_set: What label ids and colours mean.
        keep_going: Let errors in single frames pass: they are left out when scored.
        workers: Threads that decode.

    Returns:
        The findings that do not stand in the way.

    Raises:
        InputError: Something is wrong that would make the score wrong.
    """
    findings = examine(pairing, label_set, full=False, workers=workers)
    tolerated = PER_FRAME if keep_going else frozenset()
    errors = [f for f in findings if f.level == "error" and f.code not in tolerated]
    if errors:
        lines = [str(finding).removeprefix("error: ") for finding in errors]
        if all(finding.code in PER_FRAME for finding in errors):
            lines.append("or score the other frames with --keep-going")
        raise InputError("\n".join(lines))
    return findings


def examine(
    pairing: Pairing,
    label_set: LabelSet,
    *,
    full: bool = True,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Finding]:
    """Say what would make a score of this pairing wrong.

    Args:
        pairing: Images and their labels.
        label_set: What label ids and colours mean.
        full: Decode every file; otherwise read all headers and decode 16 frames.
        workers: Threads that decode.
        progress: Called with frames done and frames in total.

    Returns:
        Findings, errors first, then warnings, then notes.
    """
    facts = survey(pairing, label_set, full=full, workers=workers, progress=progress)
    findings: list[Finding] = [
        *_matching(pairing),
        *_images(facts, pairing.direction),
        *_contents(facts, full),
        *label_findings(facts, pairing, label_set),
        *output_findings(facts, pairing),
    ]
    return _named(findings, pairing.experiment)


def _examine_images(
    experiment: Experiment, label_set: LabelSet, workers: int | None, progress: Progress
) -> list[Finding]:
    """Findings about the images of an experiment that has no labels."""
    frames = tuple(Frame(item.id, item.output, item.output) for item in experiment.items)
    pairing = Pairing(experiment, frames, (), (), "", "decoded")
    facts = survey(pairing, label_set, full=True, workers=workers, progress=progress)
    return _named(
        [*_matching(pairing), *_images(facts, pairing.direction), *_contents(facts, True)],
        experiment,
    )


def _named(findings: list[Finding], experiment: Experiment) -> list[Finding]:
    named = [replace(finding, experiment=experiment.name) for finding in findings]
    return sorted(named, key=lambda finding: ORDER[finding.level])


def _matching(pairing: Pairing) -> Iterable[Finding]:
    experiment = pairing.experiment
    several: list[tuple[Level, str, tuple[str, ...], str, str, str]] = [
        ("error", "unmatched-images", pairing.unmatched_images, "image", "label map",
         "add their labels, or remove the images"),
        ("error", "unmatched-labels", pairing.unmatched_labels, "label map", "image",
         "generate the missing images: a score without them is of another test set (test.py of "
         "the PyTorch code stops at 50 without --num_test)"),
        ("warning", "incomplete", experiment.incomplete, "image",
         "input or no real image, which others have", "let the test run finish"),
        ("note", "strays", experiment.strays, "other image",
         "name of the layout, passed over", "move them away if that is wrong"),
    ]  # fmt: skip
    for level, code, names, noun, lacking, advice in several:
        if names:
            has = "has" if len(names) == 1 else "have"
            message = f"{counted(len(names), noun)} {has} no {lacking}"
            yield Finding(level, code, message, first(names), advice)


def _images(facts: list[FrameFacts], direction: Direction) -> Iterable[Finding]:
    painted = direction == "photo-to-labels"  # there gray images have a finding of their own
    bad = [f for f in facts if f.image_error is not None and not (painted and is_gray(f))]
    if bad:
        reasons = [str(fact.image_error) for fact in bad]
        yield unusable("unusable-images", "image", reasons, _where(bad))
    good = [fact for fact in facts if fact.image_error is None]
    jpegs = [f for f in good if f.image is not None and f.image.format == "JPEG"]
    if jpegs:
        rings = ", whose colours ring at edges" if painted else ""
        yield Finding(
            "warning", "jpeg-results", f"{len(jpegs)} of {len(good)} images are JPEGs{rings}: the "
            "score is of the compression too, and not comparable with scores of PNGs",
            _where(jpegs, good), "save the generated images as PNGs",
        )  # fmt: skip
    converted = [f for f in good if f.image is not None and f.image.mode in CONVERTED]
    if converted:
        yield Finding(
            "note", "converted-images", f"{len(converted)} of {len(good)} images have a palette "
            "or alpha and are converted to RGB without loss", _where(converted, good),
        )  # fmt: skip
    sizes = Counter(f.image_size for f in good if f.image_size is not None)
    if len(sizes) > 1:
        usual = sizes.most_common(1)[0][0]
        yield Finding(
            "warning", "image-sizes", "the images have several sizes: "
            + ", ".join(f"{w}×{h} ({count})" for (w, h), count in sizes.most_common(4)),
            _where([f for f in good if f.image_size not in (None, usual)]),
            "generate all at the size of the model's test run",
        )  # fmt: skip
    elif sizes and (size := next(iter(sizes))) != (256, 256):
        yield Finding(
            "note", "image-size", f"the images are {size[0]}×{size[1]}; the paper's were 256×256, "
            "and the score depends on the size", (), "compare with scores of this size only",
        )  # fmt: skip


def _contents(facts: list[FrameFacts], full: bool) -> Iterable[Finding]:
    read = [fact for fact in facts if fact.digest is not None]
    counts = Counter(fact.digest for fact in read)
    repeated = [fact for fact in read if counts[fact.digest] > 1]
    looked = f"all {len(read)}" if full else f"{len(read)} sampled"
    if repeated and len(counts) == 1:
        yield Finding(
            "warning", "identical-images", f"{looked} images are one and the same",
            (), "the generator has collapsed, or one image was copied",
        )  # fmt: skip
    elif repeated:
        yield Finding(
            "warning", "duplicate-images", f"{len(repeated)} of {looked} images have the same "
            "pixels as another one", _where(repeated, read), "check how the test run wrote them",
        )  # fmt: skip
    flat = [fact for fact in read if fact.flat]
    if flat:
        yield Finding(
            "warning", "flat-images", f"{len(flat)} of {looked} images have one colour only",
            _where(flat, read), "look at them: the generator has collapsed or wrote nothing",
        )  # fmt: skip
    cases: list[tuple[str, Level, str, str, str]] = [
        ("input", "error", "results-are-inputs", "the inputs", "give the generated images"),
        ("target", "warning", "results-are-targets", "the real images",
         "right for the ground-truth row; otherwise give the generated images"),
    ]  # fmt: skip
    for name, level, code, what, advice in cases:
        same = [fact for fact in read if name in fact.same_as]
        if same:
            everywhere = len(same) == len(read)
            yield Finding(
                level if everywhere else "warning", code,
                f"{len(same)} of {looked} images have the very pixels of {what}",
                _where(same, read), advice,
            )  # fmt: skip


def _where(facts: list[FrameFacts], of: list[FrameFacts] | None = None) -> tuple[str, ...]:
    """Names of the first images; none where all are meant."""
    if of is not None and len(facts) == len(of):
        return ()
    return first(fact.frame.image.path.name for fact in facts)
