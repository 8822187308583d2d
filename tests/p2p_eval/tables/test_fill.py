"""Tables filled from score files: figures, intervals, agreement, signatures, refusals."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from score_files import write_color, write_json
from table_files import (
    algorithm,
    counts_of,
    write_counts,
    write_study,
)

from p2p_eval.errors import InputError, StoreError
from p2p_eval.metrics.confusion import FIGURES, histogram, scores
from p2p_eval.tables.choice import parse_chosen
from p2p_eval.tables.fill import fill_tables
from p2p_eval.tables.filled import FilledTable, Interval, Measured, OurFigure
from p2p_eval.tables.resample import seed_interval

SETTINGS = "labels:files|jpeg:no|bootstrap:50|seed:0|version:{}"


def filled(out: Path, key: str, **options: Any) -> FilledTable:
    (table,) = fill_tables(out, [key], **{"draws": 50, **options}).tables
    return table


def row(table: FilledTable, name: str, place: int = 0) -> Measured:
    (found,) = [row.measured[place] for row in table.rows if row.name == name]
    assert found
    return found


def change(path: Path, **entries: object) -> None:
    """Change the only experiment of a score file."""
    document = json.loads(path.read_text())
    document["experiments"][0].update(entries)
    write_json(path, document)


@pytest.mark.parametrize("protocol", ["paper", "strict"])
@pytest.mark.parametrize(
    "kind", [("fcn", "1", "GAN", "GAN"), ("seg", "6", "cGAN", "photo2labels-cGAN")]
)
def test_one_experiment_has_its_score_files_figures(
    out: Path, protocol: Any, kind: tuple[str, str, str, str]
) -> None:
    score, key, name, experiment = kind
    counts = counts_of(0.6, extra=int(score == "fcn"))
    counts[0, 2, -1] += 1  # drops a frame where there is an extra output
    report = write_counts(out, experiment, counts, kind=score, protocols=("paper", "strict"))
    entry = report.experiments[protocol == "strict"]
    table = filled(out, key, protocol=protocol)
    ours = row(table, name)
    for figure in FIGURES:
        expected = OurFigure(getattr(entry, figure), *entry.ci95[figure])
        assert ours.figures[figure] == expected
    assert (ours.interval, ours.items, ours.items_are) == (Interval.items, 8, "frames")
    assert ours.dropped == len(entry.dropped) == int((score, protocol) == ("fcn", "paper"))
    assert ours.signature == f"{score}-score|protocol:{protocol}|labels:files|jpeg:no|version:1"
    assert table.protocol == protocol
    assert any("drops" in note for note in table.notes) == bool(ours.dropped)
    assert any("frames only" in note for note in table.notes)


def test_strict_figures_follow_from_counts_scored_under_paper(out: Path) -> None:
    counts = counts_of(0.6, extra=1)
    write_counts(out, "L1", counts)
    ours = row(filled(out, "1", protocol="strict"), "L1")
    expected = scores(histogram(counts, "strict")[0].sum(0), "strict").figures
    assert [ours.figures[figure].value for figure in FIGURES] == expected.tolist()
    assert "|protocol:strict|" in ours.signature


def test_seeds_are_one_row_with_their_mean(out: Path) -> None:
    counts = [counts_of(accuracy, seed=k) for k, accuracy in enumerate((0.4, 0.6, 0.8))]
    for seed, array in enumerate(counts):
        write_counts(out, f"cGAN-seed{seed}", array)
    table = filled(out, "1", seed=4)
    ours = row(table, "cGAN")
    each = [scores(c.sum(0), "paper").figures for c in counts]
    low, high = seed_interval(
        np.stack(counts, axis=1), lambda s: scores(s, "paper").figures, draws=50, seed=4
    )
    for place, figure in enumerate(FIGURES):
        assert ours.figures[figure].value == pytest.approx(np.mean(each, axis=0)[place], rel=1e-15)
        assert (ours.figures[figure].low, ours.figures[figure].high) == (low[place], high[place])
    assert ours.experiments == ("cGAN-seed0", "cGAN-seed1", "cGAN-seed2")
    assert ours.interval is Interval.seeds_items
    assert any("of seeds, then of frames" in note and "cGAN" in note for note in table.notes)


def test_frames_of_seeds_are_matched_by_name(out: Path) -> None:
    counts = counts_of(0.6, seed=1)
    names = [f"frame{n}" for n in range(len(counts))]
    write_counts(out, "L1-seed0", counts, images=names)
    write_counts(out, "L1-seed1", counts[::-1].copy(), images=names[::-1])
    ours = row(filled(out, "1"), "L1")
    alone = row(filled(out, "1", rows=[parse_chosen("1:L1=L1-seed0")]), "L1")
    for figure in FIGURES:
        assert ours.figures[figure].low == pytest.approx(alone.figures[figure].low, rel=1e-14)
        assert ours.figures[figure].high == pytest.approx(alone.figures[figure].high, rel=1e-14)


def test_seeds_must_be_of_the_same_frames_and_labels(out: Path) -> None:
    counts = counts_of(0.6)
    write_counts(out, "L1-seed0", counts)
    write_counts(out, "L1-seed1", counts_of(0.6, frames=9))
    with pytest.raises(InputError, match=r"different frames, as frame8: L1-seed0 and L1-seed1"):
        filled(out, "1")
    other = counts.copy()
    other[3, 0, 0] += 1
    write_counts(out, "L1-seed1", other)
    with pytest.raises(InputError, match=r"different labels: L1-seed0 and L1-seed1"):
        filled(out, "1")


def test_seeds_with_different_signatures_are_refused_by_name(out: Path) -> None:
    for seed in (0, 1):
        write_counts(out, f"L1-seed{seed}", counts_of(0.6), settings=SETTINGS.format(seed))
    with pytest.raises(
        InputError, match=r"L1-seed0 with .*version:0 and L1-seed1 with .*version:1"
    ):
        filled(out, "1")


def test_the_draws_of_a_score_file_make_no_other_signature(out: Path) -> None:
    for number, name in enumerate(("L1-seed0", "L1-seed1", "GAN")):
        settings = f"labels:files|jpeg:no|bootstrap:{number + 10}|seed:{number}|version:1"
        write_counts(out, name, counts_of(0.6), settings=settings)
    assert filled(out, "1").letters == {
        "fcn-score|protocol:paper|labels:files|jpeg:no|version:1": ""
    }


def test_the_same_files_options_and_seed_give_the_same_tables(full: Path) -> None:
    first, again = (fill_tables(full, draws=50).to_json() for _ in range(2))
    assert first == again
    assert fill_tables(full, draws=50, seed=1).to_json() != first


def test_rank_agreement_by_hand(out: Path) -> None:
    """Pixel accuracies rank L1 < cGAN < GAN < L1+cGAN; the paper ranks GAN < L1 < cGAN < L1+cGAN.

    Of six pairs, L1-GAN and cGAN-GAN are the other way round: (4 - 2) / 6.
    """
    for name, hits in (("L1", 10), ("cGAN", 20), ("GAN", 30), ("L1+cGAN", 40)):
        write_counts(out, name, np.array([[[hits, 50 - hits], [0, 50]]] * 2))
    table = filled(out, "1")
    pixel = next(entry for entry in table.agreements if entry.column == "per_pixel_acc")
    assert pixel.tau == pytest.approx(1 / 3)
    assert set(pixel.rows) == {"L1", "GAN", "cGAN", "L1+cGAN"}
    assert not any("ground truth included" in note for note in table.notes)
    write_counts(out, "ground-truth", np.array([[[50, 0], [0, 50]]] * 2))
    table = filled(out, "1")
    assert table.agreements[0].tau == pytest.approx((8 - 2) / 10)
    assert any("ground truth included" in note for note in table.notes)


def test_ties_of_the_paper_are_said(out: Path) -> None:
    """Receptive fields: 16×16 and 70×70 have one IOU, so that one pair of six says nothing."""
    names = ("L1+cGAN-1x1", "L1+cGAN-286x286", "L1+cGAN-16x16", "L1+cGAN")
    for hits, name in enumerate(names):
        write_counts(out, name, np.array([[[10 + hits, 40 - hits], [0, 50]]] * 2))
    table = filled(out, "3")
    by_column = {entry.column: entry.tau for entry in table.agreements}
    assert by_column["per_pixel_acc"] == 1
    assert by_column["class_iou"] == pytest.approx(5 / np.sqrt(5 * 6))
    assert any("figures of Class IOU have ties" in note for note in table.notes)


def test_equal_figures_have_no_agreement(out: Path) -> None:
    for name in ("L1", "GAN", "cGAN"):
        write_counts(out, name, counts_of(0.6))
    assert [entry.tau for entry in filled(out, "1").agreements] == [None] * 3


def test_two_rows_have_no_agreement(out: Path) -> None:
    for seed, name in enumerate(("L1", "GAN")):
        write_counts(out, name, counts_of(0.6, seed=seed))
    assert filled(out, "1").agreements == ()


def test_agreement_is_within_one_signature(out: Path) -> None:
    for number, name in enumerate(("L1", "GAN", "cGAN", "L1+GAN", "L1+cGAN")):
        settings = SETTINGS.format(int(number > 2))
        write_counts(out, name, counts_of(0.3 + 0.1 * number), settings=settings)
    table = filled(out, "1")
    assert list(table.letters.values()) == ["a", "b"]
    assert [entry.rows for entry in table.agreements] == [("L1", "GAN", "cGAN")] * 3
    assert {table.letters[entry.signature] for entry in table.agreements} == {"a"}


def test_rows_of_other_frames_are_said(out: Path) -> None:
    write_counts(out, "L1", counts_of(0.6))
    write_counts(out, "GAN", counts_of(0.6, frames=9))
    assert any(note.endswith("same frames: L1 8, GAN 9.") for note in filled(out, "1").notes)


def test_one_frame_has_no_interval(out: Path) -> None:
    write_counts(out, "L1", counts_of(0.6, frames=1))
    table = filled(out, "1")
    ours = row(table, "L1")
    assert ours.interval is Interval.none
    assert ours.figures["class_iou"].low is None
    assert any("fewer than two frames" in note for note in table.notes)


def test_colors_of_one_seed_are_the_files_own(out: Path) -> None:
    write_color(out, "L1")
    table = filled(out, "fig7")
    ours = row(table, "L1")
    assert ours.figures["L"] == OurFigure(0.8, 0.8 - 0.02, 0.8 + 0.02)
    assert (ours.interval, ours.items, ours.items_are) == (Interval.file, 12, "images")
    assert table.protocol is None


def test_colors_of_seeds_without_histograms_have_a_range(out: Path) -> None:
    for seed, value in enumerate((0.6, 0.7, 0.95)):
        write_color(out, f"cGAN-seed{seed}")
        path = out / f"cGAN-seed{seed}" / "color_hist" / "score.json"
        change(path, intersection={"L": value, "a": 0.5, "b": None})
    table = filled(out, "fig7")
    ours = row(table, "cGAN")
    figure = ours.figures["L"]
    assert figure.value == pytest.approx(0.75)
    assert (figure.low, figure.high) == (0.6, 0.95)
    assert ours.figures["b"] == OurFigure(None)
    assert ours.interval is Interval.seed_range
    assert any("the lowest and the highest seed" in note for note in table.notes)
    change(out / "cGAN-seed1" / "color_hist" / "score.json", images=11)
    with pytest.raises(InputError, match="different real images: cGAN-seed0 and cGAN-seed1"):
        filled(out, "fig7")


def test_studies_are_found_in_both_places(out: Path) -> None:
    write_study(out / "study.json", [algorithm("pix2pix", 21.0), algorithm("another")])
    maps = [algorithm("photo2map-L1", 3.0), algorithm("map2photo-L1+cGAN", 19.0, signature="s|n:1")]
    write_study(out / "maps" / "study" / "score.json", maps, signature="s|n:0")
    four, five = filled(out, "4"), filled(out, "5")
    assert row(four, "L1").figures["labelled_real_pct"] == OurFigure(3.0, 8.5, 12.5, 1.25)
    assert [row.measured[0] is None for row in four.rows] == [False, True]
    assert [row.measured[1] is None for row in four.rows] == [True, False]
    assert four.letters == {"s|n:0": "a", "s|n:1": "b"}
    assert five.letters == {"not stated in study.json": ""}
    assert row(five, "pix2pix").items == 2000
    assert [source.path for source in four.sources] == ["maps/study/score.json"]
    own = filled(out, "5", rows=[parse_chosen("5:Zhang-2016=another")])
    assert row(own, "Zhang et al. 2016").experiments == ("another",)


def test_seeds_of_a_study_have_mean_and_range(out: Path) -> None:
    write_study(out / "study.json", [algorithm(f"pix2pix-seed{k}", 20.0 + k) for k in (0, 4)])
    ours = row(filled(out, "5"), "pix2pix")
    assert ours.figures["labelled_real_pct"] == OurFigure(22.0, 20.0, 24.0)
    assert ours.items == 4000


def test_an_algorithm_in_two_studies_is_refused(out: Path) -> None:
    write_study(out / "study.json", [algorithm("pix2pix")])
    write_study(out / "a" / "study" / "score.json", [algorithm("pix2pix")])
    with pytest.raises(InputError, match=r"'pix2pix' in study.json and in a/study/score.json"):
        filled(out, "5")


def test_provenance_is_what_sha256sum_gives(full: Path) -> None:
    table = filled(full, "1")
    paths = [source.path for source in table.sources]
    assert "L1+cGAN-seed2/fcn_score/confusion.npz" in paths
    assert len(paths) == 14
    lines = "".join(
        f"{hashlib.sha256((full / path).read_bytes()).hexdigest()}  {path}\n" for path in paths
    )
    expected = hashlib.sha256(lines.encode()).hexdigest()[:16]
    assert table.to_json()["provenance"]["sha256"] == expected


def test_without_names_only_tables_with_a_row(out: Path, full: Path) -> None:
    keys = [table.definition.key for table in fill_tables(full, draws=20).tables]
    assert keys == ["1", "2", "3", "4", "5", "6", "fig7"]
    write_counts(out, "L1+cGAN", counts_of(0.6))
    keys = [table.definition.key for table in fill_tables(out, draws=20).tables]
    assert keys == ["1", "3"]
    asked = fill_tables(out, ["3", "1", "3"], draws=20).tables
    assert [table.definition.key for table in asked] == ["3", "1"]


def test_nothing_to_fill_says_what_was_looked_for_and_found(out: Path) -> None:
    with pytest.raises(InputError, match=r"photo2labels-L1, .*L2-regression|L2-regression"):
        fill_tables(out)
    write_counts(out, "my_model", counts_of(0.6))
    with pytest.raises(InputError) as caught:
        fill_tables(out, ["1"])
    for text in ("Table 1", "L1, GAN, cGAN", "my_model", "--row 1:L1=EXPERIMENT", str(out)):
        assert text in str(caught.value)
    assert row(filled(out, "1", rows=[parse_chosen("1:GAN=my_model")]), "GAN").items == 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tables": ["8"]}, "got table '8'"),
        ({"protocol": "both"}, "got protocol 'both'"),
        ({"draws": 0}, "got draws 0"),
        ({"seed": -1}, "seed -1"),
        ({"tables": ["1"], "rows": [parse_chosen("3:L1+cGAN=L1")]}, "table 3, which is not asked"),
    ],
)
def test_wrong_options_are_refused(full: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fill_tables(full, **options)
    with pytest.raises(InputError, match="no such folder"):
        fill_tables(full / "missing")


DAMAGE = {
    "L1/fcn_score/score.json": "1",
    "L1/fcn_score/confusion.npz": "1",
    "photo2labels-L1/seg_score/score.json": "6",
    "L1/color_hist/score.json": "fig7",
    "study.json": "5",
}


@pytest.fixture
def copied(out: Path) -> Path:
    write_counts(out, "L1", counts_of(0.6))
    write_counts(out, "photo2labels-L1", counts_of(0.6), kind="seg")
    write_color(out, "L1")
    write_study(out / "study.json", [algorithm("pix2pix")])
    return out


@pytest.mark.parametrize("data", [b"", b"{}", b"[1", b"[" * 100_000, b'{"schema": 3}', None])
@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_file_is_named(copied: Path, name: str, data: bytes | None) -> None:
    path = copied / name
    path.write_bytes(path.read_bytes()[:-40] if data is None else data)
    with pytest.raises(StoreError, match=name):
        filled(copied, DAMAGE[name])


@pytest.mark.parametrize(
    ("name", "entries", "expected"),
    [
        ("L1/fcn_score", {"frames": 7}, "different runs"),
        ("L1/fcn_score", {"class_iou": 0.5}, "different runs"),
        ("L1/fcn_score", {"class_iou": None}, "different runs"),
        ("L1/fcn_score", {"signature": "a|b|c"}, "signature"),
        ("L1/fcn_score", {"protocol": "odd"}, "paper or strict"),
        ("L1/color_hist", {"ci95": {"L": [1]}}, "expected two"),
        ("L1/color_hist", {"bins": "x"}, "whole number"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    copied: Path, name: str, entries: dict[str, object], expected: str
) -> None:
    change(copied / name / "score.json", **entries)
    with pytest.raises(StoreError, match=expected):
        filled(copied, "1" if "fcn" in name else "fig7")


def test_a_missing_confusion_is_named(copied: Path) -> None:
    (copied / "L1" / "fcn_score" / "confusion.npz").unlink()
    with pytest.raises(StoreError, match=r"confusion\.npz"):
        filled(copied, "1")


def test_other_score_files_do_not_matter(copied: Path) -> None:
    (copied / "L1" / "metrics").mkdir()
    (copied / "L1" / "metrics" / "score.json").write_text("no JSON")
    (copied / "study.json").write_text("no JSON")
    assert row(filled(copied, "1"), "L1").items == 8
