"""``p2p-eval tables`` as a user meets it: stdout, stderr, exit codes, and what is not loaded."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from table_files import algorithm, counts_of, write_counts, write_study
from typer.testing import CliRunner, Result

from p2p_eval.cli import app
from p2p_eval.tables.fill import fill_tables

Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run the command in this process, where ``out`` is the folder of score files."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(
        app, ["tables", "--out", "out", *map(str, arguments)]
    )


def refused(result: Result) -> str:
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


@pytest.fixture
def scored(out: Path) -> Path:
    """Two seeds of L1, another row, and one experiment of another name."""
    for number, name in enumerate(("L1-seed1", "L1-seed2", "GAN", "my_model")):
        write_counts(out, name, counts_of(0.3 + 0.1 * number, seed=number, extra=1))
    return out


def test_markdown_by_default(call: Call, scored: Path) -> None:
    result = call()
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("### Table 1: ")
    assert "### Table 2" not in result.stdout
    assert call().stdout == result.stdout
    assert call("--seed", 1).stdout != result.stdout


def test_json_is_one_document_and_nothing_else(call: Call, scored: Path) -> None:
    result = call("1", "--json", "--row", "1:L1+cGAN=my_model", "--protocol", "strict")
    assert (result.exit_code, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert list(document) == ["schema", "version", "draws", "seed", "tables"]
    assert document["schema"] == "p2p-eval/tables/1"
    (table,) = document["tables"]
    assert (table["table"], table["protocol"]) == ("1", "strict")
    rows = {row["name"]: row["figures"] for row in table["rows"]}
    ours = rows["L1"]["class_iou"]["ours"]
    assert ours["experiments"] == ["L1-seed1", "L1-seed2"]
    assert (ours["seeds"], ours["frames"]) == (2, 8)
    assert ours["low"] < ours["value"] < ours["high"]
    assert ours["interval"] == "bootstrap of seeds, then items"
    assert rows["cGAN"]["class_iou"] == {"paper": 0.16, "ours": None}
    assert rows["L1+cGAN"]["per_pixel_acc"]["ours"]["experiments"] == ["my_model"]
    assert [entry["rows"] for entry in table["rank_agreement"]] == [["L1", "GAN", "L1+cGAN"]] * 3
    assert {file["path"] for file in table["provenance"]["files"]} >= {"GAN/fcn_score/score.json"}


def test_csv(call: Call, scored: Path) -> None:
    result = call("1", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    expected = fill_tables(scored, ["1"]).tables[0].rows[0].measured[0]
    assert expected
    assert float(rows[0]["ours"]) == expected.figures["per_pixel_acc"].value
    assert rows[0]["seeds"] == "2"


@pytest.mark.parametrize(("form", "start"), [("latex", "% Table 1"), ("html", "<!doctype html>")])
def test_other_formats(call: Call, scored: Path, form: str, start: str) -> None:
    result = call("--format", form)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(start)


def test_a_table_without_rows_is_refused(call: Call, scored: Path) -> None:
    message = refused(call("1", "6"))
    assert "photo2labels-L1, photo2labels-cGAN" in message
    assert "Table 1" not in message
    message = refused(call("2"))
    assert "unet-L1-batch10" in message
    assert "GAN, L1-seed1, L1-seed2, my_model" in message


def test_an_empty_or_missing_folder_is_refused(call: Call, out: Path) -> None:
    assert "looked for" in refused(call())
    out.rmdir()
    assert "no such folder" in refused(call())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["9"], "got table '9'"),
        (["--row", "L1"], "TABLE:ROW=EXPERIMENT"),
        (["--row", "1:L1=missing"], "got experiment 'missing'"),
        (["--row", "1:L1=../out/GAN"], "got experiment '../out/GAN'"),
        (["--row", "1:cGAN=GAN"], "expected each experiment once"),
        (["1", "--row", "2:unet-L1-batch10=GAN"], "which is not asked for"),
    ],
)
def test_bad_arguments_are_refused(
    call: Call, scored: Path, arguments: list[str], message: str
) -> None:
    assert message in refused(call(*arguments))


def test_bad_choices_are_usage_errors(call: Call, scored: Path) -> None:
    for arguments in (["--protocol", "both"], ["--format", "docx"], ["--seed", "-1"]):
        refused(call(*arguments))


def test_a_damaged_file_is_named(call: Call, scored: Path) -> None:
    (scored / "GAN" / "fcn_score" / "confusion.npz").write_bytes(b"no zip")
    message = refused(call())
    assert "confusion.npz" in message
    assert "damaged" in message


def test_different_signatures_of_seeds_are_named(call: Call, scored: Path) -> None:
    write_counts(scored, "L1-seed2", counts_of(0.5, extra=1), settings="labels:decoded|version:1")
    message = refused(call())
    assert "L1-seed1" in message
    assert "L1-seed2" in message
    assert "labels:decoded" in message


def test_nothing_is_written(call: Call, scored: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in scored.rglob("*")}
    assert call().exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in scored.rglob("*")} == before


def test_no_torch_is_loaded(scored: Path) -> None:
    write_study(scored / "study.json", [algorithm("pix2pix")])
    code = (
        "import sys; from typer.testing import CliRunner; from p2p_eval.cli import app; "
        "result = CliRunner().invoke(app, ['tables', *sys.argv[1:]]); "
        "sys.exit(result.exit_code or ('torch' in sys.modules and 'torch was loaded') or 0)"
    )
    for arguments in (["--help"], ["--out", str(scored)]):
        subprocess.run(
            [sys.executable, "-c", code, *arguments],
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            timeout=120,
        )
