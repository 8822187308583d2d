"""The joint counts of an experiment's frames: stored ones reused, the others predicted."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from fcn.labels import LabelSet
from p2p_eval.errors import InputError
from p2p_eval.metrics.confusion import joint_counts
from p2p_eval.results.label_sizes import usual_label_size
from p2p_eval.results.pairing import Frame, Pairing
from p2p_eval.scores.confusion_file import read_confusion
from p2p_eval.scores.journal import Journal, read_journal
from p2p_eval.scores.store import remove, remove_leftovers, write_atomic
from p2p_eval.scoring.frames import Prepared, at_size, prepare, resizing
from p2p_eval.threads import ahead

if TYPE_CHECKING:
    from p2p_eval.scoring.predictor import Predictor

__all__ = [
    "CONFUSION",
    "JOURNAL",
    "Counted",
    "Counting",
    "count_frames",
    "remove_other_predictions",
]

CONFUSION = "confusion.npz"
JOURNAL = "journal.jsonl"
PREDICTIONS = "predictions"
KEY_FIELD = "p2p-eval-key"

Counts = NDArray[np.int64]
Prediction = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """The frames that were scored, in order, and those that were left out with the reason."""

    images: tuple[str, ...]
    keys: tuple[str, ...]
    counts: Counts
    jpegs: int
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counting:
    """How frames are counted.

    Attributes:
        workers: Threads that decode; the number of cores by default.
        fresh: Use nothing that earlier runs left.
        keep_going: Leave out frames that cannot be used, instead of raising.
        save_predictions: Also write each prediction as a PNG in the label set's colours.

    Raises:
        InputError: There are fewer workers than one.
    """

    workers: int | None = None
    fresh: bool = False
    keep_going: bool = False
    save_predictions: bool = False

    def __post_init__(self) -> None:
        """Check the number of workers."""
        if self.workers is not None and self.workers < 1:
            raise InputError(f"got workers {self.workers}, expected 1 or more")


def count_frames(
    pairing: Pairing,
    label_set: LabelSet,
    predictor: Predictor,
    folder: Path,
    *,
    settings: str,
    how: Counting,
    step: Callable[[], None],
) -> Counted:
    """Count every frame; what is new goes into the folder's journal as soon as it is known.

    Args:
        pairing: Images and their label maps.
        label_set: What label ids mean.
        predictor: Turns images into predictions.
        folder: The experiment's score folder; it need not exist.
        settings: Everything besides image and label that the counts depend on.
        how: Options.
        step: Called after each frame.

    Raises:
        InputError: A frame cannot be used.
        StoreError: A file is damaged, or cannot be written.
    """
    frames = pairing.frames
    stored = _stored(folder, how.fresh)
    shape = (label_set.num_classes, predictor.outputs)
    size = shape[0] * shape[1]

    def is_stored(frame: Frame, key: str) -> bool:
        if key not in stored or stored[key].size != size:
            return False
        return not how.save_predictions or _saved_key(_prediction_path(folder, frame)) == key

    work = partial(
        prepare,
        label_set=label_set,
        settings=settings,
        is_stored=is_stored,
        label_size=usual_label_size(frames),
        resize=resizing(pairing),
    )

    def predicted() -> Iterator[tuple[Prepared, Prediction | None]]:
        for prepared in ahead(work, frames, how.workers or os.cpu_count() or 1):
            if prepared.pixels is None or prepared.target is None:
                yield prepared, None
            else:
                yield prepared, at_size(predictor(prepared.pixels), prepared.target)

    def counted(
        both: tuple[Prepared, Prediction | None],
    ) -> tuple[Prepared, Prediction | None, Counts | None]:
        prepared, prediction = both
        if prediction is None or prepared.target is None:
            return prepared, None, None
        return prepared, prediction, joint_counts(prepared.target, prediction, *shape)

    rows: list[tuple[Prepared, Counts]] = []
    left_out = []
    with Journal(folder / JOURNAL) as journal:
        # Counting takes as long as a GPU for a frame: it is done beside the next prediction.
        for prepared, prediction, counts in ahead(counted, predicted(), workers=1, waiting=1):
            if prepared.error is not None:
                if not how.keep_going:
                    raise InputError(
                        f"{prepared.error}; or score the other frames with --keep-going"
                    ) from prepared.error
                image = f"{prepared.frame.image.path}: "  # the frame's name says it
                left_out.append(f"{prepared.frame.id}: {str(prepared.error).removeprefix(image)}")
            elif prediction is None or counts is None:
                rows.append((prepared, stored[prepared.key]))
            else:
                if how.save_predictions:
                    path = _prediction_path(folder, prepared.frame)
                    write_atomic(path, _colored(prediction, label_set, prepared.key))
                journal.append(prepared.key, counts)
                rows.append((prepared, counts))
            step()
    if not rows:
        raise InputError(f"none of the {len(frames)} frames can be used; the first: {left_out[0]}")
    return Counted(
        images=tuple(prepared.frame.id for prepared, _ in rows),
        keys=tuple(prepared.key for prepared, _ in rows),
        counts=np.stack([counts.reshape(shape) for _, counts in rows]),
        jpegs=sum(prepared.jpeg for prepared, _ in rows),
        left_out=tuple(left_out),
    )


def remove_other_predictions(folder: Path, rows: Counted) -> None:
    """Remove saved predictions that are not of these rows: of other weights, images or labels.

    Files that carry no key are not ours and stay.

    Raises:
        StoreError: One cannot be removed.
    """
    wanted = dict(zip(rows.images, rows.keys, strict=True))
    for path in (folder / PREDICTIONS).glob("*.png"):
        if _saved_key(path) not in (None, wanted.get(path.stem)):
            remove(path)


def _stored(folder: Path, fresh: bool) -> dict[str, Counts]:
    """Return the counts that earlier runs left in the folder, flat and by key."""
    remove_leftovers(folder)
    remove_leftovers(folder / PREDICTIONS)
    if fresh:
        remove(folder / JOURNAL)
        return {}
    stored = read_journal(folder / JOURNAL)
    if (folder / CONFUSION).exists():
        rows = read_confusion(folder / CONFUSION)
        for key, counts in zip(rows.keys, rows.counts, strict=True):
            stored[key] = counts.ravel()
    return stored


def _prediction_path(folder: Path, frame: Frame) -> Path:
    return folder / PREDICTIONS / f"{frame.id}.png"


def _colored(prediction: NDArray[np.uint8], label_set: LabelSet, key: str) -> bytes:
    """Encode a prediction as a palette PNG; the extra output is black. It carries its key."""
    image = Image.fromarray(prediction)
    image.putpalette(label_set.colors.tobytes())
    text = PngImagePlugin.PngInfo()
    text.add_text(KEY_FIELD, key)
    data = io.BytesIO()
    image.save(data, "PNG", pnginfo=text)
    return data.getvalue()


def _saved_key(path: Path) -> str | None:
    """Return the key that a saved prediction carries, or None if there is none."""
    try:
        with PngImagePlugin.PngImageFile(path) as image:
            key = image.info.get(KEY_FIELD)
            return None if key is None else str(key)
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError):
        return None
