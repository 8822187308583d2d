"""The signature: one line that holds every setting that changes a score.

Two figures may stand in one column only if their signatures are equal. The form follows
sacrebleu's (https://github.com/mjpost/sacrebleu): ``key:value`` pairs, in a fixed order, joined
by ``|``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase

__all__ = ["Signature", "marks"]

KEY = re.compile(r"[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True)
class Signature:
    """What was measured and with which settings, in order.

    Raises:
        ValueError: A key is no lower-case word, or a value holds what would break the line.

    Example:
        >>> signature = Signature("fcn-score", {"protocol": "paper", "precision": "fp32"})
        >>> str(signature)
        'fcn-score|protocol:paper|precision:fp32'
        >>> str(signature.replace(protocol="strict"))
        'fcn-score|protocol:strict|precision:fp32'
    """

    metric: str
    settings: Mapping[str, str]

    def __post_init__(self) -> None:
        """Check that the line can be read back."""
        for key, value in {self.metric: "", **self.settings}.items():
            if not KEY.fullmatch(key):
                raise ValueError(f"got key {key!r}, expected lower-case letters, digits and '-'")
            if "|" in value or not value.isprintable():
                raise ValueError(f"{key}: got {value!r}, expected printable text without '|'")

    def __str__(self) -> str:
        """Give the line."""
        return "|".join([self.metric, *(f"{key}:{v}" for key, v in self.settings.items())])

    def replace(self, **changes: str) -> Signature:
        """Return a copy with other values; a key that is new comes last."""
        return Signature(self.metric, {**self.settings, **changes})

    def first(self, **settings: str) -> Signature:
        """Return a copy with further settings before the others."""
        return Signature(self.metric, {**settings, **self.settings})

    @classmethod
    def parse(cls, line: str) -> Signature:
        """Read a line back.

        Raises:
            ValueError: It is no signature.
        """
        metric, *pairs = line.split("|")
        settings = dict(pair.split(":", 1) for pair in pairs)
        if len(settings) != len(pairs):
            raise ValueError(f"got a key twice in {line!r}, expected each once")
        return cls(metric, settings)

    @staticmethod
    def common(signatures: Sequence[Signature]) -> Signature:
        """Merge signatures of one metric; a setting in which they differ holds all its values.

        Raises:
            ValueError: There are none, or they differ in metric or keys.

        Example:
            >>> paper = Signature("fcn-score", {"protocol": "paper"})
            >>> str(Signature.common([paper, paper.replace(protocol="strict")]))
            'fcn-score|protocol:paper+strict'
        """
        if len({(signature.metric, *signature.settings) for signature in signatures}) != 1:
            raise ValueError("expected signatures of one metric and with the same keys")
        values = {
            key: "+".join(dict.fromkeys(signature.settings[key] for signature in signatures))
            for key in signatures[0].settings
        }
        return Signature(signatures[0].metric, values)

    @staticmethod
    def differences(a: str, b: str) -> str:
        """Say in which settings two lines differ; both as they are, where one is no signature.

        Example:
            >>> Signature.differences("psnr|peak:255|device:cpu", "psnr|peak:255|device:cuda")
            'device: cpu and cuda'
        """
        try:
            one, other = Signature.parse(a), Signature.parse(b)
        except ValueError:
            return f"{a} and {b}"
        x, y = one.settings, other.settings
        keys = [key for key in dict.fromkeys((*x, *y)) if x.get(key) != y.get(key)]
        texts = [f"{key}: {x.get(key, 'none')} and {y.get(key, 'none')}" for key in keys]
        if one.metric != other.metric:
            texts.insert(0, f"{one.metric} and {other.metric}")
        return ", ".join(texts)


def marks(signatures: Iterable[str]) -> dict[str, str]:
    """Give each signature a letter; none where all are the same.

    Example:
        >>> marks(["psnr|peak:255", "psnr|peak:255"])
        {'psnr|peak:255': ''}
        >>> marks(["psnr|version:1", "psnr|version:2"])
        {'psnr|version:1': 'a', 'psnr|version:2': 'b'}
    """
    distinct = list(dict.fromkeys(signatures))
    if len(distinct) == 1:
        return {distinct[0]: ""}
    return {signature: _letters(index) for index, signature in enumerate(distinct)}


def _letters(index: int) -> str:
    """Letter a to z, then aa, ab, …."""
    more, last = divmod(index, len(ascii_lowercase))
    return (_letters(more - 1) if more else "") + ascii_lowercase[last]
