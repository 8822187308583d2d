"""``study export`` and ``study mturk`` on the command line, up to what ``study analyze`` prints."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))

from mturk_emulation import Emulation, emulate
from small_study import form, records
from study_results import results

from p2p_eval.cli import app
from p2p_eval.study.plan import read_plan

SMALL = ("--trials", "4", "--practice", "2", "--sessions", "2", "--size", "32")
IMAGES = ("--image-url", "https://example.org/i")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return results(tmp_path_factory.mktemp("made"), "L1", "L1+cGAN")


@pytest.fixture(scope="module")
def exported(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported")
    assert (
        run("study", "export", made, "--to", "mturk", *IMAGES, "--out", out, *SMALL).exit_code == 0
    )
    return out


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Emulation]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    with emulate() as emulation:
        monkeypatch.setenv("P2P_EVAL_MTURK_ENDPOINT", emulation.url)
        yield emulation


def test_from_results_to_votes_by_mechanical_turk(
    made: Path, tmp_path: Path, service: Emulation
) -> None:
    out = tmp_path / "out"
    done = run("study", "export", made, "--to", "mturk", *IMAGES, "--out", out, *SMALL)
    assert done.exit_code == 0, done.output
    plan = read_plan(out / "study")
    create = ("study", "mturk", "create", out, "--sandbox", "--reward", "0.50")
    dry = run(*create)
    assert dry.exit_code == 0
    assert "4 HITs to make" in dry.stdout
    assert "2.40 US dollars, none of which is real" in dry.stdout
    assert service.calls == []
    assert run(*create, "--create").exit_code == 0
    assert len(service.hits) == 4
    assert "0 HITs to make (4 of 4 are there)" in run(*create).stdout
    sessions = {session.id: session for session in plan.sessions}
    for number, hit in enumerate(service.hits):
        service.submit(f"W{number}", hit, form(plan, sessions[service.session(hit)]))
    granted = run("study", "mturk", "grant", out, "--sandbox", "--every", "1")
    assert granted.stdout.startswith("4 of 4 sessions submitted")
    assert run("study", "mturk", "collect", out, "--sandbox").exit_code == 0
    analyzed = run(
        *("study", "analyze", out / "sandbox-results.csv", "--plan", out / "study"),
        *("--out", tmp_path / "scores", "--json", "--draws", "100"),
    )
    assert analyzed.exit_code == 0, analyzed.output
    report = json.loads(analyzed.stdout)
    assert [(a["name"], a["participants"], a["trials"]) for a in report["algorithms"]] == [
        ("L1", 2, 8),
        ("L1+cGAN", 2, 8),
    ]
    # Who always says left takes half of a balanced session's fakes for real.
    assert [a["labelled_real_pct"] for a in report["algorithms"]] == [50, 50]


def test_a_watch_outlives_a_service_that_is_down(
    exported: Path, tmp_path: Path, service: Emulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = shutil.copytree(exported, tmp_path / "out")
    create = ("study", "mturk", "create", out, "--sandbox", "--reward", "1")
    assert run(*create, "--create").exit_code == 0
    looks: list[float] = []

    def later(seconds: float) -> None:
        """First the service goes down, then it comes back and all sessions are submitted."""
        looks.append(seconds)
        service.faults = [("ListAssignmentsForHIT", "stop")] if len(looks) == 1 else []
        if len(looks) == 2:
            for number, hit in enumerate(service.hits):
                service.submit(f"W{number}", hit, {})

    monkeypatch.setattr("p2p_eval.cli.study_mturk.sleep", later)
    done = run("study", "mturk", "grant", out, "--sandbox", "--every", "60")
    assert done.exit_code == 0
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == [
        "0 of 4 sessions submitted",
        "4 of 4 sessions submitted",
    ]
    assert "looking again in 60 s" in " ".join(done.stderr.split())
    assert looks == [60, 60]


def test_from_results_to_votes_by_a_static_host(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("study", "export", made, "--to", "static", "--out", out, *SMALL).exit_code == 0
    plan = read_plan(out / "study")
    (tmp_path / "answers").mkdir()
    for number, session in enumerate(plan.sessions):
        answers = {
            "schema": "p2p-eval/study-answers/1",
            "plan": plan.hash,
            "session": session.id,
            "participant": f"P{number}",
            "started": number,
            "answers": records(session, "right"),
        }
        (tmp_path / "answers" / f"{number}.json").write_text(json.dumps(answers))
    (tmp_path / "answers" / "forged.json").write_text("{}")
    arguments = ("study", "analyze", tmp_path / "answers", "--out", tmp_path / "scores")
    done = run(*arguments, "--plan", out / "study", "--json", "--draws", "100")
    assert done.exit_code == 0, done.output
    assert [a["trials"] for a in json.loads(done.stdout)["algorithms"]] == [8, 8]
    assert "forged.json: schema" in done.stderr.replace("\n", " ")
    without = run(*arguments)
    assert without.exit_code == 2
    assert "give --plan the folder of the study" in without.stderr.replace("\n", " ")


def test_again_is_the_same_and_another_study_is_refused(made: Path, tmp_path: Path) -> None:
    export = ("study", "export", made, "--to", "static", "--out", tmp_path / "out", *SMALL)
    assert run(*export).exit_code == 0
    files = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert run(*export).exit_code == 0
    assert {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()} == files
    other = run(*export, "--seed", 1)
    assert other.exit_code == 2
    assert "plan of another study" in other.stderr
    assert {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()} == files


def test_a_study_that_is_designed_can_go_to_both(made: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert run("study", "export", made, "--to", "static", "--out", first, *SMALL).exit_code == 0
    export = ("study", "export", "--study", first / "study", "--to", "mturk", "--out", second)
    assert run(*export, *IMAGES).exit_code == 0
    assert not (second / "study").exists()
    for command in (
        (*export, *IMAGES),
        ("study", "serve", first / "study", "--out", second, "--port", 0),
    ):
        refused = run(*command, "--trials", 5)
        assert refused.exit_code == 2
        assert "got trials 5 for a study that is designed already" in refused.stderr
    plan = json.loads((first / "site" / "study.json").read_text())["plan"]
    assert json.loads((second / "layout.json").read_text())["plan"] == plan


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--to", "mturk"), "expected either RESULTS"),
        (("RESULTS", "--study", "x", "--to", "static"), "expected either RESULTS"),
        (("RESULTS", "--to", "mturk"), "got no --image-url"),
        (("RESULTS", "--to", "mturk", "--image-url", "http://a.org"), "--image-url: got"),
        (("RESULTS", "--to", "static", *IMAGES), "is for --to mturk only"),
        (("RESULTS", "--to", "static", "--post", "file:///etc"), "--post: got"),
        (("RESULTS", "--to", "static", "--trials", "400"), "ask for fewer trials"),
        (("RESULTS", "--to", "paper"), "'paper' is not one of"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_written(
    made: Path, tmp_path: Path, arguments: tuple[str, ...], reason: str
) -> None:
    given = [made if argument == "RESULTS" else argument for argument in arguments]
    done = run("study", "export", *given, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert reason in " ".join(done.stderr.split())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("reward", ["much", "-1", "0.001", "NaN", "1e9"])
def test_a_reward_that_is_none_is_refused(exported: Path, reward: str) -> None:
    done = run("study", "mturk", "create", exported, "--sandbox", f"--reward={reward}")
    assert done.exit_code == 2
    assert "US dollars" in " ".join(done.stderr.split())


def test_sandbox_or_live_must_be_said(tmp_path: Path) -> None:
    done = run("study", "mturk", "create", tmp_path, "--reward", "1")
    assert done.exit_code == 2
    assert "--live" in done.stderr


def test_real_images_are_no_algorithm(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    shutil.copytree(made, folder)
    shutil.copytree(folder / "L1", folder / "ground-truth")
    shutil.rmtree(folder / "ground-truth" / "output")
    shutil.copytree(folder / "ground-truth" / "target", folder / "ground-truth" / "output")
    done = run("study", "export", folder, "--to", "static", "--out", tmp_path / "out", *SMALL)
    assert done.exit_code == 0
    assert "ground-truth is left out: all its images are the real ones" in done.stderr
    assert read_plan(tmp_path / "out" / "study").algorithms == ("L1", "L1+cGAN")
    alone = run(
        "study",
        "export",
        folder / "ground-truth",
        "--to",
        "static",
        "--out",
        tmp_path / "no",
        *SMALL,
    )
    assert alone.exit_code == 2
    assert "got real images as the generated ones" in alone.stderr
