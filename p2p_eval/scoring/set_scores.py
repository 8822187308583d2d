"""FID and KID of experiments: stored ones reused, the others computed."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from p2p_eval.errors import StoreError
from p2p_eval.scores.signature import Signature
from p2p_eval.scores.values_file import ValueRow
from p2p_eval.scoring.pairs import ImagePair
from p2p_eval.scoring.run import stepper
from p2p_eval.scoring.set_metrics import ImageSet, SetFigure, SetMetrics

__all__ = ["SETS", "SetFigures", "SetWork", "read_sets", "score_sets", "sets_bytes"]

SETS = "sets.json"
SCHEMA = "p2p-eval/metrics-sets/1"
MAX_BYTES = 1 << 20

SetFigures = Mapping[str, tuple[Signature, SetFigure]]
"""Of one experiment: by name, the signature and the figure."""

Stored = Mapping[str, SetFigure]
"""Figures by key: a digest of both sets and of the signature."""


@dataclass(frozen=True, slots=True)
class SetWork:
    """One experiment: its score folder, and its generated and real images."""

    folder: Path
    generated: ImageSet
    real: ImageSet

    @classmethod
    def of(cls, folder: Path, pairs: Iterable[ImagePair], rows: Iterable[ValueRow]) -> SetWork:
        """Make the sets of those pairs of which there are rows."""
        files = {row.image: row.files for row in rows}
        used = [(pair, files[pair.id]) for pair in pairs if pair.id in files]
        return cls(
            folder,
            ImageSet.of((pair.output, file["output"].sha256) for pair, file in used),
            ImageSet.of((pair.target, file["target"].sha256) for pair, file in used),
        )


def score_sets(
    names: Collection[str],
    works: Sequence[SetWork],
    metrics: SetMetrics,
    *,
    fresh: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[SetFigures]:
    """Compute the figures of every experiment, or take those that an earlier run stored.

    Args:
        names: ``fid``, ``kid`` or both.
        works: Experiments.
        metrics: What computes.
        fresh: Use nothing stored.
        progress: Called with images done and images in total.

    Returns:
        The figures of each experiment.

    Raises:
        InputError: An experiment has fewer than two images, or one cannot be read.
        StoreError: A stored file is damaged.
    """
    stored = [{} if fresh else read_sets(work.folder / SETS) for work in works]
    signatures = [
        {name: Signature(name, metrics.settings(name, len(work.real.images))) for name in names}
        for work in works
    ]
    missing = [
        [name for name in names if _key(work, lines[name]) not in known]
        for work, lines, known in zip(works, signatures, stored, strict=True)
    ]
    sets = {
        images.digest: len(images.images)
        for work, wanted in zip(works, missing, strict=True)
        if wanted
        for images in (work.generated, work.real)
    }
    step = stepper(sum(sets.values()), progress)
    results: list[SetFigures] = []
    for work, lines, known, wanted in zip(works, signatures, stored, missing, strict=True):
        new = metrics.measure(wanted, work.generated, work.real, step=step) if wanted else {}
        results.append(
            {
                name: (lines[name], new[name] if name in new else known[_key(work, lines[name])])
                for name in names
            }
        )
    return results


def sets_bytes(work: SetWork, figures: SetFigures) -> bytes:
    """Return the content of ``sets.json``."""
    rows = [
        {
            "key": _key(work, signature),
            "signature": str(signature),
            "value": figure.value,
            "std": figure.std,
        }
        for signature, figure in figures.values()
    ]
    return f"{json.dumps({'schema': SCHEMA, 'figures': rows}, indent=2)}\n".encode()


def read_sets(path: Path) -> Stored:
    """Read the figures that an earlier run stored; none where there is no file.

    Raises:
        StoreError: It cannot be read, or is not what :func:`sets_bytes` gives.
    """
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(MAX_BYTES))
        if document["schema"] != SCHEMA:
            raise ValueError(f"its schema is not {SCHEMA}")
        return {str(row["key"]): _figure(row) for row in document["figures"]}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise StoreError(
            f"{path}: damaged, or not written by p2p-eval ({error}); remove it or use --fresh"
        ) from error


def _figure(row: Mapping[str, Any]) -> SetFigure:
    value, std = float(row["value"]), None if row["std"] is None else float(row["std"])
    if not math.isfinite(value) or not math.isfinite(std or 0):
        raise ValueError("a figure is not finite")
    return SetFigure(value, std)


def _key(work: SetWork, signature: Signature) -> str:
    content = f"{work.generated.digest} {work.real.digest} {signature}"
    return hashlib.sha256(content.encode()).hexdigest()
