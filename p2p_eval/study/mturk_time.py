"""Times as Mechanical Turk's files have them: ``Fri Nov 27 14:54:06 PST 2026``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

__all__ = ["EXAMPLE", "mturk_seconds", "mturk_time"]

EXAMPLE = "Fri Nov 27 14:54:06 PST 2026"

# Names of days and months whatever the language of the machine is.
TIME = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d?) (\d\d):(\d\d):(\d\d) ([A-Z]{3}) (\d{4})")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
ZONES = {
    "UTC": 0, "GMT": 0, "EDT": -4, "EST": -5, "CDT": -5, "CST": -6, "MDT": -6, "MST": -7,
    "PDT": -7, "PST": -8,
}  # fmt: skip


def mturk_time(moment: datetime) -> str:
    """Write a time.

    Example:
        >>> mturk_time(datetime(2026, 11, 27, 14, 54, 6, tzinfo=UTC))
        'Fri Nov 27 14:54:06 UTC 2026'
    """
    at = moment.astimezone(UTC)
    day = f"{WEEKDAYS[at.weekday()]} {MONTHS[at.month - 1]} {at.day:02}"
    return f"{day} {at:%H:%M:%S} UTC {at.year:04}"


def mturk_seconds(text: str) -> float:
    """Read a time, in seconds since 1970.

    Raises:
        ValueError: It is none, or of a zone that is not known.

    Example:
        >>> mturk_seconds("Fri Nov 27 14:54:06 PST 2026") - mturk_seconds(
        ...     "Fri Nov 27 14:54:06 UTC 2026"
        ... )
        28800.0
    """
    found = TIME.fullmatch(text.strip())
    if found is None or found[1] not in MONTHS or found[6] not in ZONES:
        raise ValueError(f"expected as {EXAMPLE!r}")
    day, hour, minute, second, year = (int(found[i]) for i in (2, 3, 4, 5, 7))
    zone = timezone(timedelta(hours=ZONES[found[6]]))
    month = MONTHS.index(found[1]) + 1
    return datetime(year, month, day, hour, minute, second, tzinfo=zone).timestamp()
