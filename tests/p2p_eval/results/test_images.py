"""Reading one image: what is converted without loss, and what is refused."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from p2p_eval.errors import InputError
from p2p_eval.results import images
from p2p_eval.results.images import ImageRef, file_sha256, probe, read_label_ids, read_rgb

RGB = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def png_bytes(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def with_alpha(alpha: int) -> Image.Image:
    pixels = np.dstack([RGB, np.full((6, 8), 255, np.uint8)])
    pixels[2, 3, 3] = alpha
    return Image.fromarray(pixels, "RGBA")


def test_rgb_png_is_read_as_it_is(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(RGB))
    pixels = read_rgb(path)
    np.testing.assert_array_equal(pixels, RGB)
    assert pixels.flags.writeable
    assert probe(path) == images.ImageInfo("PNG", "RGB", (8, 6), 8)


def test_jpeg_is_known_by_content_not_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(RGB).save(path, "JPEG")
    assert probe(path).format == "JPEG"
    assert read_rgb(path).shape == RGB.shape


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palette_is_converted_without_loss(tmp_path: Path, bits: int) -> None:
    generator = np.random.default_rng(bits)
    palette = generator.integers(0, 256, (2**bits, 3), np.uint8)
    indices = generator.integers(0, 2**bits, (5, 7), np.uint8)
    image = Image.fromarray(indices, "P")
    image.putpalette(palette.tobytes())
    path = save(tmp_path / "p.png", image, bits=bits)
    np.testing.assert_array_equal(read_rgb(path), palette[indices])
    np.testing.assert_array_equal(read_label_ids(path), indices)
    save(path, image, bits=bits, transparency=b"\xff" * 2**bits)
    np.testing.assert_array_equal(read_rgb(path), palette[indices])


def palette_png(block: Callable[[bytes, bytes], bytes], colors: int, highest: int) -> bytes:
    rows = bytes([0, 0, highest, 0, 1, highest])  # two rows of two pixels, each after its filter
    return (
        images.PNG_SIGNATURE
        + block(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 3, 0, 0, 0))
        + (block(b"PLTE", bytes(range(3 * colors))) if colors else b"")
        + block(b"IDAT", zlib.compress(rows))
        + block(b"IEND", b"")
    )


def test_palettes_that_lack_colours_are_refused(
    tmp_path: Path, block: Callable[[bytes, bytes], bytes]
) -> None:
    path = tmp_path / "p.png"
    path.write_bytes(palette_png(block, 3, 2))
    assert read_rgb(path)[0].tolist() == [[0, 1, 2], [6, 7, 8]]
    path.write_bytes(palette_png(block, 3, 3))
    with pytest.raises(InputError, match="it has colour 3 of a palette of 3"):
        read_rgb(path)
    assert read_label_ids(path).tolist() == [[0, 3], [1, 3]]  # ids need no colours
    path.write_bytes(palette_png(block, 0, 1))
    for read in (read_rgb, read_label_ids):
        with pytest.raises(InputError, match="its palette is missing"):
            read(path)


def test_opaque_alpha_is_dropped_and_translucent_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", with_alpha(255))
    np.testing.assert_array_equal(read_rgb(path), RGB)
    for alpha in (0, 254):
        with pytest.raises(InputError, match="transparent"):
            read_rgb(save(path, with_alpha(alpha)))
    keyed = save(path, Image.fromarray(RGB), transparency=tuple(RGB[0, 0].tolist()))
    with pytest.raises(InputError, match="transparent"):
        read_rgb(keyed)


def test_halves(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(RGB))
    np.testing.assert_array_equal(read_rgb(ImageRef(path, "left")), RGB[:, :4])
    np.testing.assert_array_equal(read_rgb(ImageRef(path, "right")), RGB[:, 4:])
    assert str(ImageRef(path, "left")).endswith("a.png (left half)")
    save(path, Image.fromarray(RGB[:, :7]))
    with pytest.raises(InputError, match="even"):
        read_rgb(ImageRef(path, "left"))


GRAY = Image.fromarray(RGB[..., 0])
REFUSED = {
    "gray": (png_bytes(GRAY), "gray"),
    "gray-alpha": (png_bytes(GRAY.convert("LA")), "gray with alpha"),
    "one-bit": (png_bytes(GRAY.convert("1")), "gray"),
    "16-bit-gray": (png_bytes(Image.fromarray(RGB[..., 0].astype(np.uint16) * 257)), "16-bit"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_other_modes_are_refused(tmp_path: Path, kind: str) -> None:
    data, message = REFUSED[kind]
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(InputError, match=rf"x\.png: got a {message}.*8-bit RGB PNG"):
        read_rgb(tmp_path / "x.png")


def test_16_bit_rgb_is_refused_although_pillow_reduces_it(
    tmp_path: Path, block: Callable[[bytes, bytes], bytes]
) -> None:
    rows = b"".join(b"\0" + bytes(2 * 6) for _ in range(2))
    path = tmp_path / "deep.png"
    path.write_bytes(
        images.PNG_SIGNATURE
        + block(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0))
        + block(b"IDAT", zlib.compress(rows))
        + block(b"IEND", b"")
    )
    with Image.open(path) as image:
        assert image.mode == "RGB"
    with pytest.raises(InputError, match="16-bit"):
        read_rgb(path)


@pytest.mark.parametrize(
    ("suffix", "image"),
    [
        ("tif", Image.fromarray(RGB[..., 0].astype(np.float32))),
        ("gif", Image.fromarray(RGB)),
        ("bmp", Image.fromarray(RGB)),
        ("webp", Image.fromarray(RGB)),
    ],
)
def test_other_formats_are_refused(tmp_path: Path, suffix: str, image: Image.Image) -> None:
    path = save(tmp_path / f"x.{suffix}", image)
    for read in (probe, read_rgb, read_label_ids):
        with pytest.raises(InputError, match="expected a PNG"):
            read(path)


def test_cmyk_and_gray_jpegs_are_refused(tmp_path: Path) -> None:
    for mode, word in (("CMYK", "CMYK"), ("L", "gray")):
        path = save(tmp_path / "x.jpg", Image.fromarray(RGB).convert(mode))
        with pytest.raises(InputError, match=word):
            read_rgb(path)


def test_animated_png_is_refused(tmp_path: Path) -> None:
    frames = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
    path = save(tmp_path / "x.png", frames[0], save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match="animated"):
        read_rgb(path)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    data = png_bytes(Image.fromarray(RGB))
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match=r"x\.png"):
            read_rgb(path)


def test_truncated_jpeg_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "x.jpg", Image.fromarray(RGB))
    data = path.read_bytes()
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match=r"x\.jpg"):
            read_rgb(path)


def test_wrong_checksum_is_refused(tmp_path: Path) -> None:
    data = bytearray(png_bytes(Image.fromarray(RGB)))
    data[data.index(b"IDAT") + 20] ^= 1
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(InputError, match="checksum"):
        read_rgb(tmp_path / "x.png")


@pytest.mark.parametrize("read", [probe, read_rgb, read_label_ids])
@pytest.mark.parametrize("size", [(60_000, 60_000), (16_384, 16_385), (0, 4), (16_384, 16_384 + 1)])
def test_huge_header_is_refused_before_decoding(
    tmp_path: Path,
    block: Callable[[bytes, bytes], bytes],
    read: Callable[[Path], object],
    size: tuple[int, int],
) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(
        images.PNG_SIGNATURE
        + block(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
        + block(b"IDAT", zlib.compress(b"\0" * 1000))
        + block(b"IEND", b"")
    )
    with pytest.raises(InputError, match=f"{size[0]}×{size[1]}"):
        read(path)


def test_huge_jpeg_header_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "x.jpg", Image.fromarray(RGB))
    data = bytearray(path.read_bytes())
    start = data.index(b"\xff\xc0") + 5
    data[start : start + 4] = struct.pack(">HH", 60_000, 60_000)
    path.write_bytes(data)
    with pytest.raises(InputError, match="60000×60000"):
        read_rgb(path)


def test_second_header_is_refused(tmp_path: Path, block: Callable[[bytes, bytes], bytes]) -> None:
    path = tmp_path / "x.png"
    again = block(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    path.write_bytes(PNG[:33] + again + PNG[33:])
    with pytest.raises(InputError, match="another"):
        read_rgb(path)
    data = JPEG_BUFFER.getvalue()
    start = data.index(b"\xff\xc0")
    frame = bytearray(data[start : start + 19])
    frame[5:9] = struct.pack(">HH", 60_000, 60_000)
    path.write_bytes(data[: start + 19] + frame + data[start + 19 :])
    with pytest.raises(InputError, match="damaged"):
        read_rgb(path)


def test_what_is_no_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "empty.png").touch()
    for name in ("pipe.png", "folder.png", "loop.png", "empty.png", "absent.png", "nul\0.png"):
        for read in (probe, read_rgb, read_label_ids):
            with pytest.raises(InputError):
                read(tmp_path / name)
    path = save(tmp_path / "x.png", Image.fromarray(RGB))

    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    for read in (read_rgb, file_sha256):
        with pytest.raises(InputError, match="Permission denied"):
            read(path)


def test_label_ids(tmp_path: Path) -> None:
    ids = np.arange(48, dtype=np.uint8).reshape(6, 8)
    np.testing.assert_array_equal(
        read_label_ids(save(tmp_path / "a.png", Image.fromarray(ids))), ids
    )
    refusals = {
        "gtFine_labelIds": save(tmp_path / "rgb.png", Image.fromarray(RGB)),
        "16-bit": save(tmp_path / "deep.png", Image.fromarray(ids.astype(np.uint16))),
        "JPEG": save(tmp_path / "a.jpg", Image.fromarray(ids)),
        "1-bit": save(tmp_path / "bit.png", GRAY.convert("1")),
        "RGBA": save(tmp_path / "rgba.png", with_alpha(255)),
    }
    for message, path in refusals.items():
        with pytest.raises(InputError, match=message):
            read_label_ids(path)


def test_pillow_settings_are_left_alone() -> None:
    from PIL import ImageFile

    assert Image.MAX_IMAGE_PIXELS is not None
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_sha256_is_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert file_sha256(tmp_path / "x").startswith("ba7816bf8f01cfea")


PNG = png_bytes(Image.fromarray(RGB))
JPEG_BUFFER = io.BytesIO()
Image.fromarray(RGB).save(JPEG_BUFFER, "JPEG")


@settings(max_examples=300, deadline=None)
@given(
    data=st.sampled_from([PNG, JPEG_BUFFER.getvalue()]),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6),
    fix=st.booleans(),
)
def test_damaged_bytes_end_in_pixels_or_input_error(
    tmp_path_factory: pytest.TempPathFactory,
    data: bytes,
    changes: list[tuple[int, int]],
    fix: bool,
) -> None:
    damaged = bytearray(data)
    for position, value in changes:
        damaged[position % len(data)] = value
    if fix and bytes(damaged[:8]) == images.PNG_SIGNATURE:
        damaged[29:33] = struct.pack(">I", zlib.crc32(damaged[12:29]))
    path = tmp_path_factory.getbasetemp() / "fuzzed.png"
    path.write_bytes(damaged)
    messages = []
    for read in (probe, read_rgb, read_label_ids):
        try:
            read(path)
        except InputError as error:
            messages.append(str(error))
    assert all("fuzzed.png" in message for message in messages)
