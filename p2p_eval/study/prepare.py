"""The folder of a study that is drawn from results, unless it is there already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from p2p_eval.errors import InputError
from p2p_eval.results.images import file_sha256
from p2p_eval.scores.store import exclusive
from p2p_eval.scoring.pairs import Pairs, find_pairs
from p2p_eval.study.design import design
from p2p_eval.study.images import write_study
from p2p_eval.study.plan import Plan

__all__ = ["Prepared", "Wishes", "prepare", "refuse_wishes"]


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a study shall be, as :func:`p2p_eval.study.design.design` takes it."""

    trials: int = 40
    practice: int = 10
    sessions_per_algorithm: int = 50
    paired: bool = True
    seed: int = 0
    size: int = 256
    milliseconds: int = 1000


@dataclass(frozen=True, slots=True)
class Prepared:
    """A study that lies in its folder.

    Attributes:
        plan: Its plan.
        left_out: Images that are not in it, with the reason.
        notes: What else is not in it.
    """

    plan: Plan
    left_out: list[str]
    notes: list[str]


def refuse_wishes(folder: Path, wishes: Wishes) -> None:
    """Refuse wishes about a study that is designed already: they would change nothing.

    Raises:
        InputError: One is not the default.

    Example:
        >>> refuse_wishes(Path("my-study"), Wishes())
    """
    for field in fields(Wishes):
        value = getattr(wishes, field.name)
        if value != field.default:
            raise InputError(
                f"{folder}: got {field.name.replace('_', ' ')} {value} for a study that is "
                "designed already; leave the option out, or design another study of results"
            )


def prepare(
    folder: Path,
    results: Sequence[Path],
    wishes: Wishes,
    *,
    real: Path | None = None,
    layout: str = "auto",
    keep_going: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Prepared:
    """Draw a study of results into a folder; the same one again is left as it is.

    An experiment whose images are the real ones, as the ``ground-truth`` of the demo, is left out.

    Args:
        folder: Of the study.
        results: Folders of results, as :func:`p2p_eval.scoring.pairs.find_pairs` takes them, and
            ``real``, ``layout`` and ``keep_going`` too.
        wishes: How it shall be.
        real: See there.
        layout: See there.
        keep_going: See there.
        progress: Called with images done and images in total.

    Raises:
        InputError: The results cannot be used, all are real images, or the folder holds another
            study.
        StoreError: A file could not be written, or another run is at it.
    """
    found = find_pairs(results, real=real, layout=layout, keep_going=keep_going)
    experiments: list[Pairs] = []
    real_ones: list[Pairs] = []
    for pairs in found:
        (real_ones if _all_real(pairs) else experiments).append(pairs)
    if not experiments:
        raise InputError(
            f"{results[0]}: got real images as the generated ones of every experiment, expected "
            "images that a model made; give another folder"
        )
    plan = design(experiments, **asdict(wishes))
    with exclusive(folder):
        write_study(folder, plan, experiments, progress)
    return Prepared(
        plan,
        [f"{pairs.experiment.name}/{row}" for pairs in experiments for row in pairs.left_out],
        [
            f"note: {pairs.experiment.name} is left out: all its images are the real ones"
            for pairs in real_ones
        ],
    )


def _all_real(found: Pairs) -> bool:
    """Whether every generated image is the real one, byte by byte."""
    return all(
        pair.output.half == pair.target.half
        and file_sha256(pair.output.path) == file_sha256(pair.target.path)
        for pair in found.pairs
    )
