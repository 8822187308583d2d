"""Read one image or label map from a file that nobody has checked.

Sizes are bounded by the header before anything is decoded, a PNG's checksums are verified, and
whatever cannot be turned into 8-bit RGB (or label ids) without loss is refused with the reason.
Pixels are taken as they are stored: embedded gamma, colour profiles and EXIF orientation are
ignored, as in the official scripts. Nothing here changes Pillow's global settings.
"""

from __future__ import annotations

import io
import stat
import struct
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

import numpy as np
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from fcn.files import sha256_of
from p2p_eval.errors import InputError
from p2p_eval.results.jpeg import without_end

__all__ = [
    "MAX_FILE_BYTES",
    "MAX_PIXELS",
    "MAX_SIDE",
    "ImageInfo",
    "ImageRef",
    "check_label_ids",
    "check_rgb",
    "decode_rgb",
    "file_sha256",
    "half_of",
    "is_jpeg",
    "probe",
    "read_bytes",
    "read_label_ids",
    "read_rgb",
]

MAX_SIDE = 16_384
"""Most pixels that an image may be wide or high."""

MAX_PIXELS = 1 << 28
"""Most pixels that an image may have."""

MAX_FILE_BYTES = 1 << 30
"""Largest image file that is read."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"
PNG_MODES = {0: "gray", 2: "RGB", 3: "palette", 4: "gray with alpha", 6: "RGBA"}
OTHER_FORMATS = {b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"RIFF": "WebP"}
# What Pillow's decoders are known to raise on damaged files; a Warning is raised under -W error.
DECODE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    struct.error,
    zlib.error,
    EOFError,
    LookupError,
    TypeError,
    OverflowError,
    Warning,
)


@dataclass(frozen=True, slots=True)
class ImageRef:
    """An image file, or one half of a side-by-side file."""

    path: Path
    half: Literal["left", "right"] | None = None

    def __str__(self) -> str:
        """The path, with the half if there is one."""
        return str(self.path) if self.half is None else f"{self.path} ({self.half} half)"


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What a header says: format, mode, (width, height), bits a channel, and animation.

    ``format`` is ``PNG`` or ``JPEG`` and comes from the content, never from the file's name.
    ``mode`` is one of ``RGB``, ``RGBA``, ``palette``, ``gray``, ``gray with alpha``, ``CMYK``.
    """

    format: Literal["PNG", "JPEG"]
    mode: str
    size: tuple[int, int]
    bits: int = 8


def probe(path: Path) -> ImageInfo:
    """Read a file's header only.

    Args:
        path: An image or label file.

    Raises:
        InputError: The file cannot be read, is no PNG or JPEG, or is larger than
            :data:`MAX_SIDE` or :data:`MAX_PIXELS`.
    """
    data = _read(path, 33)
    if data.startswith(JPEG_SIGNATURE):  # the sizes come after the metadata, many 64 KiB blocks
        data = _read(path, 1 << 24)
    return _header(path, data)


def check_rgb(path: Path, info: ImageInfo, also: Collection[str] = ()) -> None:
    """Refuse an image that, by its header, is not RGB or cannot become 8-bit RGB without loss.

    Raises:
        InputError: It is gray or CMYK, unless ``also`` names these, or has more than 8 bits a
            channel.
    """
    if info.bits > 8:
        _refuse(path, f"a {info.bits}-bit image", "8 bits a channel")
    if info.mode not in ("RGB", "RGBA", "palette", *also):
        _refuse(path, f"a {info.mode} image", "RGB")


def check_label_ids(path: Path, info: ImageInfo) -> None:
    """Refuse a file that, by its header, is no 8-bit map of label ids.

    Raises:
        InputError: It is a JPEG, has colours or alpha, or other than 8 bits.
    """
    if info.format != "PNG":
        raise InputError(
            f"{path}: got a JPEG as a label map, expected a PNG of label ids: JPEG's compression "
            "changes ids; export the labels as 8-bit one-channel PNGs"
        )
    if info.bits == 16:
        raise InputError(
            f"{path}: got a 16-bit label map, expected 8-bit label ids; of Cityscapes, give "
            "*_gtFine_labelIds.png and not *_gtFine_instanceIds.png"
        )
    if info.mode in ("RGB", "RGBA", "gray with alpha"):
        raise InputError(
            f"{path}: got a label map in {info.mode}, expected one channel of label ids: a score "
            "against label colours is meaningless (the official script ends with an IndexError "
            "or gives less than 0.04); of Cityscapes, give *_gtFine_labelIds.png and not "
            "*_gtFine_color.png"
        )
    if info.mode == "gray" and info.bits < 8:
        raise InputError(
            f"{path}: got a {info.bits}-bit gray label map, expected 8-bit label ids: decoders "
            "stretch fewer bits over 0-255, and the ids are lost; export 8-bit PNGs"
        )


def read_rgb(image: ImageRef | Path, also: Collection[str] = ()) -> NDArray[np.uint8]:
    """Decode an image to 8-bit RGB without any loss.

    Palette images, and RGBA images whose alpha is opaque everywhere, are converted; everything
    else that is not 8-bit RGB is refused, unless ``also`` names its mode: ``gray``, ``CMYK``.

    Returns:
        uint8, shape ``(H, W, 3)``, 0-255.

    Raises:
        InputError: The file cannot be read, is damaged or too large, or holds a gray, 16-bit,
            translucent, CMYK or animated image; or a half was asked of an odd width.
    """
    reference = image if isinstance(image, ImageRef) else ImageRef(image)
    return decode_rgb(reference, read_bytes(reference.path), also)


def read_bytes(path: Path) -> bytes:
    """Read a whole image file, to hash its bytes and decode the same ones.

    Raises:
        InputError: It cannot be read, is no regular file, or is too large.
    """
    return _read(path, MAX_FILE_BYTES + 1)


def is_jpeg(data: bytes) -> bool:
    """Whether a file's bytes are a JPEG's, whatever the file is called."""
    return data.startswith(JPEG_SIGNATURE)


def decode_rgb(image: ImageRef, data: bytes, also: Collection[str] = ()) -> NDArray[np.uint8]:
    """Decode a file's bytes as :func:`read_rgb` does; ``image`` names file and half.

    Raises:
        InputError: As :func:`read_rgb`.
    """
    path = image.path
    info = _header(path, data)
    check_rgb(path, info, also)
    colors = _check_whole(path, info, data)
    return half_of(image, _decode_rgb(path, info, data, colors))


def half_of(image: ImageRef, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what ``image`` names of its file's pixels, ``(H, W, 3)``: a half, or all.

    Raises:
        InputError: A half was asked of an odd width.
    """
    if image.half is None:
        return pixels
    width = pixels.shape[1]
    if width % 2:
        raise InputError(
            f"{image.path}: got a width of {width}, expected an even one, as two images stand side "
            "by side; use --layout folder if each file is one image"
        )
    half = pixels[:, : width // 2] if image.half == "left" else pixels[:, width // 2 :]
    return np.ascontiguousarray(half)


def read_label_ids(path: Path) -> NDArray[np.uint8]:
    """Decode a label map: an 8-bit one-channel PNG, or a palette PNG whose indices are the ids.

    Returns:
        uint8, shape ``(H, W)``, label ids; an index beyond the palette is one, too.

    Raises:
        InputError: The file cannot be read, is damaged or too large, is a JPEG, has colours,
            alpha, or other than 8 bits.
    """
    data = read_bytes(path)
    info = _header(path, data)
    check_label_ids(path, info)
    _check_whole(path, info, data)
    try:
        with PngImageFile(io.BytesIO(data)) as image:
            _check_size(image.size, info)
            return np.array(image, np.uint8)
    except DECODE_ERRORS as error:
        raise _damaged(path, error) from error


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal.

    Raises:
        InputError: The file cannot be read.
    """
    try:
        return sha256_of(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def _read(path: Path, limit: int) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError(
                f"{path}: got a folder or a device, expected an image file; "
                "remove it or give the folder that holds the images"
            )
        if status.st_size > MAX_FILE_BYTES:
            _refuse(path, f"a file of {status.st_size} bytes", f"at most {MAX_FILE_BYTES}")
        with path.open("rb") as file:
            return file.read(min(limit, status.st_size + 1))  # memory is taken for all asked for
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _header(path: Path, data: bytes) -> ImageInfo:
    info = _png_header(path, data) if data.startswith(PNG_SIGNATURE) else _jpeg_header(path, data)
    width, height = info.size
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS):
        raise InputError(
            f"{path}: the header says {width}×{height} pixels, expected 1 to {MAX_SIDE} a side "
            f"and at most {MAX_PIXELS} in all; it was not decoded, replace or remove the file"
        )
    return info


def _png_header(path: Path, data: bytes) -> ImageInfo:
    if len(data) < 33 or data[8:16] != b"\0\0\0\rIHDR":
        raise _damaged(path, "its PNG header is cut off or missing")
    width, height, bits, color = struct.unpack(">IIBB", data[16:26])
    if color not in PNG_MODES or bits not in (1, 2, 4, 8, 16):
        raise _damaged(path, f"its PNG header says {bits} bits of colour type {color}")
    return ImageInfo("PNG", PNG_MODES[color], (width, height), bits)


def _jpeg_header(path: Path, data: bytes) -> ImageInfo:
    if not data.startswith(JPEG_SIGNATURE):
        if not data:
            raise _damaged(path, "it is empty")
        kind = next((name for start, name in OTHER_FORMATS.items() if data.startswith(start)), None)
        _refuse(path, f"a {kind} file" if kind else "no image that is known", "a PNG (or a JPEG)")
    position = 2
    while position + 10 <= len(data) and data[position] == 0xFF:
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            bits, height, width, channels = struct.unpack_from(">BHHB", data, position + 4)
            mode = {1: "gray", 3: "RGB", 4: "CMYK"}.get(channels, f"{channels}-channel")
            return ImageInfo("JPEG", mode, (width, height), bits)
        if marker == 0xFF:  # a fill byte
            position += 1
        elif length < 2:
            break
        else:
            position += 2 + length
    raise _damaged(path, "its JPEG header is cut off or damaged")


def _check_whole(path: Path, info: ImageInfo, data: bytes) -> int:
    """Refuse what Pillow lets pass: cut ends, wrong checksums, no palette, further frames.

    Returns:
        The number of colours in the palette.
    """
    if info.format == "JPEG":
        if data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda"):
            raise _damaged(path, "its end is missing")
        return 0
    position, colors = 8, 0
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4])
        end = position + 12 + length
        if end > len(data):
            break
        kind = data[position + 4 : position + 8]
        if zlib.crc32(memoryview(data)[position + 4 : end - 4]) != int.from_bytes(
            data[end - 4 : end]
        ):
            raise _damaged(path, f"the checksum of its {kind!r} block is wrong")
        if kind == b"acTL":
            _refuse(path, "an animated PNG", "one image")
        if kind == b"PLTE":
            colors = length // 3
        if kind == b"IDAT" and info.mode == "palette" and not colors:
            raise _damaged(path, "its palette is missing")
        if kind == b"IEND":
            return colors
        position = end
    raise _damaged(path, "its end is missing")


def _decode_rgb(path: Path, info: ImageInfo, data: bytes, colors: int) -> NDArray[np.uint8]:
    opener, data = (
        (PngImageFile, data) if info.format == "PNG" else (JpegImageFile, without_end(data))
    )
    try:
        with opener(io.BytesIO(data)) as image:
            _check_size(image.size, info)
            if image.mode == "RGB" and "transparency" not in image.info:
                return np.array(image, np.uint8)
            if image.mode == "P" and (highest := int(np.asarray(image).max())) >= colors:
                raise ValueError(f"it has colour {highest} of a palette of {colors}")
            pixels = np.array(image.convert("RGBA"), np.uint8)
    except DECODE_ERRORS as error:
        raise _damaged(path, error) from error
    if pixels[..., 3].min() < 255:
        _refuse(path, "an image with transparent pixels", "opaque ones")
    return np.ascontiguousarray(pixels[..., :3])


def _check_size(size: tuple[int, int], info: ImageInfo) -> None:
    """A second header further on could get past the bounds that the first one was held to."""
    if size != info.size:
        raise ValueError(f"one header says {info.size}, another {size}")


def _refuse(path: Path, got: str, expected: str) -> NoReturn:
    raise InputError(
        f"{path}: got {got}, expected {expected}; "
        "save it as an 8-bit RGB PNG of the pixels that are to be judged"
    )


def _damaged(path: Path, reason: object) -> InputError:
    return InputError(f"{path}: the image is damaged ({reason}); make or copy it again")


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: cannot be read ({error}); check that it exists and its permissions")
