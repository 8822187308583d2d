"""The reader against files in every form, good and bad."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import caffemodel_writer as writer
import numpy as np
import pytest
from caffemodel_writer import Form, field, varint
from hypothesis import given, settings
from hypothesis import strategies as st

from fcn import caffemodel
from fcn.caffemodel import parse, read_caffemodel
from fcn.errors import WeightsError

RNG = np.random.default_rng(3)
WEIGHT = RNG.standard_normal((4, 3, 3, 3)).astype(np.float32)
BIAS = RNG.standard_normal(4).astype(np.float32)

FORMS = {
    "today's": Form(),
    "v1": Form(v1=True),
    "v1 legacy": Form(v1=True, legacy=True),
    "unpacked": Form(packed=False),
    "unpacked dimensions": Form(packed_dims=False),
    "double": Form(double=True),
    "unpacked double": Form(double=True, packed=False, v1=True),
    "chunks": Form(chunks=5),
    "numbers first": Form(data_first=True),
    "unpacked numbers first": Form(data_first=True, packed=False, legacy=True),
}


def read(data: bytes) -> dict[str, list[np.ndarray]]:
    layers = parse(data, Path("bytes"))
    return {name: [blob.view() for blob in blobs] for name, blobs in layers.items()}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form(form: Form, tmp_path: Path) -> None:
    path = tmp_path / "net.caffemodel"
    path.write_bytes(writer.net({"a": [WEIGHT, BIAS], "b": [BIAS]}, form))
    layers = read_caffemodel(path)
    assert list(layers) == ["a", "b"]
    weight, bias = layers["a"]
    np.testing.assert_array_equal(weight, WEIGHT)
    assert weight.dtype == np.float32
    assert bias.shape == ((1, 1, 1, 4) if form.legacy else (4,))
    np.testing.assert_array_equal(bias.reshape(-1), BIAS)


def test_plain_floats_are_views_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "net.caffemodel"
    path.write_bytes(writer.net({"a": [WEIGHT]}))
    (weight,) = read_caffemodel(path)["a"]
    assert not weight.flags.owndata
    assert not weight.flags.writeable


@pytest.mark.parametrize("shift", range(8))
def test_unaligned_numbers(shift: int) -> None:
    data = field(1, 2, b"x" * shift) + writer.layer("a", [WEIGHT])
    np.testing.assert_array_equal(read(data)["a"][0], WEIGHT)
    (blob,) = parse(data, Path("bytes"))["a"]
    copy = blob.copy()
    assert copy.flags.aligned
    assert copy.flags.owndata or copy.base.flags.owndata
    np.testing.assert_array_equal(copy, WEIGHT)


@settings(max_examples=150, deadline=None)
@given(
    form=st.builds(
        Form,
        v1=st.booleans(),
        packed=st.booleans(),
        legacy=st.booleans(),
        packed_dims=st.booleans(),
        double=st.booleans(),
        chunks=st.integers(1, 4),
        data_first=st.booleans(),
    ),
    names=st.lists(st.text(max_size=20), min_size=1, max_size=4, unique=True),
    shapes=st.lists(
        st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple), min_size=1, max_size=3
    ),
    seed=st.integers(0, 2**32 - 1),
)
def test_round_trip(form: Form, names: list[str], shapes: list[tuple[int, ...]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    bits = [rng.integers(0, 2**32, shape, np.uint32).view(np.float32) for shape in shapes]
    with np.errstate(invalid="ignore"):
        arrays = [np.nan_to_num(array, nan=1.5) for array in bits]
    layers = dict.fromkeys(names, arrays)
    found = read(writer.net(layers, form))
    assert list(found) == names
    for blobs in found.values():
        for blob, array in zip(blobs, arrays, strict=True):
            assert blob.size == array.size
            np.testing.assert_array_equal(blob.reshape(array.shape), array)


def test_runs_of_unpacked_numbers_end_where_the_tag_changes() -> None:
    shape = field(7, 2, field(1, 2, varint(4)))
    one = field(5, 5, np.float32(1).tobytes())
    long_tag = b"\xad\x00" + np.float32(2).tobytes()  # the same tag in two bytes
    body = one + field(3, 0, b"\x01") + shape + one + long_tag + one
    data = field(100, 2, field(1, 2, b"a") + field(7, 2, body.replace(field(3, 0, b"\x01"), b"")))
    assert read(data)["a"][0].tolist() == [1, 1, 2, 1]


def test_unknown_fields_are_stepped_over() -> None:
    junk = field(9, 0, varint(2**63)) + field(200, 1, bytes(8)) + field(300, 5, bytes(4))
    data = junk + writer.layer("a", [BIAS]) + field(8, 2, b"\xff" * 10)
    np.testing.assert_array_equal(read(data)["a"][0], BIAS)


def layer_of(blob: bytes) -> bytes:
    return field(100, 2, field(1, 2, b"conv") + field(7, 2, blob))


def shape(*dims: int) -> bytes:
    return field(7, 2, field(1, 2, b"".join(map(varint, dims))))


FOREIGN = {
    "PNG": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "JPEG": b"\xff\xd8\xff\xe0" + bytes(100),
    "zip": b"PK\x03\x04" + bytes(100),
    "pickle": b"\x80\x04\x95" + bytes(100),
    "gzip": b"\x1f\x8b\x08" + bytes(100),
    "web page": b"\n<!DOCTYPE html><html><body>404</body></html>",
    "LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "prototxt": b'name: "fcn8s"\nlayer { name: "data" }\n',
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_files_are_named(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "net.caffemodel"
    path.write_bytes(FOREIGN[kind])
    with pytest.raises(WeightsError, match=f"net.caffemodel: this is .*{kind}"):
        read_caffemodel(path)


def test_a_network_with_a_name_like_a_page_is_no_page() -> None:
    name = b"<" * 60  # its length is the code of "<", after a field tag that is a newline
    assert "a" in read(field(1, 2, name) + writer.layer("a", [BIAS]))


HOSTILE = {
    "number too few": (layer_of(shape(5) + field(5, 2, bytes(16))), r"5 numbers .*\(5,\), found 4"),
    "shape beyond file": (layer_of(shape(2**40)), "dimension of 1099511627776"),
    "huge product": (layer_of(shape(*[9] * 32) + field(5, 2, bytes(4))), "found 1"),
    "negative dimension": (layer_of(shape(-1) + field(5, 2, bytes(4))), "got a dimension of"),
    "negative legacy": (layer_of(field(1, 0, varint(-4)) + field(5, 2, bytes(4))), "dimension"),
    "many dimensions": (layer_of(shape(*[1] * 33) + field(5, 2, bytes(4))), "more than 32"),
    "odd bytes": (layer_of(shape(1) + field(5, 2, bytes(5))), "got 5 bytes of numbers"),
    "wire type of data": (layer_of(shape(1) + field(5, 0, b"\x01")), "got wire type 0"),
    "group": (layer_of(b"\x0b"), "got wire type 3"),
    "field 0": (b"\x02\x00", "field number 0"),
    "length beyond file": (b"\xa2\x06\xff\xff\xff\xff\x0f", "needs 4294967295 bytes, 0 are there"),
    "endless varint": (b"\xff" * 30, "has no end"),
    "many blobs": (field(100, 2, field(7, 2, b"") * 65), "65 blobs"),
    "long name": (field(100, 2, field(1, 2, b"a" * 2000)), "2000 bytes"),
    "no layers": (field(1, 2, b"\x01net"), "no layer with weights"),
    "twice": (writer.layer("a", [BIAS]) * 2, "layer a: the name stands twice"),
    "no shape": (layer_of(field(5, 2, bytes(8))), r"expected 1 numbers for shape \(\), found 2"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files(case: str) -> None:
    data, message = HOSTILE[case]
    with pytest.raises(WeightsError, match=message) as caught:
        read(data)
    assert str(caught.value).startswith("bytes: ")


def test_bounds_on_layers_and_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caffemodel, "MAX_LAYERS", 3)
    monkeypatch.setattr(caffemodel, "MAX_FIELDS", 100)
    with pytest.raises(WeightsError, match="more than 3 layers"):
        read(field(100, 2, b"") * 4)
    with pytest.raises(WeightsError, match="more than 100 fields"):
        read(field(9, 0, b"\x01") * 101)


@pytest.mark.parametrize("name", [b"\xff\xfe", b"a\nb", b"\x1b[31m", "größe".encode(), b"x" * 900])
def test_hostile_names_do_not_break_messages(name: bytes) -> None:
    data = field(100, 2, field(1, 2, name) + field(7, 2, shape(2)))
    with pytest.raises(WeightsError) as caught:
        read(data)
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_every_truncation_is_an_error_or_fewer_layers() -> None:
    data = writer.net({"a": [BIAS], "b": [BIAS]})
    whole_first_layer = len(field(1, 2, b"fcn8s") + writer.layer("a", [BIAS]))
    for length in range(1, len(data)):
        if length == whole_first_layer:
            assert list(read(data[:length])) == ["a"]
            continue
        with pytest.raises(WeightsError):
            read(data[:length])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["net", "layer", "v1", "blob", "shape"]))
def test_any_bytes_end_in_layers_or_weights_error(junk: bytes, place: str) -> None:
    data = {
        "net": junk,
        "layer": field(100, 2, junk),
        "v1": field(2, 2, junk),
        "blob": layer_of(junk),
        "shape": layer_of(field(7, 2, junk) + field(5, 2, bytes(4))),
    }[place]
    try:
        layers = read(data)
    except WeightsError as error:
        assert str(error).isprintable()  # noqa: PT017 - some bytes are a caffemodel
    else:
        assert sum(blob.size for blobs in layers.values() for blob in blobs) <= len(data)


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    for name in ["empty", "folder", "dangling", "loop", "pipe", "missing", "nul\0", "x" * 300]:
        with pytest.raises(WeightsError):
            read_caffemodel(tmp_path / name)


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.caffemodel"
    path.write_bytes(writer.net({"a": [BIAS]}))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # file modes do not bind a superuser
    with pytest.raises(WeightsError, match=r"net\.caffemodel: cannot be read"):
        read_caffemodel(path)


def test_a_link_to_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(writer.net({"a": [BIAS]}))
    (tmp_path / "link").symlink_to("real")
    assert list(read_caffemodel(tmp_path / "link")) == ["a"]


def test_sparse_file_over_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "huge.caffemodel"
    with path.open("wb") as file:
        file.truncate(1 << 31)
    with pytest.raises(WeightsError, match="got a file of 2147483648 bytes"):
        read_caffemodel(path)


MEASURE = """
import sys
def peak():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) * 1024
if sys.argv[1] == "read":
    from fcn.caffemodel import read_caffemodel
    before = 0
    total = sum(float(blob.sum()) for b in read_caffemodel(sys.argv[2]).values() for blob in b)
else:
    from fcn.weights import load_weights
    before = peak()
    weights = load_weights(sys.argv[2])
    model = weights.build()
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("what", ["read", "load"])
def test_peak_memory(what: str, full_width: Path) -> None:
    """At most the file's size and 200 MB: in all for the reader, beyond torch's own for weights."""
    command = [sys.executable, "-c", MEASURE, what, str(full_width)]
    peak = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(f"{what}: peak {peak / 1e6:.0f} MB, file {full_width.stat().st_size / 1e6:.0f} MB")
    assert peak <= full_width.stat().st_size + 200e6


@pytest.mark.data
def test_real_files_of_other_networks(test_data: Path) -> None:
    expected = {
        "det1": ("conv1", (10, 3, 3, 3)),
        "det2": ("conv5-1", (2, 128)),
        "det3": ("conv6-3", (10, 256)),
        "det4": ("conv1_1", (28, 3, 3, 3)),
        "lenet_iter_10000": ("ip1", (500, 800)),
    }
    for file, (name, dims) in expected.items():
        layers = read_caffemodel(test_data / "caffemodels" / f"{file}.caffemodel")
        assert layers[name][0].shape == dims
        for blobs in layers.values():
            for blob in blobs:
                assert np.isfinite(blob).all()
                assert 0 < np.abs(blob).max() < 100
