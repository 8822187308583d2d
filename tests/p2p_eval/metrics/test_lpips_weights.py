"""Where LPIPS finds its weights, what it refuses, and what it says where there are none."""

from __future__ import annotations

import hashlib
import io
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models import SqueezeNet1_1_Weights

from p2p_eval.errors import InputError
from p2p_eval.metrics import lpips_weights
from p2p_eval.metrics.backbones import BACKBONES
from p2p_eval.metrics.lpips import load_lpips
from p2p_eval.metrics.lpips_weights import backbone_weights, digest, linear_weights

STATE = {
    key: torch.randn(shape, generator=torch.Generator().manual_seed(0))
    for key, shape in BACKBONES["squeeze"].shapes().items()
}
FULL = {**STATE, "classifier.1.weight": torch.zeros(10, 512, 1, 1)}


def saved(state: object) -> bytes:
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


CONTENT = saved(FULL)
HASH = hashlib.sha256(CONTENT).hexdigest()


class Address:
    """In place of torchvision's entry: an address of ours, with the hash in the file's name."""

    def __init__(self, url: str) -> None:
        self.url = url


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """torch's cache, empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def address(checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that torchvision's entry points to, a local one."""
    there = tmp_path / "server" / f"squeezenet1_1-{HASH[:8]}.pth"
    there.parent.mkdir()
    entry = type("Entry", (), {"IMAGENET1K_V1": Address(there.as_uri())})
    monkeypatch.setattr("torchvision.models.SqueezeNet1_1_Weights", entry)
    return there


def test_fetched_once_and_checked(
    address: Path, checkpoints: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address.write_bytes(CONTENT)
    state = backbone_weights("squeeze")
    assert state.keys() == STATE.keys()
    assert all(torch.equal(state[key], STATE[key]) for key in STATE)
    assert [path.name for path in checkpoints.iterdir()] == [address.name]
    assert capsys.readouterr().out == ""  # results only
    address.unlink()
    assert digest(backbone_weights("squeeze")) == digest(STATE)


def test_offline(address: Path, checkpoints: Path) -> None:
    with pytest.raises(InputError) as error:
        load_lpips("squeeze")
    for part in (
        f"LPIPS (squeeze) needs {address.name}",
        f"could not be fetched from {address.as_uri()}",
        f"put it at {checkpoints / address.name}",
        "The other metrics need none of it",
    ):
        assert part in str(error.value)
    assert not any(checkpoints.iterdir())


def test_what_was_fetched_is_not_it(address: Path, checkpoints: Path) -> None:
    address.write_bytes(CONTENT + b"!")
    with pytest.raises(InputError, match="invalid hash value"):
        backbone_weights("squeeze")
    assert not any(checkpoints.iterdir())


def test_what_is_cached_is_not_it(address: Path, checkpoints: Path) -> None:
    checkpoints.mkdir(parents=True)
    (checkpoints / address.name).write_bytes(saved(STATE))
    with pytest.raises(InputError, match=f"expected {HASH[:8]}: delete it, and it is fetched"):
        backbone_weights("squeeze")
    assert (checkpoints / address.name).exists()


def test_the_cache_cannot_be_made(
    address: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file"))
    with pytest.raises(InputError, match="could not be fetched"):
        backbone_weights("squeeze")


def test_torchvision_names_the_files(checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(url: str, there: str, hash_prefix: str, progress: bool) -> None:
        asked.append((Path(there).name, hash_prefix, progress))
        assert Path(there).parent == checkpoints
        raise OSError("offline")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    for name in BACKBONES:
        with pytest.raises(InputError, match="offline"):
            backbone_weights(name)
    assert asked == [
        ("alexnet-owt-7be5be79.pth", "7be5be79", False),
        ("vgg16-397923af.pth", "397923af", False),
        ("squeezenet1_1-b8a52dc0.pth", "b8a52dc0", False),
    ]
    assert SqueezeNet1_1_Weights.IMAGENET1K_V1.url.endswith(asked[2][0])


def test_a_named_file(tmp_path: Path) -> None:
    (tmp_path / "features.pth").write_bytes(saved(STATE))
    (tmp_path / "full.pth").write_bytes(CONTENT)
    save_file(FULL, tmp_path / "full.safetensors")
    torch.save(FULL, tmp_path / "legacy.pth", _use_new_zipfile_serialization=False)
    for path in tmp_path.iterdir():
        assert digest(backbone_weights("squeeze", path)) == digest(STATE), path.name


@pytest.mark.data
def test_the_files_of_the_test_data(test_data: Path) -> None:
    folder = test_data / "lpips"
    assert len(backbone_weights("alex", folder / "alexnet_features.pth")) == 10
    assert len(backbone_weights("squeeze", folder / "squeezenet1_1_features.pth")) == 50
    with pytest.raises(InputError, match=r"features\.3\.squeeze\.weight is missing"):
        backbone_weights("squeeze", folder / "alexnet_features.pth")


def without(key: str) -> dict[str, Tensor]:
    return {other: tensor for other, tensor in STATE.items() if other != key}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (without("features.0.bias"), r"features\.0\.bias is missing"),
        ({**STATE, "features.99.bias": torch.ones(1)}, r"unknown 'features\.99\.bias'"),
        ({**STATE, 7: torch.ones(1)}, "unknown '7'"),
        ({**STATE, "features.0.bias": torch.ones(65)}, r"features\.0\.bias: got .*\(65,\)"),
        ({**STATE, "features.0.bias": torch.ones(64).half()}, "got .*float16"),
        ({**STATE, "features.0.bias": "text"}, "got str, expected a dense tensor"),
        pytest.param(
            {**STATE, "features.0.bias": torch.ones(64).to_sparse()},
            "got .*sparse",
            marks=pytest.mark.filterwarnings("ignore:Validating sparse"),
        ),
        ({**STATE, "features.0.bias": torch.ones(64, device="meta")}, "got .*meta"),
        ({**STATE, "features.0.bias": torch.full((64,), torch.nan)}, "NaN or infinite"),
        ({**STATE, "features.0.bias": torch.full((64,), torch.inf)}, "NaN or infinite"),
        ([1, 2], "got a list, expected tensors by name"),
    ],
)
def test_other_contents(tmp_path: Path, state: object, message: str) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(saved(state))
    with pytest.raises(InputError, match=message) as error:
        backbone_weights("squeeze", path)
    assert str(path) in str(error.value)


class Harm:
    def __reduce__(self) -> tuple[object, ...]:
        return sys.exit, (1,)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        CONTENT[: len(CONTENT) // 2],
        pickle.dumps(Harm()),
        saved({"features.0.bias": Harm()}),
        b"PK\x03\x04" + bytes(100),
    ],
    ids=["empty", "text", "cut", "pickle", "code", "zip"],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_damaged_and_hostile_files(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a file of weights, or a damaged one") as refusal:
        backbone_weights("squeeze", path)
    assert "weights_only" not in str(refusal.value)  # torch's advice would run the file's code


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        backbone_weights("squeeze", tmp_path / "none.pth")
    with pytest.raises(InputError, match="not a file of weights"):
        backbone_weights("squeeze", tmp_path)


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lpips_weights, "MAX_BYTES", 10_000_000)
    path = tmp_path / "weights.pth"
    with path.open("wb") as file:
        file.truncate(10_000_001)
    with pytest.raises(InputError, match="got 10000001 bytes, expected at most 10000000"):
        backbone_weights("squeeze", path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("archive/data/0", bytes(20_000_000))
    assert path.stat().st_size < 100_000
    with pytest.raises(InputError, match="got 20000000 bytes"):
        backbone_weights("squeeze", path)


def test_linear_weights_are_the_published_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, backbone in BACKBONES.items():
        weights = linear_weights(name)
        assert tuple(map(len, weights)) == backbone.channels()
        assert all(bool((weight >= 0).all()) for weight in weights)
    monkeypatch.setitem(lpips_weights.LINEAR_SHA256, "alex", "0" * 64)
    with pytest.raises(InputError, match=r"expected 0{64}: install lpips 0\.1\.4 again"):
        linear_weights("alex")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="needs the package lpips, which is not installed"):
        linear_weights("alex")


def test_the_package_is_not_imported() -> None:
    code = (
        "import sys; from p2p_eval.metrics.lpips_weights import linear_weights;"
        "linear_weights('alex'); print('lpips' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert answer.stdout == b"False\n"


def test_the_digest_is_of_names_shapes_and_values() -> None:
    one = {"a": torch.tensor([[1.0, 2.0], [3.0, 4.0]]), "b": torch.ones(1)}
    assert digest(one) == digest(dict(reversed(one.items())))
    assert digest(one) == digest({**one, "a": one["a"].t().contiguous().t()})
    for other in (
        {"a": one["a"]},
        {**one, "a": one["a"].flatten()},
        {"a": one["a"], "c": one["b"]},
    ):
        assert digest(one) != digest(other)
