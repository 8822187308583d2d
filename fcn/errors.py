"""Every exception that the ``fcn`` package raises on purpose.

::

    FCNError
    ├── WeightsError     a weights file is truncated, foreign, hostile or of another network
    ├── DownloadError    a file could not be fetched; says how to get it by hand
    ├── LabelSetError    a label set is unknown or its file is inconsistent
    ├── RecipeError      a training recipe has an unknown key or a value out of range
    ├── DataError        training data is missing, unpaired or unreadable
    └── TrainingError    training cannot go on: a checkpoint does not fit, or the loss is not finite
"""

__all__ = [
    "DataError",
    "DownloadError",
    "FCNError",
    "LabelSetError",
    "RecipeError",
    "TrainingError",
    "WeightsError",
    "shown",
]


def shown(text: str) -> str:
    r"""Return a text that any terminal and file can take: what is not printable is escaped.

    Paths come from anywhere, and may hold control characters and bytes that are no UTF-8. Line
    ends stay.

    Example:
        >>> print(shown("red: \x1b[31m, no UTF-8: \udcff"))
        red: \x1b[31m, no UTF-8: \udcff
    """
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


class FCNError(Exception):
    """Base of the package's exceptions; its message says what, where, and what to do."""

    def __init__(self, message: object = "") -> None:
        """Take the message, with what is not printable escaped."""
        super().__init__(shown(str(message)))


class WeightsError(FCNError):
    """A weights file is truncated, foreign, hostile, or of another network."""


class DownloadError(FCNError):
    """A file could not be fetched; the message says how to get it by hand."""


class LabelSetError(FCNError):
    """A label set is unknown, or the file that defines it is inconsistent."""


class RecipeError(FCNError):
    """A training recipe has an unknown key or a value out of range."""


class DataError(FCNError):
    """Training data is missing, unpaired or unreadable."""


class TrainingError(FCNError):
    """Training cannot go on: a checkpoint does not fit, or the loss is not finite."""
