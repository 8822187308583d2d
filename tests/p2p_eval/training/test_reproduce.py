"""The plan of the paper's runs, and a small reproduction from nothing to tables."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))

from small_pairs import side_by_side

from fcn.errors import TrainingError, WeightsError
from p2p_eval.datasets import scenes
from p2p_eval.errors import InputError
from p2p_eval.results.provenance import read_facts
from p2p_eval.scores.store import exclusive
from p2p_eval.tables.definitions import TABLES
from p2p_eval.tables.fill import fill_tables
from p2p_eval.training.config import Config
from p2p_eval.training.log import read_losses
from p2p_eval.training.plan import GROUND_TRUTH, REPRODUCED, plan
from p2p_eval.training.reproduce import pick_devices, reproduce

TINY = Config(
    label_set="scenes", size=128, load_size=128, width=2, discriminator_width=2, steps=2,
    sample_every=0,
)  # fmt: skip


@pytest.mark.parametrize("key", REPRODUCED)
def test_names_are_those_that_the_tables_look_for(key: str) -> None:
    (table,) = (table for table in TABLES if table.key == key)
    names = {run.name.removesuffix("-seed0") for run in plan([key], Config())}
    assert names == set(table.experiments) - {GROUND_TRUTH}


def test_each_run_once_and_one_a_seed() -> None:
    runs = plan(REPRODUCED, Config(), [0, 3])
    names = [run.name for run in runs]
    assert len(names) == len(set(names)) == 2 * 15
    assert {run.config.seed for run in runs if run.name.endswith("-seed3")} == {3}


def test_what_a_run_is_stands_in_its_name() -> None:
    runs = {run.name: run.config for run in plan(REPRODUCED, Config(loss="L2", patch=34))}
    assert runs["L1+cGAN-1x1-seed0"].patch == 1
    assert runs["L1+cGAN-seed0"].patch == 70
    assert runs["encoder-decoder-L1-batch10-seed0"].batch == 10
    assert runs["photo2labels-cGAN-seed0"].task == "photo2labels"
    assert runs["GAN-seed0"].loss == "GAN"


def test_some_runs_of_a_table() -> None:
    runs = plan(["1", "6"], Config(), only=["L1", "photo2labels-cGAN"])
    assert [run.name for run in runs] == ["L1-seed0", "photo2labels-cGAN-seed0"]
    with pytest.raises(InputError, match="got run 'L2', expected one of L1, GAN"):
        plan(["1"], Config(), only=["L2"])


def test_what_cannot_be_planned() -> None:
    with pytest.raises(InputError, match="tables 4 and 5 are of people's answers"):
        plan(["4"], Config())
    for tables, seeds in (([], [0]), (["1"], []), (["1"], [1, 1])):
        with pytest.raises(InputError, match="one or more of each"):
            plan(tables, Config(), seeds)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for split, count in (("train", 3), ("test", 2)):
        scenes.make(folder / split, count, first_seed=scenes.first_seed(split))
    return folder


def test_from_nothing_to_tables_each_run_only_once(data: Path, tmp_path: Path) -> None:
    said: list[str] = []
    out = tmp_path / "out"
    result = reproduce(["3", "fig7"], data, TINY, out, devices=("cpu", "cpu"), say=said.append)
    assert len(result.done) == 6
    assert result.left == ()
    assert sum("trained" in line for line in said) == 6
    tables = {table["table"] for table in fill_tables(out / "scores").to_json()["tables"]}
    assert {"1", "3", "fig7"} <= tables
    said.clear()
    again = reproduce(["3", "fig7"], data, TINY, out, devices=("cpu",), say=said.append)
    assert again == result
    assert said == ["scored the photos"]
    # Another seed is another set of runs; the first one's stay.
    said.clear()
    more = reproduce(["3"], data, TINY, out, seeds=(0, 1), devices=("cpu",), say=said.append)
    assert len(more.done) == 8
    assert sum("trained" in line for line in said) == 4


def test_another_way_of_running_them_is_translated_anew(data: Path, tmp_path: Path) -> None:
    said: list[str] = []
    out = tmp_path / "out"
    base = replace(TINY, steps=1)
    reproduce(["1"], data, base, out, only=["L1"], say=said.append)
    (facts,) = (read_facts(folder) for folder in (out / "photos").glob("L1*"))
    assert facts["test_mode"] == "paper"
    said.clear()
    reproduce(
        ["1"], data, replace(base, test_mode="eval"), out, only=["L1"], say=said.append
    )  # fmt: skip
    assert said == ["L1-seed0: translated 2 images", "scored the photos"]
    (facts,) = (read_facts(folder) for folder in (out / "photos").glob("L1*"))
    assert facts["test_mode"] == "eval"


def test_a_run_that_fails_does_not_keep_the_others(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "runs" / "GAN-seed0").mkdir(parents=True)
    (out / "runs" / "GAN-seed0" / "checkpoint.safetensors").write_bytes(b"no")
    base = replace(TINY, steps=1)
    with pytest.raises(TrainingError, match=r"GAN-seed0: .*damaged"):
        reproduce(["1"], data, base, out, only=["GAN", "L1"])
    assert (out / "runs" / "L1-seed0" / "generator.safetensors").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_stopped_it_leaves_nobody_training(
    data: Path, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "out"
    command = (
        sys.executable, "-m", "p2p_eval", "reproduce", "1", "--run", "L1", "--config", "scenes",
        "--set", "steps=1000000", "--set", "width=2", "--set", "checkpoint_every=1",
        "--set", "sample_every=0", "--data", data, "--out", out, "--device", "cpu",
    )  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    log = out / "runs" / "L1-seed0" / "losses.csv"
    deadline = time.monotonic() + 120
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(number)  # to the parent alone
    assert process.wait(30) == (130 if number == signal.SIGINT else -number)
    time.sleep(2)
    with exclusive(log.parent):  # nobody holds the folder any more
        step = read_losses(log)[-1]["step"]
        time.sleep(1)
        assert read_losses(log)[-1]["step"] == step


def test_data_that_cannot_be_tested_on_are_refused_before_any_training(
    data: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="got the same images for train and val"):
        reproduce(["1"], data / "train", TINY, tmp_path / "out")
    side_by_side(tmp_path / "sides" / "train")
    side_by_side(tmp_path / "sides" / "test", count=2)
    with pytest.raises(InputError, match="got images side by side"):
        reproduce(["1"], tmp_path / "sides", TINY, tmp_path / "out")
    camvid = replace(TINY, label_set="camvid", steps=1)
    with pytest.raises(InputError, match="weights"):
        reproduce(["1"], data, camvid, tmp_path / "out")
    with pytest.raises(WeightsError, match="none"):
        reproduce(["1"], data, TINY, tmp_path / "out", weights="none.safetensors")
    assert not (tmp_path / "out" / "runs").exists()


def test_what_is_left_when_the_time_is_up(data: Path, tmp_path: Path) -> None:
    result = reproduce(["6"], data, TINY, tmp_path / "out", minutes=0)
    assert result.done == ()
    assert len(result.left) == 3


def test_a_changed_configuration_trains_anew_or_is_refused(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    base = replace(TINY, steps=1)
    reproduce(["1"], data, base, out, only=["L1"])
    with pytest.raises(TrainingError, match="width was 2 and is 3"):
        reproduce(["1"], data, replace(base, width=3), out, only=["L1"])


def test_a_label_set_is_needed(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got no label_set"):
        reproduce(["1"], data, replace(TINY, label_set=""), tmp_path / "out")


def test_devices() -> None:
    assert pick_devices(["cpu", "cpu"]) == ["cpu", "cpu"]
    assert pick_devices([])
    with pytest.raises(InputError, match="got device 'tpu'"):
        pick_devices(["tpu"])
