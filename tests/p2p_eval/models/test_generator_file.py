"""Generators as files: what is written comes back, what is damaged or hostile does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from fcn.errors import WeightsError
from p2p_eval.models import Generator, ResnetGenerator, load_generator, save_generator
from p2p_eval.models.generator_file import digest_of

SETTINGS: dict[str, Any] = {"inputs": 3, "outputs": 3, "size": 64, "width": 2, "skips": True}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "generator.safetensors"
    save_generator(path, Generator(**SETTINGS), SETTINGS, {"steps": 7})
    return path


def changed(path: Path, **header: Any) -> None:
    """Write the file again with another header."""
    tensors = load_file(path)
    facts = {
        "format": "p2p-eval-generator/1", "kind": "unet", "settings": SETTINGS,
        "weights_sha256": digest_of(tensors),
    }  # fmt: skip
    save_file(tensors, path, {"p2p-eval": json.dumps({**facts, **header})})


def test_comes_back_bit_for_bit(tmp_path: Path) -> None:
    network = Generator(**SETTINGS).train()
    network(torch.randn(2, 3, 64, 64))  # running statistics of their own
    path = tmp_path / "g.safetensors"
    save_generator(path, network, SETTINGS, {"steps": 7})
    loaded = load_generator(path)
    assert (loaded.kind, loaded.settings, loaded.metadata["steps"]) == ("unet", SETTINGS, 7)
    assert not loaded.network.training
    x = torch.randn(1, 3, 128, 64)
    assert torch.equal(loaded.network(x), network.eval()(x))


def test_residual_networks_and_half_precision(tmp_path: Path) -> None:
    settings = {"inputs": 1, "outputs": 2, "width": 4, "blocks": 2}
    network = ResnetGenerator(**settings).eval()  # type: ignore[arg-type]
    path = tmp_path / "g.safetensors"
    save_generator(path, network, settings, {}, dtype=torch.float16)
    loaded = load_generator(path)
    assert loaded.kind == "resnet"
    x = torch.randn(1, 1, 32, 32)
    torch.testing.assert_close(loaded.network(x), network(x), rtol=0, atol=5e-3)
    assert {p.dtype for p in loaded.network.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"format": "other/1"}, "no generator of this program"),
        ({"kind": "gan"}, "got a generator of kind 'gan'"),
        ({"kind": ["unet"]}, "got a generator of kind"),
        ({"settings": []}, "got a generator of kind"),
        ({"settings": {"size": 4096, "width": 1000000}}, "got width = 1000000"),
        ({"settings": {"size": 96}}, "got size 96"),
        ({"settings": {"size": 64, "width": 2, "evil": 1}}, "evil"),
        ({"settings": {"size": 64, "width": 3}}, r"got torch\.float32 of shape"),
        ({"settings": {"size": 128, "width": 2}}, "other tensors than its settings ask for"),
        ({"weights_sha256": "0"}, "got other weights than were written"),
    ],
    ids=str,
)
def test_settings_of_a_stranger(path: Path, header: dict[str, Any], message: str) -> None:
    changed(path, **header)
    with pytest.raises(WeightsError, match=message):
        load_generator(path)


def test_numbers_that_are_none(path: Path) -> None:
    tensors = load_file(path)
    tensors["down.0.conv.weight"][0, 0, 0, 0] = float("nan")
    save_file(tensors, path)
    changed(path)
    with pytest.raises(WeightsError, match=r"down\.0\.conv\.weight: got NaN"):
        load_generator(path)


@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000, "3"], ids=len)
def test_metadata_that_are_none(path: Path, text: str) -> None:
    save_file(load_file(path), path, {"p2p-eval": text})
    with pytest.raises(WeightsError, match=r"metadata are not JSON|no generator of this program"):
        load_generator(path)


def test_one_changed_byte_is_noticed(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match="got other weights than were written"):
        load_generator(path)


def test_the_same_generator_gives_the_same_bytes(path: Path) -> None:
    loaded = load_generator(path)
    again = path.with_name("again.safetensors")
    save_generator(again, loaded.network, loaded.settings, loaded.metadata)
    assert again.read_bytes() == path.read_bytes()


def test_truncated_anywhere(path: Path) -> None:
    data = path.read_bytes()
    for length in (0, 4, 8, 9, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(WeightsError, match=r"generator\.safetensors"):
            load_generator(path)


def test_a_header_that_claims_too_much(path: Path) -> None:
    path.write_bytes((1 << 40).to_bytes(8, "little") + b"{" * 100)
    with pytest.raises(WeightsError, match="got a header of"):
        load_generator(path)


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(WeightsError, match="cannot be read"):
            load_generator(path)


def test_a_disk_that_is_full_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WeightsError, match="check space"):
        save_generator(path, Generator(**SETTINGS), SETTINGS, {})
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
