"""Diversity: how much do several samples of one input differ, as a network sees them?

A generator with dropout at test time gives another image each time it runs. The paper found that
its outputs hardly vary and left the question open; this measures it: the mean LPIPS over all pairs
of samples of one input, then the mean over inputs. Zero means that the noise changes nothing.

Source: Zhu et al., *Toward Multimodal Image-to-Image Translation*, NeurIPS 2017, section 5.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from p2p_eval import __version__
from p2p_eval.device import pick_device
from p2p_eval.errors import InputError
from p2p_eval.metrics.diversity import mean_pairwise
from p2p_eval.metrics.metric import Features, Metric
from p2p_eval.results.findings import counted, first
from p2p_eval.results.images import ImageRef
from p2p_eval.results.layouts import Experiment
from p2p_eval.results.several import find_in_all
from p2p_eval.scores.bootstrap import DRAWS
from p2p_eval.scores.journal import Journal, read_values
from p2p_eval.scores.signature import Signature
from p2p_eval.scores.statistics import summary
from p2p_eval.scores.store import exclusive, remove, write_together
from p2p_eval.scoring.diversity_report import SCHEMA, DiversityReport
from p2p_eval.scoring.loaded import Loaded, load
from p2p_eval.scoring.metric_choice import choose
from p2p_eval.scoring.run import check_least, document_bytes, jpeg_setting
from p2p_eval.threads import ahead, arithmetic

__all__ = ["DiversityReport", "diversity"]

NAME = "metrics_diversity"
VALUE = "diversity"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Samples:
    """All samples of one input, and what they were made from where it is known."""

    id: str
    outputs: tuple[ImageRef, ...]
    inputs: tuple[ImageRef, ...]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Of one input: its value, or why there is none."""

    id: str
    key: str = ""
    value: float = 0.0
    jpeg: bool = False
    equal: bool = False
    error: InputError | None = None


def diversity(
    results: Sequence[str | Path],
    *,
    metric: str = "lpips",
    layout: str = "auto",
    out: str | Path = "p2p-eval-out",
    device: str = "auto",
    workers: int | None = None,
    seed: int = 0,
    draws: int = DRAWS,
    fresh: bool = False,
    keep_going: bool = False,
    lpips_weights: str | Path | None = None,
    progress: Progress | None = None,
) -> DiversityReport:
    """Measure how much several samples of the same inputs differ.

    Every experiment found is one sample of each input. One input is looked at at a time, so that
    memory does not grow with their number; an interrupted run goes on where it stopped. Writes
    ``<out>/metrics_diversity.json`` and ``metrics_diversity.csv``.

    Args:
        results: Folders of generated images; one may hold several experiments.
        metric: ``lpips``, ``lpips[alex]``, ``lpips[vgg]`` or ``lpips[squeeze]``.
        layout: ``auto`` or one of :data:`p2p_eval.results.layouts.LAYOUTS`.
        out: Folder for score files.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        workers: Threads, each with one input at a time; the number of cores by default.
        seed: Of the bootstrap.
        draws: Of the bootstrap.
        fresh: Measure anew; use nothing that an interrupted run left.
        keep_going: Leave out inputs that cannot be used, and name them in the report.
        lpips_weights: File of the backbone's weights.
        progress: Called with inputs done and inputs in total.

    Returns:
        The report.

    Raises:
        InputError: An option, a folder or an image cannot be used; there are fewer than two
            samples, or they are not of the same inputs; or LPIPS has no weights.
        StoreError: A file cannot be written, or another run holds ``out``.
    """
    check_least(workers=workers, seed=seed, draws=draws)
    place = pick_device(device)
    experiments = find_in_all([Path(root) for root in results], layout)
    inputs, left_out = _match(experiments, keep_going)
    chosen, features = _metric(metric, lpips_weights, str(place))
    signature = Signature(
        "diversity",
        {
            "metric": chosen.name,
            "samples": str(len(experiments)),
            **chosen.settings,
            "device": place.type,
            "version": __version__,
        },
    )
    out = Path(out)
    journal = out / f".{NAME}.jsonl"
    with exclusive(out):
        if fresh:
            remove(journal)
        stored = {key: row[VALUE] for key, row in read_values(journal).items() if VALUE in row}
        work = partial(
            _outcome,
            metric=chosen,
            features=features,
            settings=str(signature),
            stored=stored,
            device=place,
        )
        outcomes = []
        with Journal(journal) as lines, arithmetic():
            for outcome in ahead(work, inputs, workers or os.cpu_count() or 1):
                if outcome.error is not None and not keep_going:
                    raise InputError(
                        f"{outcome.error}; or measure the others with --keep-going"
                    ) from outcome.error
                if outcome.key not in stored and outcome.error is None:
                    lines.append(outcome.key, {VALUE: outcome.value})
                outcomes.append(outcome)
                if progress is not None:
                    progress(len(outcomes), len(inputs))
        used = [outcome for outcome in outcomes if outcome.error is None]
        left_out += [f"{o.id}: {o.error}" for o in outcomes if o.error is not None]
        if not used:
            raise InputError(
                f"none of the {len(inputs)} inputs can be used; the first: {left_out[0]}"
            )
        jpegs = sum(outcome.jpeg for outcome in used)
        jpeg = jpeg_setting(jpegs, len(used))
        values = {outcome.id: outcome.value for outcome in used}
        report = DiversityReport(
            metric=chosen.name,
            samples=tuple(experiment.name for experiment in experiments),
            values=values,
            figures=summary(np.array([*values.values()]), draws=draws, seed=seed),
            signature=str(signature.replace(jpeg=jpeg, bootstrap=str(draws), seed=str(seed))),
            left_out=tuple(left_out),
            notes=_notes(used, jpegs),
        )
        document = {"schema": SCHEMA, **report.to_json()}
        write_together(
            {
                out / f"{NAME}.csv": report.to_csv().encode(),
                out / f"{NAME}.json": document_bytes(document),
            }
        )
        remove(journal)  # last, so that a kill costs nothing
    return report


def _metric(name: str, weights: str | Path | None, device: str) -> tuple[Metric, Features]:
    chosen = choose([name], None if weights is None else Path(weights), device)
    if chosen.unavailable:
        raise InputError(chosen.unavailable[0].reason)
    if not chosen.metrics or chosen.metrics[0].features is None:
        raise InputError(
            f"got metric {name!r} for the diversity, expected lpips, lpips[vgg] or lpips[squeeze]"
        )
    return chosen.metrics[0], chosen.metrics[0].features


def _match(experiments: Sequence[Experiment], keep_going: bool) -> tuple[list[_Samples], list[str]]:
    """Gather the samples of each input, and say which inputs have not all of them."""
    if len(experiments) < 2:
        names = ", ".join(experiment.name for experiment in experiments)
        raise InputError(
            f"got {counted(len(experiments), 'experiment')} ({names}), expected two or more: each "
            "is one sample of the same inputs; run the generator again into another folder"
        )
    found = [{item.id: item for item in experiment.items} for experiment in experiments]
    ids = dict.fromkeys(image for items in found for image in items)
    left_out = [
        f"{image}: {experiment.name} has no sample of it"
        for image in ids
        for experiment, items in zip(experiments, found, strict=True)
        if image not in items
    ]
    complete = [image for image in ids if all(image in items for items in found)]
    if not complete:
        raise InputError(
            f"the {len(experiments)} experiments have no image in common ({left_out[0]}); give "
            "folders that hold samples of the same inputs, named alike"
        )
    if left_out and not keep_going:
        raise InputError(
            f"{counted(len(ids) - len(complete), 'input')} without a sample in every experiment "
            f"({'; '.join(first(left_out))}); add what is missing, or measure the others with "
            "--keep-going"
        )
    samples = []
    for image in complete:
        items = [of[image] for of in found]
        inputs = tuple(item.input for item in items if item.input is not None)
        samples.append(_Samples(image, tuple(item.output for item in items), inputs))
    return samples, left_out


def _outcome(
    samples: _Samples,
    *,
    metric: Metric,
    features: Features,
    settings: str,
    stored: Mapping[str, float],
    device: torch.device,
) -> _Outcome:
    """Measure the samples of one input, in a thread of its own."""
    try:
        _check_inputs(samples)
        outputs = load(samples.outputs)
        contents = [output.content for output in outputs]
        key = hashlib.sha256("\n".join([*contents, settings]).encode()).hexdigest()
        if (value := stored.get(key)) is None:
            value = _value(outputs, metric, features, device)
    except InputError as error:
        return _Outcome(samples.id, error=error)
    return _Outcome(
        samples.id,
        key,
        value,
        jpeg=any(output.is_jpeg for output in outputs),
        equal=len(set(contents)) == 1,
    )


def _value(
    outputs: Sequence[Loaded], metric: Metric, features: Features, device: torch.device
) -> float:
    images: list[Tensor] = []
    for output in outputs:
        images.append(output.pixels())
        height, width = images[-1].shape[-2:]
        if min(height, width) < metric.smallest:
            raise InputError(
                f"{output.image}: got {width}×{height} pixels, expected at least {metric.smallest} "
                f"on each side for {metric.name}"
            )
        if images[-1].shape != images[0].shape:
            raise InputError(
                f"{output.image}: got {width}×{height} pixels, and {outputs[0].image} has "
                f"{images[0].shape[3]}×{images[0].shape[2]}, expected samples of equal sizes"
            )
    with torch.inference_mode():
        return mean_pairwise(torch.cat(images).to(device), features)


def _check_inputs(samples: _Samples) -> None:
    inputs = load(samples.inputs)
    for other in inputs[1:]:
        one = inputs[0]
        if one.content != other.content and not torch.equal(one.pixels(), other.pixels()):
            raise InputError(
                f"{other.image}: got another input image than {one.image}, expected samples of the "
                "same input"
            )


def _notes(used: Sequence[_Outcome], jpegs: int) -> tuple[str, ...]:
    notes = []
    if jpegs:
        notes.append(
            f"warning: of {jpegs} of {len(used)} inputs samples are JPEGs: the figures are of the "
            "compression too; save the generated images as PNGs"
        )
    if equal := sum(outcome.equal for outcome in used):
        notes.append(
            f"warning: of {equal} of {len(used)} inputs all samples are the very same file: the "
            "generator ran without noise, or one run was copied"
        )
    if len(used) < 2:
        notes.append("note: one input: no standard deviation and no 95 % interval")
    return tuple(notes)
