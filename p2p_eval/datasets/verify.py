"""Is a fetched data set what it should be, and what it was when it was fetched?

Beside its images lies ``.p2p-eval-data.json``, which says where they came from and when, and the
sha256 of each. The fingerprint of all is the sha256 of what ``LC_ALL=C sha256sum */*`` prints in
the folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fcn.files import read_text, replacing
from p2p_eval.datasets.catalogue import Entry, entry_named
from p2p_eval.errors import InputError
from p2p_eval.results.images import ImageRef, decode_rgb, probe, read_bytes
from p2p_eval.threads import ahead

__all__ = [
    "RECORD_NAME",
    "Record",
    "check_images",
    "counts",
    "fingerprint",
    "read_record",
    "verify",
    "write_record",
]

RECORD_NAME = ".p2p-eval-data.json"
SCHEMA = "p2p-eval/data-record/1"
MAX_RECORD_BYTES = 256 << 20
MAX_PIXELS = 1 << 24
MAX_SHOWN = 10
MAX_WORKERS = 8

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Record:
    """Where a data set came from.

    Attributes:
        name: In the catalogue.
        date: When it was fetched, ISO 8601, UTC.
        address: The addresses that it was fetched from, tried in order.
        archive_sha256: Of the archive.
        files: The sha256 of each image, by its name ``<split>/<image>``.
    """

    name: str
    date: str
    address: tuple[str, ...]
    archive_sha256: str
    files: Mapping[str, str]


def fingerprint(files: Mapping[str, str]) -> str:
    """Return the sha256 over the names, sorted, and sha256s of files.

    Example:
        >>> fingerprint({"val/1.jpg": "ab", "train/1.jpg": "cd"})[:16]
        '628189d7d47edee5'
    """
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{files[name]}  {name}\n".encode())
    return digest.hexdigest()


def counts(names: Iterable[str], entry: Entry) -> dict[str, int]:
    """Count the images of each split, by their names ``<split>/<image>``."""
    found = dict.fromkeys((split for split, _ in entry.splits), 0)
    for name in names:
        split = name.split("/")[0]
        found[split] = found.get(split, 0) + 1
    return found


def write_record(folder: Path, record: Record) -> None:
    """Write a record into a data set's folder.

    Raises:
        OSError: It cannot be written.
    """
    document = {
        "schema": SCHEMA,
        "name": record.name,
        "date": record.date,
        "address": list(record.address),
        "archive_sha256": record.archive_sha256,
        "fingerprint": fingerprint(record.files),
        "files": dict(sorted(record.files.items())),
    }
    with replacing(folder / RECORD_NAME) as file:
        file.write(json.dumps(document, indent=1).encode())


def read_record(folder: Path) -> Record:
    """Read the record of a data set's folder.

    Raises:
        InputError: There is none, or it is damaged.
    """
    path = folder / RECORD_NAME
    try:
        document = json.loads(read_text(path, MAX_RECORD_BYTES))
        record = Record(
            name=document["name"],
            date=document["date"],
            address=tuple(document["address"]),
            archive_sha256=document["archive_sha256"],
            files=dict(document["files"]),
        )
        texts = (
            record.name, record.date, record.archive_sha256, *record.address,
            *record.files, *record.files.values(),
        )  # fmt: skip
        if document["schema"] != SCHEMA or not all(isinstance(text, str) for text in texts):
            raise ValueError("it is of another kind")
        if fingerprint(record.files) != document["fingerprint"]:
            raise ValueError("its fingerprint is not that of its files")
    except FileNotFoundError as error:
        raise InputError(
            f"{folder}: got a folder without {RECORD_NAME}, expected a data set that "
            "`p2p-eval data get` fetched; give its name or folder"
        ) from error
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path}: the record cannot be used ({error}); remove the folder and run "
            "`p2p-eval data get` again"
        ) from error
    return record


def check_images(folder: Path, names: Iterable[str], entry: Entry, source: Path) -> None:
    """Check, by their number and headers, that images are an entry's, side by side.

    Args:
        folder: Where they lie.
        names: Of each, ``<split>/<image>``.
        entry: What is expected.
        source: The archive that they are from.

    Raises:
        InputError: The number of a split is another, or an image has no readable header, or an odd
            width.
    """
    names = list(names)
    problems = _wrong_counts(names, entry)
    problems += [problem for name in names if (problem := _wrong_header(folder / name, name))]
    if problems:
        raise _failed(
            source, entry.name, problems, "It is not what was published: delete it, and get it anew"
        )


def verify(
    folder: Path,
    *,
    decode: bool = True,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Record:
    """Read a fetched data set whole and compare it with its record and its entry.

    Hidden files are passed over.

    Args:
        folder: Of the data set.
        decode: Decode each image, too, and not only compare its bytes.
        workers: Threads; as many as there are cores, up to 8, if not given.
        progress: Called with images done and images in total.

    Returns:
        The record.

    Raises:
        InputError: There is no record of a known data set, or files were added or changed or are
            missing, or there is another number of them than expected, or an image cannot be
            decoded. All that is wrong is counted, and the first ten are named.
    """
    folder = Path(folder)
    record = read_record(folder)
    entry = entry_named(record.name)
    there = _list(folder, entry)
    problems = [f"{name}: missing" for name in sorted(set(record.files) - there)]
    problems += [f"{name}: added" for name in sorted(there - set(record.files))]
    problems += _wrong_counts(there, entry)
    names = sorted(there & set(record.files))

    def problem(name: str) -> str | None:
        return _wrong_image(folder / name, name, record.files[name], decode)

    workers = workers or min(os.cpu_count() or 1, MAX_WORKERS)
    for done, found in enumerate(ahead(problem, names, workers), 1):
        if found is not None:
            problems.append(found)
        if progress is not None:
            progress(done, len(names))
    if problems:
        raise _failed(
            folder,
            record.name,
            problems,
            f"Remove the folder and run `p2p-eval data get {record.name}` to fetch it anew",
        )
    return record


def _list(folder: Path, entry: Entry) -> set[str]:
    """Return the names of all files below a folder, relative to it, but for hidden ones."""

    def refuse(error: OSError) -> None:
        raise error

    names: set[str] = set()
    try:
        for place, folders, files in os.walk(folder, onerror=refuse):
            folders[:] = [name for name in folders if not name.startswith(".")]
            files += [name for name in folders if os.path.islink(os.path.join(place, name))]
            below = Path(place).relative_to(folder)
            names.update((below / name).as_posix() for name in files if not name.startswith("."))
            if len(names) > 2 * entry.most_images:
                raise InputError(
                    f"{folder}: got more than {2 * entry.most_images} files, expected the data "
                    f"set {entry.name}; give its own folder"
                )
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error}); check its permissions") from error
    return names


def _wrong_counts(names: Iterable[str], entry: Entry) -> list[str]:
    found = counts(names, entry)
    return [
        f"{split}: got {found[split]} images, expected {expected}"
        for split, expected in entry.splits
        if expected is not None and found[split] != expected
    ]


def _wrong_header(path: Path, name: str) -> str | None:
    try:
        width, height = probe(path).size
    except InputError as error:
        return str(error)
    if width % 2:
        return f"{name}: got a width of {width}, expected an even one: two images side by side"
    if width * height > MAX_PIXELS:
        return f"{name}: got {width}×{height} pixels, expected at most {MAX_PIXELS} in all"
    return None


def _wrong_image(path: Path, name: str, sha256: str, decode: bool) -> str | None:
    try:
        data = read_bytes(path)
        if hashlib.sha256(data).hexdigest() != sha256:
            return f"{name}: changed since it was fetched"
        if decode and (problem := _wrong_header(path, name)):
            return problem
        if decode:
            decode_rgb(ImageRef(path), data)
    except InputError as error:
        return str(error)
    return None


def _failed(place: Path, name: str, problems: list[str], advice: str) -> InputError:
    shown = [f"  {problem}" for problem in problems[:MAX_SHOWN]]
    if len(problems) > MAX_SHOWN:
        shown.append(f"  … and {len(problems) - MAX_SHOWN} more")
    number = "1 thing differs" if len(problems) == 1 else f"{len(problems)} things differ"
    return InputError("\n".join([f"{place}: {number} from the data set {name}:", *shown, advice]))
