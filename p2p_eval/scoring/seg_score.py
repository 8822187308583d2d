"""The seg-score, photo→labels: a results folder in, score files out.

Source: Table 6 of Isola, Zhu, Zhou, Efros, *Image-to-Image Translation with Conditional Adversarial
Networks*, CVPR 2017. How counts become figures is in :mod:`p2p_eval.metrics.confusion`.
"""

from __future__ import annotations

from pathlib import Path

from fcn.labels import label_set as find_label_set
from p2p_eval.results.layouts import find_experiments
from p2p_eval.scores.bootstrap import DRAWS
from p2p_eval.scoring.counting import Counting
from p2p_eval.scoring.decoder import ColorDecoder
from p2p_eval.scoring.scorer import DEFAULT_LABEL_SET
from p2p_eval.scoring.segmentation import (
    Figures,
    Labels,
    Method,
    Progress,
    Protocols,
    score_segmentation,
)
from p2p_eval.scoring.segmentation_report import SegmentationReport

__all__ = ["seg_score"]


def seg_score(
    results: str | Path,
    *,
    cityscapes: str | Path | None = None,
    labels: str | Path | None = None,
    real: str | Path | None = None,
    protocol: Protocols = "paper",
    label_set: str | Path = DEFAULT_LABEL_SET,
    layout: str = "auto",
    split: str | None = None,
    out: str | Path = "p2p-eval-out",
    workers: int | None = None,
    seed: int = 0,
    draws: int = DRAWS,
    fresh: bool = False,
    keep_going: bool = False,
    save_predictions: bool = False,
    progress: Progress | None = None,
) -> SegmentationReport:
    """Score label maps that a model painted from photos, by the classes of their colours.

    Each pixel gets the class of the nearest colour, at the image's own size, by
    :class:`~p2p_eval.scoring.decoder.ColorDecoder`. Against label files, which are never resized,
    the classes are brought to the label's size by nearest neighbour; labels decoded from the real
    images' colours must have the generated images' size. Figures are fractions in 0-1, higher is
    better.

    Writes ``<out>/<experiment>/seg_score/`` with the files that
    :func:`~p2p_eval.scoring.fcn_score.fcn_score` writes, and goes on after an interruption as that
    does.

    Args:
        results: Folder of generated label images, of one experiment or several.
        cityscapes: The original Cityscapes tree, which holds ``gtFine``.
        labels: Else a folder of label maps, named as the images. With neither, the labels are
            decoded from the real images' colours, ignored ones included: a protocol of its own.
        real: Folder of the real images, where ``results`` has none.
        protocol: ``paper``, ``strict`` or ``both``.
        label_set: Name or CSV file: whose colours the images are painted in.
        layout: ``auto`` or one of :data:`p2p_eval.results.layouts.LAYOUTS`.
        split: Of the Cityscapes tree; by default the one that the images' names match.
        out: Folder for score files.
        workers: Threads that read images; the number of cores by default.
        seed: Of the bootstrap.
        draws: Of the bootstrap.
        fresh: Score anew; use nothing stored before.
        keep_going: Leave out images that cannot be used, and name them in the report.
        save_predictions: Also write ``predictions/<frame>.png``, what was decoded at the label's
            size.
        progress: Called with frames done and frames in total.

    Returns:
        The report; its
        :meth:`~p2p_eval.scoring.segmentation_report.SegmentationReport.to_json` gives the document.

    Raises:
        InputError: An option, a folder, an image or a label cannot be used.
        StoreError: A score file is damaged, locked by another run, or cannot be written.
        fcn.errors.LabelSetError: The label set cannot be used.
    """
    figures = Figures(protocol, draws, seed)
    how = Counting(workers, fresh, keep_going, save_predictions)
    experiments = find_experiments(Path(results), layout, None if real is None else Path(real))
    table = find_label_set(label_set)
    decoder = ColorDecoder(table)
    method = Method(
        name="seg-score",
        direction="photo-to-labels",
        label_set=table,
        predictor=decoder,
        settings={"decoder": decoder.identity},
    )
    where = Labels(cityscapes, labels, split)
    return score_segmentation(experiments, where, method, figures, Path(out), how, progress)
