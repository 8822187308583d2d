"""The rows of an experiment's images in little memory: numbers, made into rows as they are read."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from p2p_eval.results.images import ImageRef
from p2p_eval.scores.values_file import ROLES, SourceFile, ValueRow
from p2p_eval.scoring.pairs import ImagePair

__all__ = ["MeasuredRows"]

DIGEST = 32
NONE = bytes(DIGEST)


class MeasuredRows:
    """One row an image, in the order in which they are added.

    As objects they would take several times the memory.

    Args:
        metrics: Their names.
        out: Folder that the paths of image files are relative to.

    Example:
        >>> pair = ImagePair("a", ImageRef(Path("a.png")), ImageRef(Path("real/a.png")))
        >>> rows = MeasuredRows(["psnr"], Path("out"))
        >>> rows.add(pair, "0" * 64, ["1" * 64, "2" * 64], [30.0])
        >>> [(row.image, row.files["target"].path, row.values) for row in rows]
        [('a', '../real/a.png', {'psnr': 30.0})]
    """

    def __init__(self, metrics: Sequence[str], out: Path) -> None:
        """Begin without rows."""
        self._metrics = metrics
        self._pairs: list[ImagePair] = []
        self._digests = bytearray()
        self._values = array("d")
        self._folder = cache(lambda folder: Path(os.path.relpath(folder, out)))

    def add(
        self, pair: ImagePair, key: str, sha256: Sequence[str], values: Sequence[float]
    ) -> None:
        """Add an image.

        Args:
            pair: Its files.
            key: Digest of the contents of output and target.
            sha256: Of the files of output, target and, where there is one, input.
            values: Of each metric.

        Raises:
            ValueError: There are too many or too few of them.
        """
        if len(values) != len(self._metrics) or not 2 <= len(sha256) <= len(ROLES):
            raise ValueError(
                f"got {len(values)} values and {len(sha256)} files, expected "
                f"{len(self._metrics)} and 2 or {len(ROLES)}"
            )
        self._pairs.append(pair)
        for digest in (key, *sha256):
            self._digests += bytes.fromhex(digest)
        self._digests += NONE * (len(ROLES) - len(sha256))
        self._values.extend(values)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self._pairs)

    def __iter__(self) -> Iterator[ValueRow]:
        """Make the rows, one after the other."""
        size, count = DIGEST * (1 + len(ROLES)), len(self._metrics)
        for n, pair in enumerate(self._pairs):
            digests = self._digests[size * n : size * (n + 1)].hex()
            key, *sha256 = (digests[i : i + 2 * DIGEST] for i in range(0, 2 * size, 2 * DIGEST))
            images = (pair.output, pair.target, pair.input)
            files = {
                role: self._source(image, digest)
                for role, image, digest in zip(ROLES, images, sha256, strict=True)
                if image is not None
            }
            values = self._values[count * n : count * (n + 1)]
            yield ValueRow(pair.id, key, files, dict(zip(self._metrics, values, strict=True)))

    def _source(self, image: ImageRef, sha256: str) -> SourceFile:
        path = self._folder(image.path.parent) / image.path.name
        return SourceFile(path.as_posix(), image.half, sha256)
