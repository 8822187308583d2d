"""Files of the PyTorch code: what is loaded equals their network, and nothing bad gets through."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import pickle
import pickletools
import random
import re
import struct
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fcn.errors import WeightsError
from p2p_eval.models.foreign import Foreign, read_pytorch_code
from p2p_eval.models.generators import Generator
from p2p_eval.models.layers import Dropout, test_mode
from p2p_eval.models.resnet import ResnetGenerator

sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))

from pytorch_code_networks import Resnet, UNet, randomize

State = dict[str, Tensor]
NORMS = ["batch", "instance", "none"]
CHANNELS = [(3, 3), (1, 3), (3, 1)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "latest_net_G.pth"


def unet(inputs: int = 3, outputs: int = 3, levels: int = 6, **options: Any) -> UNet:
    network = UNet(inputs, outputs, levels, **{"width": 2, **options})
    randomize(network)
    return network


def resnet(inputs: int = 3, outputs: int = 3, blocks: int = 2, **options: Any) -> Resnet:
    network = Resnet(inputs, outputs, blocks, **{"width": 2, **options})
    randomize(network)
    return network


def images(network: nn.Module, side: int, count: int = 1) -> Tensor:
    first = next(p for p in network.parameters() if p.ndim == 4)
    generator = torch.Generator().manual_seed(7)
    return torch.rand(count, first.shape[1], side, side, generator=generator) * 2 - 1


@torch.no_grad()
def assert_same(theirs: nn.Module, found: Foreign, side: int) -> None:
    x = images(theirs, side)
    assert not found.network.training
    output, expected = found.network(x), theirs(x)
    assert output.dtype == torch.float32
    assert output.std() > 0.01
    ours, x = found.network.double(), x.double()
    exact = theirs.double()(x)
    torch.testing.assert_close(ours(x), exact, rtol=0, atol=1e-12)
    # Norms of few pixels magnify rounding; ours may be as far from the truth as theirs.
    assert (output - exact).abs().max() <= 3 * (expected - exact).abs().max() + 1e-6


def load(path: Path, content: object, **options: Any) -> Foreign:
    torch.save(content, path, **options)
    return read_pytorch_code(path)


@pytest.mark.parametrize("channels", CHANNELS, ids=str)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("levels", "width"), [(7, 4), (8, 3)])
def test_unet(path: Path, levels: int, width: int, norm: str, channels: tuple[int, int]) -> None:
    theirs = unet(*channels, levels, width=width, norm=norm)
    found = load(path, theirs.state_dict())
    assert found.kind == "unet"
    assert found.settings == {
        "inputs": channels[0], "outputs": channels[1], "size": 2**levels, "width": width,
        "skips": True, "norm": norm, "dropout": "pytorch", "bottleneck_norm": False,
    }  # fmt: skip
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert bool(found.notes) == (norm == "none")
    assert_same(theirs, found, 2**levels)
    again = Generator(**found.settings)
    again.load_state_dict(found.network.state_dict())


@pytest.mark.parametrize(("levels", "width"), [(6, 5), (9, 1)])
def test_unet_of_other_sizes(path: Path, levels: int, width: int) -> None:
    theirs = unet(levels=levels, width=width)
    found = load(path, theirs.state_dict())
    assert (found.settings["size"], found.settings["width"]) == (2**levels, width)
    assert_same(theirs, found, 2**levels)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("dropout", [True, False])
@pytest.mark.parametrize(
    ("blocks", "width", "channels"),
    [(9, 3, (3, 3)), (9, 2, (3, 1)), (6, 4, (1, 3)), (1, 1, (1, 1))],
)
def test_resnet(
    path: Path, blocks: int, width: int, channels: tuple[int, int], dropout: bool, norm: str
) -> None:
    theirs = resnet(*channels, blocks, width=width, norm=norm, dropout=dropout)
    found = load(path, theirs.state_dict())
    assert found.kind == "resnet"
    assert found.settings == {
        "inputs": channels[0], "outputs": channels[1], "width": width, "blocks": blocks,
        "norm": norm, "dropout": dropout,
    }  # fmt: skip
    assert_same(theirs, found, 32)
    again = ResnetGenerator(**found.settings)
    again.load_state_dict(found.network.state_dict())


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("make", [unet, resnet])
def test_forms_of_the_file(
    path: Path, make: Callable[..., nn.Module], prefix: str, zipped: bool
) -> None:
    theirs = make()
    state = theirs.state_dict(prefix=prefix)
    assert hasattr(state, "_metadata")
    for content in (state, dict(state)):
        found = load(path, content, _use_new_zipfile_serialization=zipped)
        assert not found.notes
        assert_same(make(), found, 64)


def test_full_width(path: Path) -> None:
    theirs = UNet(3, 3, 8).eval()
    found = load(path, theirs.state_dict())
    assert sum(p.numel() for p in found.network.parameters()) == 54_413_955
    assert_same(theirs, found, 256)


def test_full_width_of_resnet(path: Path) -> None:
    found = load(path, Resnet(3, 3, 9, norm="instance").state_dict())
    assert sum(p.numel() for p in found.network.parameters()) == 11_378_179


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("make", [unet, resnet])
def test_every_tensor_has_one_place(path: Path, make: Callable[..., nn.Module], norm: str) -> None:
    state = make(norm=norm).state_dict()
    for number, tensor in enumerate(state.values(), 1):
        tensor.fill_(number)
    found = load(path, state).network.state_dict()
    numbers = [float(tensor.flatten()[0]) for tensor in found.values()]
    assert all((tensor == tensor.flatten()[0]).all() for tensor in found.values())
    if norm == "none":  # biases that they have not
        numbers = [number for number in numbers if number]
    assert sorted(numbers) == list(range(1, len(state) + 1))


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("make", [unet, resnet])
def test_statistics_of_the_batch(path: Path, make: Callable[..., nn.Module], norm: str) -> None:
    theirs = make(norm=norm)
    torch.save(theirs.state_dict(), path)
    found = read_pytorch_code(path, dropout=False)
    theirs = theirs.double().train()
    ours, x = found.network.double(), images(theirs, 64, 3).double()
    with torch.no_grad(), test_mode(ours, "paper"):
        torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("levels", [6, 7, 8, 9])
def test_dropout_of_the_unet_is_at_the_same_places(path: Path, levels: int) -> None:
    # The same seed drops the same activations only if the blocks and their order are the same.
    theirs = unet(levels=levels, width=1, dropout=True)
    found = load(path, theirs.state_dict())
    count = sum(isinstance(module, nn.Dropout) for module in theirs.modules())
    assert count == levels - 5
    assert sum(isinstance(module, Dropout) for module in found.network.modules()) == count
    compare_dropped(theirs, found.network, 2**levels)
    found = read_pytorch_code(path, dropout=False)
    assert found.settings["dropout"] == "none"
    assert not any(isinstance(module, Dropout) for module in found.network.modules())


def test_dropout_of_the_resnet_is_at_the_same_places(path: Path) -> None:
    theirs = resnet(dropout=True)
    torch.save(theirs.state_dict(), path)
    compare_dropped(theirs, read_pytorch_code(path, dropout=False).network, 32)


@torch.no_grad()
def compare_dropped(theirs: nn.Module, ours: nn.Module, side: int) -> None:
    theirs, ours, x = theirs.double().train(), ours.double(), images(theirs, side, 2).double()
    state = torch.get_rng_state()
    try:
        torch.manual_seed(3)
        expected = theirs(x)
        torch.manual_seed(3)
        with test_mode(ours, "paper"):
            torch.testing.assert_close(ours(x), expected, rtol=0, atol=1e-12)
    finally:
        torch.set_rng_state(state)


@pytest.mark.parametrize("make", [unet, resnet])
def test_unused_statistics_of_instance_norms(path: Path, make: Callable[..., nn.Module]) -> None:
    theirs = make(norm="instance")
    state = theirs.state_dict()
    norms = [(n, m) for n, m in theirs.named_modules() if isinstance(m, nn.InstanceNorm2d)]
    for name, module in norms:
        state[f"{name}.running_mean"] = torch.rand(module.num_features)
        state[f"{name}.running_var"] = torch.rand(module.num_features)
        state[f"{name}.num_batches_tracked"] = torch.tensor(4)
    found = load(path, state)
    assert found.notes == (
        f"{3 * len(norms)} statistics of instance norms, which go unused, were left out.",
    )
    assert_same(theirs, found, 64)


@pytest.mark.parametrize("make", [unet, resnet])
def test_counts_of_batches_may_be_missing(path: Path, make: Callable[..., nn.Module]) -> None:
    theirs = make()
    state = {k: v for k, v in theirs.state_dict().items() if "num_batches" not in k}
    found = load(path, state)
    assert "counts of batches" in found.notes[0]
    assert_same(theirs, found, 64)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(path: Path, dtype: torch.dtype) -> None:
    theirs = resnet().to(dtype)
    found = load(path, theirs.state_dict())
    assert "half precision" in found.notes[0]
    assert_same(theirs.float(), found, 32)


@pytest.mark.parametrize("zipped", [True, False])
def test_saved_from_a_gpu(path: Path, zipped: bool) -> None:
    torch.save(resnet().state_dict(), path, _use_new_zipfile_serialization=zipped)
    old, new = (struct.pack("<I", len(name)) + name for name in (b"cpu", b"cuda:0"))
    if zipped:
        rewritten(path, lambda _, content: content.replace(old, new))
    else:
        path.write_bytes(path.read_bytes().replace(old, new))
    assert new in path.read_bytes()
    assert_same(resnet(), read_pytorch_code(path), 32)


def test_tensors_that_are_not_contiguous(path: Path) -> None:
    theirs = resnet()
    theirs.to(memory_format=torch.channels_last)
    found = load(path, theirs.state_dict())
    assert_same(theirs, found, 32)
    assert all(tensor.is_contiguous() for tensor in found.network.state_dict().values())


def test_the_network_outlives_its_file_and_can_be_trained(path: Path) -> None:
    theirs, state = resnet(), torch.get_rng_state()
    found = load(path, theirs.state_dict())
    assert torch.equal(torch.get_rng_state(), state)
    path.write_bytes(bytes(path.stat().st_size))
    assert_same(theirs, found, 32)
    assert all(p.requires_grad and p.is_leaf for p in found.network.parameters())


def test_an_attribute_in_place_of_a_method(path: Path) -> None:
    torch.save(resnet().state_dict(), path)
    old, new = (struct.pack("<I", len(name)) + name for name in (b"_metadata", b"items"))
    with zipfile.ZipFile(path) as archive:
        assert old in archive.read("latest_net_G/data.pkl")
    rewritten(path, lambda _, content: content.replace(old, new))
    assert read_pytorch_code(path).kind == "resnet"


# What is refused


def refused(path: Path, match: str) -> str:
    with pytest.raises(WeightsError, match=match) as caught:
        read_pytorch_code(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.count(str(path)) == 1
    assert "expected" in message or "again" in message
    assert "weights_only" not in message
    return message


def refused_content(path: Path, content: object, match: str) -> None:
    for zipped in (True, False):
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
        refused(path, match)


def test_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    for path in (tmp_path, tmp_path / "none", tmp_path / "pipe", Path("/dev/zero")):
        refused(path, "regular file|cannot be read")
    refused(tmp_path / "empty", "0 bytes")


def test_too_large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 31)
    refused(path, "got a file of 2147483648 bytes")


@pytest.mark.parametrize("content", [b"x", b"\x89PNG\r\n\x1a\n" + bytes(100), b"PK\x03\x04",
                                     b"PK\x03\x04" + bytes(1000), pickle.dumps({}, 2),
                                     pickle.dumps([1] * 1000), bytes(5000)])  # fmt: skip
def test_other_files(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refused(path, "torch.save|damaged")


@pytest.mark.parametrize("zipped", [True, False])
def test_truncated(path: Path, zipped: bool) -> None:
    torch.save(resnet().state_dict(), path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    for share in (0.001, 0.1, 0.3, 0.5, 0.9, 0.999):
        path.write_bytes(content[: int(share * len(content))])
        refused(path, "damaged or truncated|torch.save")


def test_damaged_weights(path: Path) -> None:
    state = resnet().state_dict()
    torch.save(state, path)
    content = bytearray(path.read_bytes())
    content[content.index(state["model.1.weight"].numpy().tobytes()) + 5] ^= 1
    path.write_bytes(content)
    refused(path, "data/0 is damaged")


@pytest.mark.parametrize("zipped", [True, False])
def test_random_damage(path: Path, zipped: bool) -> None:
    torch.save(resnet(blocks=1, width=1).state_dict(), path, _use_new_zipfile_serialization=zipped)
    content, rng = path.read_bytes(), random.Random(1)
    start = 0 if not zipped else content.index(b"ccollections") - 100
    caught = 0
    for _ in range(150):
        changed = bytearray(content)
        for _ in range(rng.choice((1, 3))):
            changed[rng.randrange(start, min(start + 5000, len(content)))] = rng.randrange(256)
        path.write_bytes(changed)
        try:
            read_pytorch_code(path)
        except WeightsError:
            caught += 1
    assert caught > 50


class Hostile:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch '{self.mark}'",)


def test_hostile_pickles(path: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    state: dict[str, Any] = dict(resnet().state_dict())
    for content in (Hostile(mark), state | {"x": Hostile(mark)}, [Hostile(mark)]):
        refused_content(path, content, r"asks for posix\.system")
        path.write_bytes(pickle.dumps(content, 2))
        refused(path, "torch.save")
    assert not mark.exists()
    pickle.loads(pickle.dumps(Hostile(mark)))
    assert mark.exists()  # it would have worked


def test_hostile_pickle_around_the_state(path: Path, tmp_path: Path) -> None:
    # Each of the five pickles of the old format is read, the last one after the state.
    torch.save(resnet().state_dict(), path, _use_new_zipfile_serialization=False)
    content, mark = path.read_bytes(), tmp_path / "ran"
    stream, ends = io.BytesIO(content), [0]
    for _ in range(5):
        *_, (last, _, _) = pickletools.genops(stream)
        assert last.name == "STOP"
        ends.append(stream.tell())
    bad = pickle.dumps(Hostile(mark), 2)
    for start, end in itertools.pairwise(ends[1:]):
        path.write_bytes(content[:start] + bad + content[end:])
        refused(path, r"asks for posix\.system")
    assert not mark.exists()


def test_whole_networks(path: Path) -> None:
    refused_content(path, resnet(), r"asks for pytorch_code_networks\.Resnet")
    refused_content(path, nn.Conv2d(3, 3, 1), r"asks for torch\.nn\.modules\.conv\.Conv2d")


def test_other_contents(path: Path) -> None:
    state = resnet().state_dict()
    discriminator = nn.Sequential(nn.Conv2d(6, 4, 4, 2, 1), nn.LeakyReLU(), nn.Conv2d(4, 8, 4))
    for_others = {f"model.{name}": value for name, value in discriminator.state_dict().items()}
    refused_content(path, for_others, r"got 4 tensors \(model\.0\.weight")
    refused_content(path, nn.Linear(2, 2).state_dict(), r"got 2 tensors \(weight, bias\)")
    refused_content(path, {}, "got 0 tensors")
    training = {"epoch": 3, "G_A": state, "optimizer": {"state": {}}}
    refused_content(path, training, "got a int under epoch.*training run")
    refused_content(path, {"G_A": state}, "got a OrderedDict under G_A")
    refused_content(path, {1: torch.zeros(1)}, "under a int")
    refused_content(path, list(state.values()), "got a list")
    refused_content(path, torch.zeros(3), "got a Tensor")
    itself: dict[str, Any] = {}
    itself["itself"] = itself
    refused_content(path, itself, "got a dict under itself")
    refused_content(path, {"x": nn.Parameter(torch.zeros(1))}, "asks for")


def changed(make: Callable[..., nn.Module], **changes: Tensor | None) -> State:
    """Return a state dict with other tensors, and without those that are None."""
    state = make().state_dict() | changes
    return {name: tensor for name, tensor in state.items() if tensor is not None}


@pytest.mark.parametrize(
    ("key", "tensor", "match"),
    [
        ("model.1.weight", None, r"model\.1\.weight is missing"),
        ("model.2.weight", None, r"model\.2\.running_mean|model\.2"),
        ("model.2.running_var", None, r"model\.2\.running_var is missing"),
        ("model.19.bias", None, r"model\.19\.bias is missing"),
        ("model.19.weight", None, r"model\.19\.weight is missing"),
        ("model.9.weight", torch.zeros(2), r"got 1 tensors \(model\.9\.weight\), which a resnet"),
        ("model.1.weight", torch.zeros(2, 3, 7, 7, 1), "expected 4 dimensions"),
        ("model.1.weight", torch.zeros(0, 3, 7, 7), "expected 4 dimensions"),
        ("model.1.weight", torch.zeros(70000, 1, 1, 1), "expected 4 dimensions"),
        ("model.1.weight", torch.zeros(60000, 1, 1, 1), "got shape"),
        ("model.1.weight", torch.zeros(2, 3, 5, 5), r"model\.1\.weight: got shape \(2, 3, 5, 5\)"),
        ("model.4.weight", torch.zeros(4, 2, 4, 4), r"model\.4\.weight: got shape"),
        ("model.2.bias", torch.zeros(()), r"model\.2\.bias: got shape \(\)"),
        ("model.4.weight", torch.full((4, 2, 3, 3), torch.nan), r"model\.4\.weight: got NaN"),
        ("model.2.bias", torch.full((2,), torch.inf), r"model\.2\.bias: got NaN, inf"),
        ("model.2.running_var", -torch.ones(2), "negative variances"),
        ("model.4.weight", torch.zeros(4, 2, 3, 3).double(), r"got numbers of torch\.float64"),
        ("model.2.bias", torch.zeros(2).long(), r"got numbers of torch\.int64"),
        ("model.2.num_batches_tracked", torch.tensor(1.0), r"got numbers of torch\.float32"),
        ("model.1.bias", torch.zeros(2), "affine=True"),
        ("model.13.weight", torch.zeros(1).expand(10**9), "claim more"),
    ],
)  # fmt: skip
def test_other_tensors(path: Path, key: str, tensor: Tensor | None, match: str) -> None:
    refused_content(path, changed(resnet, **{key: tensor}), match)


@pytest.mark.parametrize(
    ("key", "match"),
    [
        ("model.model.1.model.2.bias", "is missing"),
        ("model.model.3.bias", "is missing"),
        ("model.model.3.weight", "is missing"),
        ("model.model.1.model.3.model.1.weight", "got a U-Net of 2 levels"),
        ("model.model.0.weight", "got .* tensors"),
    ],
)
def test_missing_tensors_of_a_unet(path: Path, key: str, match: str) -> None:
    refused_content(path, changed(unet, **{key: None}), match)


def test_every_tensor_is_needed(path: Path) -> None:
    for make in (unet, lambda: resnet(blocks=1)):
        state = make().state_dict()
        for missing in [key for key in state if not key.endswith("num_batches_tracked")]:
            torch.save({key: state[key] for key in state if key != missing}, path)
            refused(path, "got|is missing")


def test_shallow_unet(path: Path) -> None:
    refused_content(path, unet(levels=5).state_dict(), "5 levels, expected 6")


def test_instance_norm_with_weights(path: Path) -> None:
    state = unet(norm="instance").state_dict()
    name = "model.model.1.model.2"
    state |= {f"{name}.weight": torch.ones(4), f"{name}.bias": torch.zeros(4)}
    refused_content(path, state, "affine=True")


def test_last_bias_is_needed_without_norm(path: Path) -> None:
    refused_content(
        path, changed(lambda: unet(norm="none"), **{"model.model.3.bias": None}), "is missing"
    )


def test_half_a_prefix(path: Path) -> None:
    state = resnet().state_dict()
    state["module.model.1.weight"] = state.pop("model.1.weight")
    refused_content(path, state, r"model\.1\.weight is missing")


def rewritten(path: Path, change: Callable[[str, bytes], bytes], **options: Any) -> None:
    """Write the zip archive again, each entry's content changed."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in entries.items():
            archive.writestr(name, change(name, content))


def with_pickle(path: Path, content: bytes) -> None:
    torch.save(resnet().state_dict(), path)
    rewritten(path, lambda name, old: content if name.endswith("data.pkl") else old)


def test_compressed_zip(path: Path) -> None:
    torch.save(resnet().state_dict(), path)
    rewritten(path, lambda _, old: old, compression=zipfile.ZIP_DEFLATED)
    refused(path, "compressed or claim more")


def test_zip_that_claims_more_than_it_has(path: Path) -> None:
    torch.save(resnet().state_dict(), path)
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    struct.pack_into("<II", content, at + 20, 1 << 31, 1 << 31)
    path.write_bytes(content)
    refused(path, "compressed or claim more")


def test_zip_with_a_huge_directory(path: Path) -> None:
    torch.save(resnet().state_dict(), path)
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(3000):
            archive.writestr(f"latest_net_G/{number:01000}", b"")
    refused(path, "zip directory or a pickle of more than")


def test_zip_with_another_pickle(path: Path) -> None:
    torch.save(resnet().state_dict(), path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("other/data.pkl", b"")
    refused(path, "torch.save did not write")
    with_pickle(path, bytes(3 << 20))
    refused(path, "got a pickle of 3145728 bytes")


def test_storage_that_claims_more_than_its_entry(path: Path) -> None:
    state = OrderedDict({"model.model.0.weight": torch.ones(4)})
    torch.save(state, path)

    def change(_: str, content: bytes) -> bytes:
        return content.replace(b"K\x04tq", b"M\xff\xfftq").replace(b"K\x04\x85", b"M\xff\xff\x85")

    rewritten(path, change)
    refused(path, "damaged")
    torch.save(state, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    larger = content.replace(b"K\x04Ntq", b"J\xff\xff\xff\x7fNtq")
    assert larger != content
    path.write_bytes(larger)
    refused(path, "damaged")


NESTED = b"\x80\x02})" + b"\x85" * 200_000 + b"Ns."
"""A dict whose key is tuples in tuples: hashing it overflows the stack."""


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (NESTED, "more than 32768 steps"),
        (b"\x80\x02cbuiltins\nbytearray\n\x8a\x05\x00\x00\x00\x00\x02\x85R.", "asks for"),
        (b"\x80\x02c__builtin__\neval\nX\x01\x00\x00\x001\x85R.", "asks for"),
        (b"\x80\x02(X\x01\x00\x00\x001iposix\nsystem\n.", "damaged"),
        (b"\x80\x02}r\xff\xff\xff\x7f.", "got 0 tensors"),
        (b"\x80\x02" + b"(" * 30_000 + b".", "damaged"),
        (b"\x80\x02" + b"]" * 40_000 + b".", "steps"),
        (b"\x80\x02X\xff\xff\xff\x7f", "damaged"),
        (b"\x80\x02\x82\x01.", "damaged"),
        (b"\x80\x02)" + b"\x85" * 30_000 + b"Q.", "damaged"),
        (b"\x80\x02})" + b"\x85" * 30_000 + b"Ns.", "under a tuple"),
        (b"\x80\x02" + b"K\x01.", "got a int"),
        (b"", "damaged"),
        (pickle.dumps({"a": bytearray(3)}, 5), "protocol"),
        (pickle.dumps({"a": os.path.join}, 4), "protocol"),
    ],
    ids=str,
)
def test_pickle_bombs(path: Path, content: bytes, match: str) -> None:
    with_pickle(path, content)
    refused(path, match)


def test_names_cannot_write_to_the_terminal(path: Path) -> None:
    torch.save({"\x1b[31m" + "x" * 500: torch.zeros(1)}, path)
    message = refused(path, re.escape(r"\x1b[31mxxx"))
    assert len(message) < 500
