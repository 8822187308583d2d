"""Training: killed anywhere it ends the same, and what can go wrong leaves what was there."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))

from small_pairs import SMALL, side_by_side

from fcn.errors import TrainingError
from p2p_eval.datasets.paired import Pairs, find_pairs
from p2p_eval.errors import InputError, StoreError
from p2p_eval.models.generator_file import digest_of
from p2p_eval.scores.store import exclusive
from p2p_eval.training.config import Config
from p2p_eval.training.log import read_losses
from p2p_eval.training.loop import train
from p2p_eval.training.networks import Networks
from p2p_eval.training.samples import batches, draw


@pytest.fixture
def pairs(tmp_path: Path) -> Pairs:
    return find_pairs(side_by_side(tmp_path / "data"), "AtoB")


def weights(folder: Path) -> dict[str, Tensor]:
    return load_file(folder / "generator.safetensors")


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def stopping_at(step: int, error: BaseException) -> Callable[..., dict[str, Tensor]]:
    update, calls = Networks.update, iter(range(1_000_000))

    def stops(self: Networks, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        if next(calls) == step:
            raise error
        return update(self, x, y)

    return stops


@pytest.mark.parametrize("loss", ["L1", "L1+cGAN"])
@pytest.mark.parametrize("batch", [1, 2])
def test_stopped_anywhere_it_ends_the_same(
    tmp_path: Path, pairs: Pairs, monkeypatch: pytest.MonkeyPatch, loss: str, batch: int
) -> None:
    config = replace(SMALL, loss=loss, batch=batch)
    train(config, pairs, tmp_path / "whole")
    whole = weights(tmp_path / "whole")
    for step in range(1, config.steps):
        out = tmp_path / f"stopped{step}"
        with monkeypatch.context() as patched:
            patched.setattr(Networks, "update", stopping_at(step, KeyboardInterrupt()))
            with pytest.raises(KeyboardInterrupt):
                train(config, pairs, out)
        train(config, pairs, out)
        assert same(weights(out), whole), step
        assert (out / "losses.csv").read_bytes() == (tmp_path / "whole" / "losses.csv").read_bytes()


def test_killed_without_warning(tmp_path: Path, pairs: Pairs) -> None:
    config = replace(SMALL, steps=400, checkpoint_every=1)
    code = (
        "import sys; from pathlib import Path; sys.path[:0] = [sys.argv[3]]\n"
        "from dataclasses import replace; from small_pairs import SMALL\n"
        "from p2p_eval.datasets.paired import find_pairs\n"
        "from p2p_eval.training.loop import train\n"
        "train(replace(SMALL, steps=400, checkpoint_every=1), "
        "find_pairs(Path(sys.argv[1]), 'AtoB'), Path(sys.argv[2]))"
    )
    helpers = Path(__file__).parents[2] / "helpers"
    out = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", code, tmp_path / "data", out, helpers])
    deadline = time.monotonic() + 60
    while not (out / "losses.csv").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    short = replace(config, steps=0, epochs=20)  # 60 steps, another run: refused
    with pytest.raises(TrainingError, match="steps was 400 and is 0"):
        train(short, pairs, out)
    stopped = train(config, pairs, out, minutes=0)
    assert 1 < stopped.step < 400
    whole = train(config, pairs, tmp_path / "whole", minutes=0)
    while whole.step < stopped.step:
        whole = train(config, pairs, tmp_path / "whole", minutes=0)
    assert same(weights(out), weights(tmp_path / "whole"))


def test_minutes_stop_it_and_the_same_call_goes_on(tmp_path: Path, pairs: Pairs) -> None:
    out = tmp_path / "run"
    steps = [train(SMALL, pairs, out, minutes=0).step for _ in range(3)]
    assert steps == [1, 2, 3]
    train(SMALL, pairs, out)
    train(SMALL, pairs, tmp_path / "whole")
    assert same(weights(out), weights(tmp_path / "whole"))
    before = (out / "generator.safetensors").read_bytes()
    assert train(SMALL, pairs, out).step == SMALL.steps  # done, and nothing to do
    assert (out / "generator.safetensors").read_bytes() == before
    assert (tmp_path / "whole" / "generator.safetensors").read_bytes() == before


def test_what_it_leaves(tmp_path: Path, pairs: Pairs) -> None:
    told: list[tuple[int, int, dict[str, float]]] = []
    config = replace(SMALL, sample_every=3)
    trained = train(config, pairs, tmp_path / "run", told=lambda *line: told.append(line))
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names >= {
        "generator.safetensors", "checkpoint.safetensors", "losses.csv", "losses.png", "samples",
    }  # fmt: skip
    assert len(list((tmp_path / "run" / "samples").iterdir())) == 2
    assert [line["step"] for line in read_losses(tmp_path / "run" / "losses.csv")] == [2, 4, 6]
    assert [line[:2] for line in told] == [(2, 6), (4, 6), (6, 6)]
    assert set(trained.losses) == {"D", "G_GAN", "G_L1"}
    assert (trained.step, trained.steps) == (6, 6)


def test_samples_do_not_change_what_follows(tmp_path: Path, pairs: Pairs) -> None:
    train(SMALL, pairs, tmp_path / "plain")
    train(replace(SMALL, sample_every=1), pairs, tmp_path / "shown")
    assert same(weights(tmp_path / "plain"), weights(tmp_path / "shown"))


def test_seed_and_data_decide(tmp_path: Path, pairs: Pairs) -> None:
    train(SMALL, pairs, tmp_path / "a")
    train(SMALL, pairs, tmp_path / "b", workers=3)
    train(replace(SMALL, seed=1), pairs, tmp_path / "c")
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "c"))


def test_another_run_in_the_folder(tmp_path: Path, pairs: Pairs) -> None:
    train(SMALL, pairs, tmp_path / "run")
    with pytest.raises(TrainingError, match=r"loss was 'L1\+cGAN' and is 'L1'"):
        train(replace(SMALL, loss="L1"), pairs, tmp_path / "run")
    others = find_pairs(side_by_side(tmp_path / "more", count=4), "AtoB")
    with pytest.raises(TrainingError, match="the training data were others"):
        train(SMALL, others, tmp_path / "run")
    train(replace(SMALL, loss="L1"), pairs, tmp_path / "run", fresh=True)


def test_a_damaged_checkpoint(tmp_path: Path, pairs: Pairs) -> None:
    train(SMALL, pairs, tmp_path / "run")
    path = tmp_path / "run" / "checkpoint.safetensors"
    data = path.read_bytes()
    changed = bytearray(data)
    changed[-5] ^= 1
    for damaged in (bytes(changed), b"", data[:100], data[: len(data) // 2], b"\x80\x02" + data):
        path.write_bytes(damaged)
        with pytest.raises(TrainingError, match="damaged, or not of this program"):
            train(SMALL, pairs, tmp_path / "run")
    path.write_bytes((tmp_path / "run" / "generator.safetensors").read_bytes())
    with pytest.raises(TrainingError, match="no checkpoint of this program"):
        train(SMALL, pairs, tmp_path / "run")


def test_a_full_disk_leaves_the_last_checkpoint(
    tmp_path: Path, pairs: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    train(SMALL, pairs, out, minutes=0)
    before = (out / "checkpoint.safetensors").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises((TrainingError, StoreError), match="space"):
            train(SMALL, pairs, out)
    assert (out / "checkpoint.safetensors").read_bytes() == before
    train(SMALL, pairs, out)
    train(SMALL, pairs, tmp_path / "whole")
    assert same(weights(out), weights(tmp_path / "whole"))


def test_diverging_stops_and_keeps_the_last_good_state(tmp_path: Path, pairs: Pairs) -> None:
    wild = replace(SMALL, loss="L2", norm="none", learning_rate=1.0, pixel_weight=1e6, steps=60)
    update = Networks.update

    def broken(self: Networks, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        losses = update(self, x, y)
        return {**losses, "G_L2": losses["G_L2"] * float("nan")}

    train(wild, pairs, tmp_path / "run", minutes=0)
    before = (tmp_path / "run" / "checkpoint.safetensors").read_bytes()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Networks, "update", broken)
        with pytest.raises(TrainingError, match=r"not finite after step 2 .*holds the last good"):
            train(wild, pairs, tmp_path / "run")
    assert (tmp_path / "run" / "checkpoint.safetensors").read_bytes() == before


def test_weights_that_are_not_finite_are_never_saved(
    tmp_path: Path, pairs: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = Networks.update

    def broken(self: Networks, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        losses = update(self, x, y)  # of before the update: still finite
        with torch.no_grad():
            next(self.generator.parameters()).fill_(float("nan"))
        return losses

    monkeypatch.setattr(Networks, "update", broken)
    with pytest.raises(TrainingError, match="a loss or a weight is not finite after step 2"):
        train(SMALL, pairs, tmp_path / "run")
    assert not (tmp_path / "run" / "checkpoint.safetensors").exists()
    assert not (tmp_path / "run" / "generator.safetensors").exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tensors: tensors.pop("0.adam.0.exp_avg"),
        lambda tensors: tensors.update({"0.adam.0.exp_avg": torch.zeros(1)}),
        lambda tensors: tensors.update({"1.adam.0.step": torch.zeros(3)}),
        lambda tensors: tensors.pop("0.network.down.0.conv.weight"),
        lambda tensors: tensors.update({"1.network.convs.0.weight": torch.zeros(1)}),
        lambda tensors: tensors.pop("rng.0"),
        lambda tensors: tensors.update({"rng.0": torch.zeros(3, dtype=torch.uint8)}),
    ],
)
def test_a_checkpoint_of_a_stranger(
    tmp_path: Path, pairs: Pairs, spoil: Callable[[dict[str, Tensor]], object]
) -> None:
    path = tmp_path / "run" / "checkpoint.safetensors"
    train(SMALL, pairs, tmp_path / "run", minutes=0)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    spoil(tensors)
    facts = json.loads(metadata["run"])
    facts["sha256"] = digest_of(tensors)
    save_file(tensors, path, {**metadata, "run": json.dumps(facts)})
    with pytest.raises(TrainingError, match="damaged, or not of this program"):
        train(SMALL, pairs, tmp_path / "run")


@pytest.mark.parametrize(
    "run", ["[]", "{}", '{"config": [], "data": ""}', '{"config": {}}', "1e400", "[" * 99_999]
)
def test_what_a_stranger_says_of_the_run(tmp_path: Path, pairs: Pairs, run: str) -> None:
    path = tmp_path / "run" / "checkpoint.safetensors"
    train(SMALL, pairs, tmp_path / "run", minutes=0)
    save_file(load_file(path), path, {"format": "p2p-eval-checkpoint/1", "run": run})
    with pytest.raises(TrainingError, match=r"checkpoint\.safetensors: "):
        train(SMALL, pairs, tmp_path / "run")


@pytest.mark.parametrize(
    "changes",
    [
        {"norm": "instance"},
        {"loss": "L2+GAN", "schedule": "decay"},
        {"generator": "resnet", "norm": "instance"},
    ],
    ids=str,
)
def test_other_networks_resume_as_well(
    tmp_path: Path, pairs: Pairs, changes: dict[str, str]
) -> None:
    config = replace(SMALL, steps=3, **changes)  # type: ignore[arg-type]
    train(config, pairs, tmp_path / "whole")
    for _ in range(3):
        train(config, pairs, tmp_path / "parts", minutes=0)
    assert same(weights(tmp_path / "parts"), weights(tmp_path / "whole"))


def test_fresh_starts_over_whatever_is_there(tmp_path: Path, pairs: Pairs) -> None:
    train(SMALL, pairs, tmp_path / "run", minutes=0)
    (tmp_path / "run" / "losses.csv").write_bytes(b"\xff\0")
    with pytest.raises(InputError, match=r"losses\.csv: not a list of losses"):
        train(SMALL, pairs, tmp_path / "run")
    train(SMALL, pairs, tmp_path / "run", fresh=True)
    train(SMALL, pairs, tmp_path / "whole")
    assert same(weights(tmp_path / "run"), weights(tmp_path / "whole"))


def test_one_run_at_a_time(tmp_path: Path, pairs: Pairs) -> None:
    with exclusive(tmp_path / "run"), pytest.raises(StoreError, match="another run is writing"):
        train(SMALL, pairs, tmp_path / "run")


def test_an_unreadable_image_is_named(tmp_path: Path, pairs: Pairs) -> None:
    path = tmp_path / "data" / "1.png"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"1\.png"):
        train(SMALL, find_pairs(tmp_path / "data", "AtoB"), tmp_path / "run")


def test_an_update_is_the_plain_one(pairs: Pairs) -> None:
    """Against the loop as everybody writes it: D, then G through the new D."""
    config = replace(SMALL, loss="L1+cGAN", dropout="none")
    torch.manual_seed(0)
    ours = Networks(config, "cpu")
    torch.manual_seed(0)
    plain = Networks(config, "cpu")
    generator, discriminator = plain.generator.double(), plain.discriminator
    assert discriminator is not None
    discriminator.double()
    ours.generator.double()
    assert ours.discriminator is not None
    ours.discriminator.double()
    adam = [
        torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999), foreach=False, fused=False)
        for network in (generator, discriminator)
    ]
    bce, l1 = torch.nn.BCEWithLogitsLoss(), torch.nn.L1Loss()
    for x, y in batches(pairs, config, 0, 3):
        x, y = x.double(), y.double()
        fake = generator(x)
        adam[1].zero_grad()
        real_logits = discriminator(torch.cat([x, y], 1))
        fake_logits = discriminator(torch.cat([x, fake.detach()], 1))
        loss = 0.5 * (
            bce(real_logits, torch.ones_like(real_logits))
            + bce(fake_logits, torch.zeros_like(fake_logits))
        )
        loss.backward()
        adam[1].step()
        adam[0].zero_grad()
        logits = discriminator(torch.cat([x, fake], 1))
        (bce(logits, torch.ones_like(logits)) + 100 * l1(fake, y)).backward()
        adam[0].step()
        ours._run = lambda network, *arguments: network(*arguments)  # type: ignore[method-assign]
        ours.update(x, y)
    for mine, theirs in zip(ours.all(), (generator, discriminator), strict=True):
        for (name, tensor), other in zip(
            mine.state_dict().items(), theirs.state_dict().values(), strict=True
        ):
            torch.testing.assert_close(tensor, other, rtol=1e-9, atol=1e-11, msg=name)


@pytest.mark.parametrize("schedule", ["constant", "decay"])
def test_schedules(schedule: str, pairs: Pairs, tmp_path: Path) -> None:
    rates: list[float] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Networks, "set_rate", lambda self, factor: rates.append(factor))
        train(replace(SMALL, schedule=schedule), pairs, tmp_path / "run")
    assert rates == (
        [1.0] * 6 if schedule == "constant" else pytest.approx([1, 1, 1, 1, 2 / 3, 1 / 3])
    )


def test_draws_are_jittered_and_mirrored_alike(pairs: Pairs) -> None:
    config = replace(SMALL, load_size=80)
    seen = set()
    for number in range(12):
        x, y = draw(pairs, config, number)
        assert x.shape == y.shape == (3, 64, 64)
        torch.testing.assert_close(x, -y, rtol=0, atol=0.03)  # the right half is the negative
        again = draw(pairs, config, number)
        assert torch.equal(again[0], x)
        seen.add(float(x.sum()))
    assert len(seen) == 12
    epoch = {tuple(draw(pairs, replace(config, load_size=64, mirror=False), n)[0][:, 0, 0].tolist())
             for n in range(3)}  # fmt: skip
    assert len(epoch) == 3  # each pair once


def test_pairs_are_decoded_once_as_far_as_memory_goes(
    pairs: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    read = Pairs.read

    def counted(self: Pairs, number: int, size: int) -> object:
        reads.append(number)
        return read(self, number, size)

    monkeypatch.setattr(Pairs, "read", counted)
    steps = 3 * len(pairs)
    plain = [draw(pairs, SMALL, number) for number in range(steps)]
    assert len(reads) == steps
    one = 2 * 3 * SMALL.load_size**2
    for room, expected in ((1 << 30, len(pairs)), (one, 1 + 3 * (len(pairs) - 1)), (0, steps)):
        reads.clear()
        monkeypatch.setattr("p2p_eval.training.samples.KEPT_BYTES", room)
        for (x, y), (a, b) in zip(
            batches(pairs, replace(SMALL, batch=1), 0, steps), plain, strict=True
        ):
            assert torch.equal(x[0], a)
            assert torch.equal(y[0], b)
        assert len(reads) == expected


def test_tensorboard(tmp_path: Path, pairs: Pairs) -> None:
    train(SMALL, pairs, tmp_path / "run", tensorboard=True)
    assert list((tmp_path / "run" / "tensorboard").iterdir())


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_on_a_gpu(tmp_path: Path, pairs: Pairs, precision: str) -> None:
    config: Config = replace(SMALL, precision=precision, deterministic=precision == "fp32")
    train(config, pairs, tmp_path / "a", device="cuda")
    train(config, pairs, tmp_path / "b", device="cuda", minutes=0)
    train(config, pairs, tmp_path / "b", device="cuda")
    if config.deterministic:
        assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
