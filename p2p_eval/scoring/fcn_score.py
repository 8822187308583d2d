"""The FCN-score: a results folder in, score files out.

Source: Isola, Zhu, Zhou, Efros, *Image-to-Image Translation with Conditional Adversarial Networks*,
CVPR 2017, and ``scripts/eval_cityscapes`` of https://github.com/phillipi/pix2pix. How counts become
figures is in :mod:`p2p_eval.metrics.confusion`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fcn.labels import LabelSet
from fcn.labels import label_set as find_label_set
from p2p_eval.results.layouts import find_experiments
from p2p_eval.scores.bootstrap import DRAWS
from p2p_eval.scoring.counting import Counting
from p2p_eval.scoring.scorer import (
    DEFAULT_LABEL_SET,
    check_outputs,
    foreign_weights,
    load_scorer,
)
from p2p_eval.scoring.segmentation import (
    Figures,
    Labels,
    Method,
    Progress,
    Protocols,
    score_segmentation,
)
from p2p_eval.scoring.segmentation_report import SegmentationReport

if TYPE_CHECKING:
    from p2p_eval.scoring.predictor import Precision, Predictor

__all__ = ["fcn_score"]


def fcn_score(
    results: str | Path,
    *,
    cityscapes: str | Path | None = None,
    labels: str | Path | None = None,
    real: str | Path | None = None,
    weights: str | Path | None = None,
    protocol: Protocols = "paper",
    label_set: str | Path | None = None,
    layout: str = "auto",
    split: str | None = None,
    precision: Precision = "fp32",
    out: str | Path = "p2p-eval-out",
    device: str = "auto",
    workers: int | None = None,
    seed: int = 0,
    draws: int = DRAWS,
    fresh: bool = False,
    keep_going: bool = False,
    save_predictions: bool = False,
    predictor: Predictor | None = None,
    progress: Progress | None = None,
) -> SegmentationReport:
    """Score generated photos by how well an FCN-8s recognises in them what their labels say.

    Every frame's image is resized to its label map's size, goes through the network alone (so no
    figure depends on batching), and is counted. Counts are stored as they come: a run that was
    interrupted, at whatever moment, goes on from there and ends in the same bytes. Stored counts
    are reused only for the same image, label, weights and settings, by content.

    Writes ``<out>/<experiment>/fcn_score/{evaluation_results.txt, per_image.csv, confusion.npz,
    score.json}`` once all experiments are counted; with ``protocol="both"`` also
    ``evaluation_results_strict.txt`` and ``per_image_strict.csv``.

    Args:
        results: Folder of generated images, of one experiment or several.
        cityscapes: The original Cityscapes tree, which holds ``gtFine``.
        labels: Else a folder of label maps, named as the images.
        real: Folder of the real images, where ``results`` has none.
        weights: Name in :data:`fcn.catalogue.CATALOGUE` or a file; by default the label set's.
        protocol: ``paper``, ``strict`` or ``both``.
        label_set: Name or CSV file; by default what the weights say, else ``cityscapes``.
        layout: ``auto`` or one of :data:`p2p_eval.results.layouts.LAYOUTS`.
        split: Of the Cityscapes tree; by default the one that the images' names match.
        precision: ``fp32``, ``tf32`` (on a GPU) or ``bf16``.
        out: Folder for score files.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        workers: Threads that decode images; the number of cores by default.
        seed: Of the bootstrap.
        draws: Of the bootstrap.
        fresh: Score anew; use nothing stored before.
        keep_going: Leave out images that cannot be used, and name them in the report.
        save_predictions: Also write ``predictions/<frame>.png`` in the label set's colours.
        predictor: In place of the network; ``weights``, ``precision`` and ``device`` are not used.
        progress: Called with frames done and frames in total.

    Returns:
        The report; its
        :meth:`~p2p_eval.scoring.segmentation_report.SegmentationReport.to_json` gives the document.

    Raises:
        InputError: An option, a folder, an image or a label cannot be used.
        StoreError: A score file is damaged, locked by another run, or cannot be written.
        fcn.errors.FCNError: The weights or the label set cannot be used.
    """
    figures = Figures(protocol, draws, seed)
    how = Counting(workers, fresh, keep_going, save_predictions)
    experiments = find_experiments(Path(results), layout, None if real is None else Path(real))
    remarks: tuple[str, ...] = ()
    if predictor is None:
        predictor, table, remarks = _network(weights, label_set, precision, device)
    else:
        table = find_label_set(label_set or DEFAULT_LABEL_SET)
    check_outputs(predictor.outputs, table)
    method = Method(
        name="fcn-score",
        direction="labels-to-photo",
        label_set=table,
        predictor=predictor,
        settings={"outputs": str(predictor.outputs)},
        weights_sha256=predictor.identity,
        remarks=remarks,
    )
    where = Labels(cityscapes, labels, split)
    return score_segmentation(experiments, where, method, figures, Path(out), how, progress)


def _network(
    weights: str | Path | None, label_set: str | Path | None, precision: Precision, device: str
) -> tuple[Predictor, LabelSet, tuple[str, ...]]:
    """Load the network that scores; its weights are held by nobody else."""
    from p2p_eval.scoring.predictor import NetworkPredictor

    loaded, table = load_scorer(weights, label_set)
    predictor = NetworkPredictor(loaded, precision=precision, device=device)
    return predictor, table, foreign_weights(loaded, table)
