"""The installed program as a user meets it: commands, exit codes, files."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcn.labels import label_set
from p2p_eval.demo import EXPERIMENTS

COMMANDS = (
    ["demo"],
    ["doctor"],
    ["fcn-score"],
    ["metrics"],
    ["color-hist"],
    ["seg-score"],
    ["report"],
    ["tables"],
    ["train"],
    ["generate"],
    ["reproduce"],
    ["weights", "list"],
    ["weights", "get"],
    ["weights", "verify"],
    ["weights", "convert"],
    ["data", "list"],
    ["data", "get"],
    ["data", "verify"],
    ["data", "make", "scenes"],
    ["data", "make", "controls"],
)
PROGRAM = Path(sys.executable).with_name("p2p-eval")


def run(*arguments: object, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the installed program."""
    return subprocess.run(
        [PROGRAM, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "2", **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def refused(result: subprocess.CompletedProcess[str]) -> str:
    """Check that the program refused its input as it promises to, and return the message."""
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


def score(slim: Path, *more: object, **env: str) -> subprocess.CompletedProcess[str]:
    """Score the golden set."""
    weights = slim / "fcn-8s-cityscapes.caffemodel"
    return run(
        "fcn-score", "results", "--cityscapes", "cityscapes", "--weights", weights, *more,
        cwd=slim, **env,
    )  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_says_what_it_does_with_an_example(command: list[str], tmp_path: Path) -> None:
    result = run(*command, "--help", cwd=tmp_path, COLUMNS="200")
    assert result.returncode == 0
    assert "Example: p2p-eval" in result.stdout


def test_import_and_help_are_quick_and_load_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys, p2p_eval, fcn, p2p_eval.cli; "
        "sys.exit(', '.join({'torch', 'torchvision', 'pandas', 'scipy'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    seconds = []
    for _ in range(3):
        before = os.times()
        assert run("--help", cwd=tmp_path).returncode == 0
        after = os.times()  # of the processor: other processes do not count
        seconds.append(sum(after[2:4]) - sum(before[2:4]))
    assert min(seconds) < 1.0


def test_version(tmp_path: Path) -> None:
    import p2p_eval

    assert run("--version", cwd=tmp_path).stdout == f"p2p-eval {p2p_eval.__version__}\n"


def test_fcn_score_equals_the_official_script(slim: Path) -> None:
    result = score(slim, "--protocol", "both", "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["schema"] == "p2p-eval/fcn-score/1"
    paper, strict = document["experiments"]
    expected = (slim / "expected_evaluation_results.txt").read_text().splitlines()
    for key, line in zip(("per_pixel_acc", "per_class_acc", "class_iou"), expected, strict=False):
        assert paper[key] == pytest.approx(float(line.split(": ")[1]), abs=2e-5)
        low, high = paper["ci95"][key]
        assert low <= paper[key] <= high
    assert (paper["protocol"], paper["frames"], paper["dropped_frames"]) == ("paper", 6, 3)
    assert (strict["protocol"], strict["frames"], strict["dropped_frames"]) == ("strict", 6, 0)
    assert len(paper["per_class"]) == 19
    assert "3 of 6 frames" in result.stderr
    folder = slim / "p2p-eval-out" / "results" / "fcn_score"
    files = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    assert {"evaluation_results.txt", "per_image.csv", "confusion.npz"} <= set(files)

    again = score(slim, "--protocol", "both", "--json")
    assert again.stdout == result.stdout
    assert {f.name: f.read_bytes() for f in folder.iterdir() if f.is_file()} == files


def test_interrupted_run_goes_on_to_the_same_bytes(slim: Path) -> None:
    """SIGINT exits with 130, or the run was done; the next one ends in the same bytes."""
    assert score(slim, "--out", "whole").returncode == 0
    weights = slim / "fcn-8s-cityscapes.caffemodel"
    command = [PROGRAM, "fcn-score", "results", "--cityscapes", "cityscapes", "--weights", weights]
    process = subprocess.Popen(
        [*command, "--out", "parts"], cwd=slim, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not list((slim / "parts").rglob("*journal*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode in (0, 130), stderr
    assert b"Traceback" not in stderr
    assert score(slim, "--out", "parts").returncode == 0
    whole, parts = (slim / name / "results" / "fcn_score" for name in ("whole", "parts"))
    names = sorted(file.name for file in whole.iterdir())
    assert names == sorted(file.name for file in parts.iterdir())
    for name in names:
        assert (whole / name).read_bytes() == (parts / name).read_bytes(), name


def test_report_of_what_was_scored(slim: Path) -> None:
    (slim / "p2p-eval-out").mkdir()
    assert "p2p-eval metrics RESULTS --out p2p-eval-out" in refused(run("report", cwd=slim))
    assert score(slim, "--protocol", "both").returncode == 0
    result = run("report", cwd=slim)
    assert (result.returncode, result.stderr) == (0, "")
    page = slim / "p2p-eval-out" / "report.html"
    assert result.stdout == "p2p-eval-out/report.html\n"
    assert "3 of 6 frames" in page.read_text("utf-8")
    result = run("report", "--to", "elsewhere/page.html", "--json", cwd=slim)
    document = json.loads(result.stdout)
    assert (document["page"], document["experiments"]) == ("elsewhere/page.html", ["results"])
    assert (slim / "elsewhere" / "page.html").read_bytes() == page.read_bytes()
    (slim / "p2p-eval-out" / "results" / "fcn_score" / "confusion.npz").write_bytes(b"PK")
    assert "confusion.npz: damaged" in refused(run("report", cwd=slim))


def test_missing_image_is_refused_or_left_out(slim: Path) -> None:
    next((slim / "results").iterdir()).unlink()
    assert "--keep-going" in refused(score(slim))
    assert not list((slim / "p2p-eval-out").rglob("confusion.npz"))
    result = score(slim, "--keep-going", "--json")
    assert result.returncode == 3
    assert json.loads(result.stdout)["experiments"][0]["frames"] == 5
    assert "left out" in result.stderr


def test_truncated_image_is_named(slim: Path) -> None:
    image = sorted((slim / "results").iterdir())[2]
    image.write_bytes(image.read_bytes()[:2000])
    assert image.name in refused(score(slim))


def test_labels_of_another_kind_are_refused(slim: Path) -> None:
    for label in (slim / "cityscapes").rglob("*_labelIds.png"):
        Image.open(label).convert("RGB").save(label)
    assert "_gtFine_labelIds.png" in refused(score(slim))


def test_truncated_weights_are_refused(slim: Path) -> None:
    weights = slim / "fcn-8s-cityscapes.caffemodel"
    weights.write_bytes(weights.read_bytes()[:-1000])
    assert "truncated" in refused(score(slim))


def test_unknown_option_value(slim: Path) -> None:
    assert "--protocol" in refused(score(slim, "--protocol", "papper"))


def test_doctor_finds_nothing_wrong_and_then_jpeg(slim: Path) -> None:
    good = run("doctor", "results", "--cityscapes", "cityscapes", "--json", cwd=slim)
    assert good.returncode == 0, good.stderr
    assert not [f for f in json.loads(good.stdout)["findings"] if f["level"] == "error"]
    for image in (slim / "results").iterdir():
        Image.open(image).save(image, format="JPEG")
    bad = run("doctor", "results", "--cityscapes", "cityscapes", cwd=slim)
    assert "JPEG" in bad.stdout
    scored = score(slim, "--json")
    assert scored.returncode == 0
    assert "JPEG" in scored.stderr
    assert "jpeg" in json.loads(scored.stdout)["signature"].lower()


def test_quiet_keeps_warnings(slim: Path) -> None:
    (slim / "results" / "stray.png").write_bytes(next((slim / "results").iterdir()).read_bytes())
    for image in sorted((slim / "results").iterdir())[:2]:
        Image.open(image).save(image, format="JPEG")
    loud, quiet = score(slim).stderr, score(slim, "--quiet").stderr
    assert set(quiet.splitlines()) < set(loud.splitlines())
    assert "strict protocol" in loud
    assert "strict protocol" not in quiet
    assert "JPEG" in quiet
    command = ("doctor", "results", "--cityscapes", "cityscapes")
    loud, quiet = run(*command, cwd=slim).stdout, run(*command, "-q", cwd=slim).stdout
    assert "[strays]" in loud
    assert "[strays]" not in quiet
    assert "JPEG" in quiet


def test_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    for command in ("fcn-score", "seg-score", "doctor"):
        assert "results" in refused(run(command, "results", cwd=tmp_path))


def painted_run(folder: Path, noise: int = 2) -> None:
    """Scenes, and what a photo→labels test run on them leaves: colours that are nearly right."""
    assert run("data", "make", "scenes", "--count", 3, "--out", "s", cwd=folder).returncode == 0
    table, rng = label_set("scenes"), np.random.default_rng(0)
    images = folder / "results" / "photo2labels" / "test_latest" / "images"
    images.mkdir(parents=True)
    for path in (folder / "s" / "labels").iterdir():
        painted = table.colors[table.id_to_train[np.array(Image.open(path))]]
        near = np.clip(painted + rng.integers(-noise, noise + 1, painted.shape), 0, 255)
        Image.fromarray(painted).save(images / f"{path.stem}_real_B.png")
        Image.fromarray(near.astype(np.uint8)).save(images / f"{path.stem}_fake_B.png")
        Image.open(folder / "s" / "photos" / path.name).save(images / f"{path.stem}_real_A.png")


def test_seg_score(tmp_path: Path) -> None:
    painted_run(tmp_path)
    command = ("seg-score", "results", "--label-set", "scenes")
    result = run(*command, "--labels", "s/labels", "--protocol", "both", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["schema"] == "p2p-eval/seg-score/1"
    paper, strict = document["experiments"]
    assert (paper["name"], paper["frames"], paper["protocol"]) == ("photo2labels", 3, "paper")
    assert (strict["per_pixel_acc"], strict["per_class_acc"], strict["class_iou"]) == (1, 1, 1)
    folder = tmp_path / "p2p-eval-out" / "photo2labels" / "seg_score"
    files = {"evaluation_results.txt", "per_image.csv", "confusion.npz", "score.json"}
    assert files <= {path.name for path in folder.iterdir()}
    decoded = run(*command, "--json", cwd=tmp_path)
    assert "|labels:decoded|" in json.loads(decoded.stdout)["signature"]
    table = run("seg-score", "results", "--labels", "s/labels", cwd=tmp_path)
    assert "1.000" in table.stdout
    assert "Table 6" in table.stdout
    seen = run("doctor", "results", "--labels", "s/labels", "--label-set", "scenes", cwd=tmp_path)
    assert (seen.returncode, "photo→labels" in seen.stdout) == (0, True), seen.stdout


def test_seg_score_of_bad_input(tmp_path: Path) -> None:
    painted_run(tmp_path)
    command = ("seg-score", "results", "--label-set", "scenes", "--labels", "s/labels")
    image = next(tmp_path.rglob("00001_fake_B.png"))
    image.write_bytes(image.read_bytes()[:-20])
    message = refused(run(*command, cwd=tmp_path))
    assert image.name in message
    assert "--keep-going" in message
    result = run(*command, "--keep-going", "--json", cwd=tmp_path)
    assert result.returncode == 3
    assert json.loads(result.stdout)["experiments"][0]["frames"] == 2
    assert "left out: photo2labels/00001: the image is damaged" in result.stderr
    for path in tmp_path.rglob("*_fake_B.png"):
        Image.open(str(path).replace("fake_B", "real_A")).rotate(180).save(path)
    assert "fcn-score" in refused(run(*command, cwd=tmp_path))
    assert "photo2labels" in refused(run("seg-score", "results", cwd=tmp_path))
    assert "label set" in refused(run("seg-score", "results", "--label-set", "", cwd=tmp_path))
    assert "--protocol" in refused(run(*command, "--protocol", "papper", cwd=tmp_path))


def test_weights_list_verify_convert(slim: Path) -> None:
    listed = json.loads(run("weights", "list", "--json", cwd=slim).stdout)["weights"]
    assert {"cityscapes", "scenes"} <= {row["name"] for row in listed}
    assert next(row for row in listed if row["name"] == "scenes")["here"]
    source = slim / "fcn-8s-cityscapes.caffemodel"
    assert run("weights", "convert", source, "slim.safetensors", cwd=slim).returncode == 0
    facts = json.loads(run("weights", "verify", "slim.safetensors", "--json", cwd=slim).stdout)
    assert facts["outputs"] == 20
    message = refused(run("weights", "verify", "results", cwd=slim))
    assert message == "p2p-eval: results: not a regular file, expected a weights file\n"


def test_data_list_and_make(tmp_path: Path) -> None:
    listed = json.loads(run("data", "list", "--json", cwd=tmp_path).stdout)
    assert listed["schema"] == "p2p-eval/data/1"
    assert [row["name"] for row in listed["data"]][:3] == ["scenes", "controls", "facades"]
    assert "data make scenes" in run("data", "list", cwd=tmp_path).stdout
    made = run("data", "make", "scenes", "--count", 2, "--out", "s", "--json", cwd=tmp_path)
    facts = json.loads(made.stdout)
    assert (facts["schema"], facts["count"]) == ("p2p-eval/data-make/1", 2)
    photos = facts["photos"]
    made = run(
        "data", "make", "controls", "--photos", photos, "--kind", "gray", "--out", "c", "-q",
        "--json", cwd=tmp_path,
    )  # fmt: skip
    (entry,) = json.loads(made.stdout)["experiments"]
    assert (entry["name"], entry["folder"]) == ("gray", "c/gray")
    assert len(list((tmp_path / "c" / "gray" / "images").iterdir())) == 2


@pytest.mark.parametrize(
    "command",
    [
        ["fcn-score", ""],
        ["fcn-score", "results", "--out", ""],
        ["metrics", "results", ""],
        ["metrics", "results", "--lpips-weights", ""],
        ["fcn-score", "results", "--labels", ""],
        ["doctor", ""],
        ["weights", "convert", "fcn-8s-cityscapes.caffemodel", ""],
        ["data", "make", "scenes", "--out", ""],
        ["data", "make", "controls", "--photos", "", "--out", "c"],
    ],
    ids=str,
)
def test_an_empty_path_is_not_the_current_folder(slim: Path, command: list[str]) -> None:
    assert "empty path" in refused(run(*command, cwd=slim, COLUMNS="200"))


def test_unreadable_results_get_our_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process, as permissions do not bind the user that tests may run as."""
    from typer.testing import CliRunner

    from p2p_eval.cli import app

    def denied(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    monkeypatch.setattr(os, "scandir", denied)
    result = CliRunner().invoke(app, ["doctor", str(tmp_path)])
    assert result.exit_code == 2
    assert result.output.startswith("p2p-eval: ")
    assert "the folder cannot be read" in result.output


def test_official_weights_offline_say_what_to_do(slim: Path) -> None:
    message = refused(
        run("fcn-score", "results", "--cityscapes", "cityscapes", cwd=slim, P2P_EVAL_CACHE="none")
    )
    assert "weights get cityscapes" in message


def test_demo_runs_trained_models(tmp_path: Path) -> None:
    result = run("demo", "--count", "6", "--out", "a b", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    scores = {e["name"]: e["per_pixel_acc"] for e in document["experiments"]}
    assert set(scores) == set(EXPERIMENTS)
    assert scores["cGAN"] < scores["L1"] < scores["L1+cGAN"] < scores["ground-truth"]
    assert scores["ground-truth"] > 0.88
    measured = {e["name"]: e["metrics"] for e in document["metrics"]["experiments"]}
    assert measured["ground-truth"]["psnr"]["infinite"] == 6
    assert measured["L1"]["spectrum[blur]"]["mean"] < -10  # L1 makes smooth images
    assert measured["cGAN"]["spectrum[blur]"]["mean"] > -3  # a discriminator does not let it
    colors = {e["name"]: e["intersection"] for e in document["color_hist"]["experiments"]}
    assert colors["ground-truth"] == {"L": 1.0, "a": 1.0, "b": 1.0}
    assert colors["L1"]["b"] < colors["L1+cGAN"]["b"]
    assert [table["table"] for table in document["tables"]["tables"]] == ["1", "fig7"]
    page = (tmp_path / document["report"]).read_text("utf-8")
    for part in ("FCN-score", "Image metrics", "Colour histograms"):
        assert f">{part}</h2>" in page
    assert "L1: note: made by generator|task:labels2photo|kind:unet|width:8|" in result.stderr
    with Image.open(tmp_path / "a b" / "6-scenes" / "demo.png") as sheet:
        assert sheet.mode == "RGB"
    table = run("demo", "--count", "6", "--out", "a b", "--seed", "1", cwd=tmp_path, COLUMNS="160")
    assert "### Table 1: FCN-scores for different losses" in table.stdout
    assert "| GAN | 0.22 | – |" in table.stdout
    assert re.findall(r"^ (\S+) +6 ", table.stdout, re.MULTILINE) == 3 * list(EXPERIMENTS)
    (again,) = re.findall("^again: +p2p-eval (.*)$", table.stdout, re.MULTILINE)
    repeated = run(*shlex.split(again), "--out", "a b/6-scenes/scores", "--json", cwd=tmp_path)
    assert repeated.returncode == 0, repeated.stderr
    names = [row["name"] for row in json.loads(repeated.stdout)["experiments"]]
    assert sorted(names) == sorted(EXPERIMENTS)


def test_train_generate_score_and_tabulate(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("test", 2)):
        run("data", "make", "scenes", "--split", split, "--count", count, "--out", f"s/{split}",
            cwd=tmp_path)  # fmt: skip
    small = ["--set", "steps=3", "--set", "width=4", "--set", "sample_every=2"]
    train = ["train", "scenes", "--data", "s", "--loss", "L1", "--out", "runs/L1", *small]
    for _ in range(2):  # the second time there is nothing to do
        trained = run(*train, "--json", cwd=tmp_path)
        assert trained.returncode == 0, trained.stderr
        document = json.loads(trained.stdout)
        assert (document["schema"], document["step"], document["steps"]) == (
            "p2p-eval/train/1", 3, 3,
        )  # fmt: skip
    assert {path.name for path in (tmp_path / "runs" / "L1").iterdir()} >= {
        "generator.safetensors", "checkpoint.safetensors", "losses.csv", "losses.png", "samples",
    }  # fmt: skip
    made = run("generate", "runs/L1", "--data", "s", "--out", "results/L1", cwd=tmp_path)
    assert (made.returncode, made.stdout) == (0, "results/L1\n"), made.stderr
    scored = run("fcn-score", "results", "--labels", "s/test/labels", "--weights", "scenes",
                 "--json", cwd=tmp_path)  # fmt: skip
    assert json.loads(scored.stdout)["experiments"][0]["frames"] == 2
    tables = run("tables", "--format", "csv", cwd=tmp_path)
    assert "L1,per_pixel_acc,0.42," in tables.stdout

    assert "did you mean width" in refused(run(*train, "--set", "widht=3", cwd=tmp_path))
    assert "width was 4 and is 8" in refused(run(*train[:-6], *small[:2], *small[4:], cwd=tmp_path))
    nothing = ["train", "scenes", "--data", "none", "--out", "runs/x"]
    assert "none" in refused(run(*nothing, cwd=tmp_path))
    assert "got loss = 'L3'" in refused(run(*train, "--loss", "L3", cwd=tmp_path))
    (tmp_path / "evil.pth").write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR.")
    evil = ["generate", "evil.pth", "--data", "s", "--task", "labels2photo", "--out", "results/e"]
    assert "evil.pth" in refused(run(*evil, "--label-set", "scenes", cwd=tmp_path))
    assert not (tmp_path / "pwned").exists()
    assert not (tmp_path / "results" / "e").exists()


def test_reproduce_shows_its_plan_and_stops_in_time(tmp_path: Path) -> None:
    for split in ("train", "test"):
        run("data", "make", "scenes", "--split", split, "--count", 2, "--out", f"s/{split}",
            cwd=tmp_path)  # fmt: skip
    command = ["reproduce", "3", "--config", "scenes", "--data", "s", "--out", "r"]
    plan = run(*command, "--plan", cwd=tmp_path)
    assert plan.stdout.split() == [
        "L1+cGAN-seed0", "L1+cGAN-1x1-seed0", "L1+cGAN-16x16-seed0", "L1+cGAN-286x286-seed0",
    ]  # fmt: skip
    stopped = run(*command, "--minutes", "0", cwd=tmp_path)
    assert (stopped.returncode, stopped.stdout) == (0, "")
    assert "4 runs are left; the same command goes on" in stopped.stderr
    assert "tables 4 and 5" in refused(run("reproduce", "4", *command[2:], cwd=tmp_path))
    nothing = [*command[:5], "none", *command[6:]]
    assert "none" in refused(run(*nothing, cwd=tmp_path))
