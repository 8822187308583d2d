"""Are the pixels of a JPEG all there?"""

from __future__ import annotations

__all__ = ["without_end"]

START_OF_SCAN = 0xDA
SEQUENTIAL = (0xC0, 0xC1)
# The decoder reads so far ahead at most; zeros make no pixels of a scan that is complete.
READ_AHEAD = bytes(16)


def without_end(data: bytes) -> bytes:
    """Take away a JPEG's end mark, so that pixels that are missing before it make an error.

    At the mark libjpeg fills up what a scan lacks, in gray, and Pillow passes no warning on; where
    the data just stop, Pillow says so. A scan that lacks less than 16 bytes may still pass. Images
    of several scans (progressive ones) need their mark and are returned as they are.

    Args:
        data: A JPEG file.

    Returns:
        Another, of the very same pixels.
    """
    end = data.rfind(b"\xff\xd9")
    return data[:end] + READ_AHEAD if end > 0 and _one_scan(data) else data


def _one_scan(data: bytes) -> bool:
    """Whether all components stand in one sequential scan, by the first two headers of the kind."""
    position, components = 2, 0
    while position + 10 <= len(data) and data[position] == 0xFF:
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4])
        if marker == START_OF_SCAN:
            return components > 0 and data[position + 4] == components
        if marker in SEQUENTIAL:
            components = data[position + 9]
        if marker != 0xFF and length < 2:
            return False
        position += 1 if marker == 0xFF else 2 + length
    return False
