"""Loading, converting, saving and verifying weights."""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import caffemodel_writer as writer
import numpy as np
import pytest
import safetensors.torch
import torch
from caffemodel_writer import Form
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fcn import weights as module
from fcn.entries import CATALOGUE, Entry
from fcn.errors import LabelSetError, WeightsError
from fcn.files import record_path, write_record
from fcn.weights import Weights, convert, load_weights, save_weights, verify

Layers = dict[str, list[np.ndarray]]
TODAY = Form()


@pytest.fixture
def layers() -> Layers:
    return dict(writer.random_layers())


@pytest.fixture
def caffemodel(tmp_path: Path, layers: Layers) -> Path:
    return save(tmp_path / "slim.caffemodel", layers)


def save(path: Path, layers: Layers, form: Form = TODAY) -> Path:
    path.write_bytes(writer.net(layers, form))
    return path


def assert_same(found: Weights, layers: Layers) -> None:
    for name, arrays in layers.items():
        for part, array in zip(("weight", "bias"), arrays, strict=False):
            tensor = found.state[f"{name}.{part}"]
            assert tensor.dtype == torch.float32
            np.testing.assert_array_equal(tensor.numpy(), array)
    assert len(found.state) == sum(map(len, layers.values()))


FORMS = [Form(), Form(v1=True, legacy=True), Form(packed=False), Form(double=True)]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_every_form(form: Form, layers: Layers, tmp_path: Path) -> None:
    found = load_weights(save(tmp_path / "slim.caffemodel", layers, form))
    assert_same(found, layers)
    assert found.outputs == 20
    assert found.parameters == sum(a.size for arrays in layers.values() for a in arrays)
    assert found.label_set is None
    model = found.build()
    assert model.widths == writer.SLIM
    assert not model.training
    assert model(torch.zeros(1, 3, 40, 50)).shape == (1, 20, 40, 50)


def test_sha256_and_path(caffemodel: Path) -> None:
    found = load_weights(str(caffemodel))
    assert found.sha256 == hashlib.sha256(caffemodel.read_bytes()).hexdigest()
    assert found.path == caffemodel
    assert found.metadata == {"format": "caffemodel", "source": "slim.caffemodel"}


def test_state_outlives_the_file(caffemodel: Path, layers: Layers) -> None:
    found = load_weights(caffemodel)
    caffemodel.write_bytes(bytes(caffemodel.stat().st_size))
    assert_same(found, layers)


@pytest.mark.parametrize("name", ["fc6_cs", "fc7_cs", "score_fr"])
def test_legacy_fully_connected_weights_are_reshaped(
    name: str, layers: Layers, tmp_path: Path
) -> None:
    old = dict(layers)
    weight, bias = layers[name]
    old[name] = [weight.reshape(1, 1, len(weight), -1), bias.reshape(1, 1, 1, -1)]
    assert_same(load_weights(save(tmp_path / "old.caffemodel", old)), layers)


@pytest.mark.parametrize("shape", [(5, 147), (1, 1, 147, 5), (1, 5, 1, 147), (5, 3, 49, 1)])
def test_other_shapes_of_the_same_size_are_refused(
    shape: tuple[int, ...], layers: Layers, tmp_path: Path
) -> None:
    layers["fc6_cs"][0] = layers["fc6_cs"][0].reshape(shape)
    with pytest.raises(WeightsError, match=r"layer fc6_cs.*expected.*found") as caught:
        load_weights(save(tmp_path / "odd.caffemodel", layers))
    assert str(shape) in str(caught.value)


def test_a_wrong_shape_names_file_layer_expected_and_found(layers: Layers, tmp_path: Path) -> None:
    layers["conv3_2"][0] = layers["conv3_2"][0][:, :2]
    with pytest.raises(WeightsError) as caught:
        load_weights(save(tmp_path / "odd.caffemodel", layers))
    for part in [str(tmp_path / "odd.caffemodel"), "conv3_2", "(3, 3, 3, 3)", "(3, 2, 3, 3)"]:
        assert part in str(caught.value)


def test_a_bias_of_another_length(layers: Layers, tmp_path: Path) -> None:
    layers["conv2_1"][1] = np.zeros(7, np.float32)
    with pytest.raises(WeightsError, match=r"conv2_1\.bias: expected shape \(3,\), found \(7,\)"):
        load_weights(save(tmp_path / "odd.caffemodel", layers))


def test_missing_and_superfluous(layers: Layers, tmp_path: Path) -> None:
    less = {name: arrays for name, arrays in layers.items() if name != "score_pool3"}
    with pytest.raises(WeightsError, match=r"layer score_pool3 is missing"):
        load_weights(save(tmp_path / "less.caffemodel", less))
    more = layers | {"conv9\x1b": [np.zeros(1, np.float32)]}
    with pytest.raises(WeightsError, match=r"no weights in a layer conv9\\x1b") as caught:
        load_weights(save(tmp_path / "more.caffemodel", more))
    assert str(caught.value).isprintable()
    biased = layers | {"upscore2": [layers["upscore2"][0], np.zeros(20, np.float32)]}
    with pytest.raises(WeightsError, match=r"layer upscore2: got 2 blobs, expected weight"):
        load_weights(save(tmp_path / "biased.caffemodel", biased))
    unbiased = layers | {"conv5_3": layers["conv5_3"][:1]}
    with pytest.raises(WeightsError, match=r"layer conv5_3: got 1 blobs"):
        load_weights(save(tmp_path / "unbiased.caffemodel", unbiased))
    empty = layers | {"conv1_1": [np.zeros((0, 3, 3, 3), np.float32), np.zeros(0, np.float32)]}
    with pytest.raises(WeightsError, match=r"conv1_1\.weight: .* 4 dimensions of 1 … 65536"):
        load_weights(save(tmp_path / "empty.caffemodel", empty))


def test_absurd_widths_are_refused(layers: Layers, tmp_path: Path) -> None:
    layers["score_fr"] = [np.zeros((70_000, 4, 1, 1), np.float32), np.zeros(70_000, np.float32)]
    with pytest.raises(WeightsError, match=r"found shape \(70000, 4, 1, 1\)"):
        load_weights(save(tmp_path / "wide.caffemodel", layers))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(value: float, layers: Layers, tmp_path: Path) -> None:
    layers["fc7_cs"][0][1, 2] = value
    with pytest.raises(WeightsError, match=r"odd\.caffemodel: layer fc7_cs\.weight: NaN or inf"):
        load_weights(save(tmp_path / "odd.caffemodel", layers))


def test_doubles_beyond_float32_are_refused(layers: Layers, tmp_path: Path) -> None:
    layers["fc7_cs"] = [layers["fc7_cs"][0].astype(np.float64) * 1e300, layers["fc7_cs"][1]]
    with pytest.raises(WeightsError, match=r"NaN or inf"):
        load_weights(save(tmp_path / "odd.caffemodel", layers, Form(double=True)))


def test_convert(caffemodel: Path, layers: Layers, tmp_path: Path) -> None:
    source = load_weights(caffemodel)
    path = convert(caffemodel, tmp_path / "slim.safetensors", label_set="cityscapes")
    found = load_weights(path)
    assert_same(found, layers)
    assert found.label_set == "cityscapes"
    assert found.metadata == {
        "format": "fcn-8s/1",
        "label_set": "cityscapes",
        "source": "slim.caffemodel",
        "source_sha256": source.sha256,
    }
    again = convert(str(caffemodel), str(tmp_path / "again.safetensors"), label_set="cityscapes")
    assert path.read_bytes() == again.read_bytes()
    assert (path.stat().st_mode & 0o777) == 0o666 & ~current_umask()
    library = safetensors.torch.load_file(path)
    assert all(torch.equal(library[name], tensor) for name, tensor in found.state.items())
    assert {child.suffix for child in tmp_path.iterdir()} == {".caffemodel", ".safetensors"}


def current_umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def test_a_second_conversion_keeps_the_label_set(caffemodel: Path, tmp_path: Path) -> None:
    first = convert(caffemodel, tmp_path / "a.safetensors", label_set="cityscapes")
    second = load_weights(convert(first, tmp_path / "b.safetensors"))
    assert second.label_set == "cityscapes"
    assert second.metadata["source"] == "a.safetensors"
    assert second.metadata["source_sha256"] == load_weights(first).sha256


def test_what_convert_refuses(caffemodel: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    with pytest.raises(LabelSetError):
        convert(caffemodel, out, label_set="nowhere")
    with pytest.raises(WeightsError, match="got 20 outputs, expected 11 for label set camvid"):
        convert(caffemodel, out, label_set="camvid")
    with pytest.raises(WeightsError, match=r"ends in \.safetensors"):
        convert(caffemodel, tmp_path / "out.caffemodel")
    with pytest.raises(WeightsError, match="could not be written"):
        convert(caffemodel, tmp_path / "missing" / "out.safetensors")
    with pytest.raises(
        WeightsError, match=r"missing\.caffemodel: cannot be read: No such .*; check"
    ):
        convert(tmp_path / "missing.caffemodel", out)
    assert not out.exists()
    same = convert(caffemodel, out)
    before = same.read_bytes()
    with pytest.raises(WeightsError, match="the same file"):
        convert(same, same)
    assert same.read_bytes() == before


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 10 kB."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_leaves_nothing_behind(
    caffemodel: Path, tmp_path: Path, small_disk: None
) -> None:
    old = tmp_path / "old.safetensors"
    old.write_bytes(b"what was there")
    for destination in [old, tmp_path / "new.safetensors"]:
        with pytest.raises(WeightsError, match="could not be written"):
            convert(caffemodel, destination)
    assert old.read_bytes() == b"what was there"
    assert {child.name for child in tmp_path.iterdir()} == {caffemodel.name, old.name}


def test_save_weights_refuses_what_it_could_not_load(caffemodel: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    state = load_weights(caffemodel).state
    less = {name: tensor for name, tensor in state.items() if name != "upscore8.weight"}
    with pytest.raises(WeightsError, match=r"upscore8\.weight is missing"):
        save_weights(less, out, {})
    with pytest.raises(WeightsError, match="float64"):
        save_weights(state | {"conv1_1.bias": torch.zeros(3, dtype=torch.float64)}, out, {})
    with pytest.raises(WeightsError, match="NaN"):
        save_weights(state | {"conv1_1.bias": torch.full((3,), torch.nan)}, out, {})
    assert not out.exists()


def test_half_precision_is_read_as_float32(caffemodel: Path, tmp_path: Path) -> None:
    state = load_weights(caffemodel).state
    path = tmp_path / "half.safetensors"
    save_weights({name: tensor.half() for name, tensor in state.items()}, path, {"a": "b"})
    found = load_weights(path)
    assert found.metadata == {"a": "b"}
    assert all(
        torch.equal(found.state[name], tensor.half().float()) for name, tensor in state.items()
    )


def test_saving_a_model_does_not_freeze_it(caffemodel: Path, tmp_path: Path) -> None:
    model = load_weights(caffemodel).build().requires_grad_(True)
    save_weights(dict(model.named_parameters()), tmp_path / "model.safetensors", {})
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_content_decides_and_not_the_name(caffemodel: Path, layers: Layers, tmp_path: Path) -> None:
    other = tmp_path / "weights.bin"
    convert(caffemodel, tmp_path / "slim.safetensors").rename(other)
    assert_same(load_weights(other), layers)
    with pytest.raises(WeightsError, match=r"slim\.safetensors: .*expected safetensors"):
        load_weights(caffemodel.rename(tmp_path / "slim.safetensors"))


@pytest.mark.parametrize("header", [2**20 + 1, 2**40, 2**63, 2**64 - 1, 0, 7])
def test_safetensors_with_a_wrong_header(header: int, tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    path.write_bytes(header.to_bytes(8, "little") + b'{"a":1}' + b" " * 2**20 * 2)
    with pytest.raises(WeightsError, match=r"odd\.safetensors: "):
        load_weights(path)


def test_safetensors_of_another_network(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    safetensors.torch.save_file({"unet.\n": torch.zeros(3)}, path)
    with pytest.raises(WeightsError, match=r"other\.safetensors: ") as caught:
        load_weights(path)
    assert str(caught.value).isprintable()
    safetensors.torch.save_file({"conv1_1.weight": torch.zeros(3, dtype=torch.int64)}, path)
    with pytest.raises(WeightsError, match="int64"):
        load_weights(path)


@pytest.mark.parametrize("name", ["../../etc/passwd", "my set", "", "a" * 101, "-x", "\udcff"])
def test_a_label_set_without_a_plain_name(caffemodel: Path, tmp_path: Path, name: str) -> None:
    path, out = tmp_path / "odd.safetensors", tmp_path / "out.safetensors"
    state = load_weights(caffemodel).state
    with pytest.raises(LabelSetError, match="got the label set's name"):
        save_weights(state, out, {"label_set": name})
    safetensors.torch.save_file(
        state, path, {"label_set": name.encode("utf-8", "replace").decode()}
    )
    assert load_weights(path).label_set is None
    with pytest.raises(LabelSetError, match="which weights cannot carry"):
        convert(path, out)
    assert not out.exists()
    convert(path, out, label_set="cityscapes")


def test_a_label_set_whose_file_has_no_plain_name(caffemodel: Path, tmp_path: Path) -> None:
    table = tmp_path / "my set.csv"
    rows = "".join(f"{i}, {i}, class{i}, {i}, 0, 0\n" for i in range(20))
    table.write_text(f"id, train_id, name, red, green, blue\n{rows}")
    with pytest.raises(LabelSetError, match=r"'my set'.*rename its CSV file"):
        convert(caffemodel, tmp_path / "out.safetensors", label_set=str(table))
    assert not (tmp_path / "out.safetensors").exists()


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_mutated_safetensors(data: st.DataObject, caffemodel: Path, tmp_path: Path) -> None:
    source = tmp_path / "slim.safetensors"
    whole = source.read_bytes() if source.exists() else convert(caffemodel, source).read_bytes()
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, 4000) | st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    path = tmp_path / "mutated.safetensors"
    path.write_bytes(content)
    try:
        load_weights(path).build()
    except WeightsError as error:
        assert str(error).startswith(str(path))  # noqa: PT017 - most mutations are harmless


def test_verify(caffemodel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sha256 = verify(caffemodel).sha256
    write_record(caffemodel, sha256)
    assert record_path(caffemodel).read_text() == f"{sha256}  slim.caffemodel\n"
    assert verify(caffemodel).sha256 == sha256
    write_record(caffemodel, "0" * 64)
    with pytest.raises(WeightsError, match=rf"got sha256 {sha256}, expected 0+ as in slim"):
        verify(caffemodel)
    record_path(caffemodel).write_bytes(b"\xff\x00 no record")
    with pytest.raises(WeightsError, match="64 hexadecimal digits"):
        verify(caffemodel)
    record_path(caffemodel).unlink()
    official = CATALOGUE["cityscapes"]
    fields = {name: getattr(official, name) for name in Entry.__slots__}
    entry = Entry(**fields | {"file": caffemodel.name, "sha256": "1" * 64})
    monkeypatch.setattr(module, "CATALOGUE", {"slim": entry})
    with pytest.raises(WeightsError, match="as in the catalogue"):
        verify(caffemodel)


def test_torch_is_imported_only_for_weights() -> None:
    code = "import sys, fcn, fcn.caffemodel, fcn.catalogue"
    check = f"{code}; assert 'torch' not in sys.modules and 'httpx' not in sys.modules"
    subprocess.run([sys.executable, "-c", check], check=True)


@pytest.mark.data
def test_real_files_of_other_networks_are_refused(test_data: Path) -> None:
    files = sorted((test_data / "caffemodels").glob("*.caffemodel"))
    assert len(files) == 5
    for path in files:
        with pytest.raises(WeightsError, match=rf"{path.name}: layer \w+ is missing"):
            load_weights(path)
