"""Label sets: the tables that ship, and files of users."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fcn.errors import LabelSetError
from fcn.labels import IGNORED, LABEL_SETS, label_set

HEADER = "id, train_id, name, red, green, blue\n"

# helpers/labels.py of https://github.com/mcordts/cityscapesScripts: train id of ids 0-33
CITYSCAPES_TRAIN_IDS = [
    255, 255, 255, 255, 255, 255, 255, 0, 1, 255, 255, 2, 3, 4, 255, 255, 255, 5, 255, 6, 7, 8, 9,
    10, 11, 12, 13, 14, 15, 255, 255, 16, 17, 18,
]  # fmt: skip


def test_cityscapes_train_ids_are_those_of_cityscapesscripts() -> None:
    table = label_set("cityscapes").id_to_train
    assert table[:34].tolist() == CITYSCAPES_TRAIN_IDS
    assert (table[34:] == IGNORED).all()


def test_cityscapes_names_in_the_official_order(golden: Path) -> None:
    lines = (golden / "fcn/slim_a/expected_evaluation_results.txt").read_text().splitlines()[4:]
    assert label_set("cityscapes").names == tuple(line.split(":")[0].strip() for line in lines)


@pytest.mark.parametrize("name", LABEL_SETS)
def test_lookups_invert_each_other(name: str) -> None:
    table = label_set(name)
    assert table.id_to_train[table.train_to_id].tolist() == list(range(table.num_classes))
    assert len(np.unique(table.palette, axis=0)) == table.num_classes
    assert table.outputs in (table.num_classes, table.num_classes + 1)


def test_digest_follows_content_not_name() -> None:
    assert label_set("scenes").digest == label_set("cityscapes").digest
    assert label_set("scenes").digest != label_set("camvid").digest


def test_users_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(
        f"# a comment\n{HEADER} 4, 0, cat, 1, 2, 3\n 7, 1, dog, 4, 5, 6\n 9, 255, x, 0, 0, 0\n"
        "10, 255, x, 0, 0, 0\n"  # ignored classes may share a name
    )
    mine = label_set(file)
    assert (mine.name, mine.names, mine.outputs) == ("mine", ("cat", "dog"), 2)
    assert mine.id_to_train[[4, 7, 9, 10]].tolist() == [0, 1, IGNORED, IGNORED]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "columns id, train_id"),
        (f"# {HEADER}", r"no comment \(#\), expected one with the columns id, train_id"),
        (HEADER, "got no rows, expected one row a class"),
        (f"{HEADER}1, 0, \x1b[31m, 1, 2, 3\n", r"the name '\\x1b\[31m' for id 1"),
        (f"{HEADER}1, 0, , 1, 2, 3\n", "the name '' for id 1"),
        (f"{HEADER}1, 0, cat, 1, 2, 3\n2, 1, cat, 1, 2, 4\n", "2 classes have the name 'cat'"),
        ("id, name\n1, cat\n", "expected id, train_id"),
        (f"{HEADER}1, 0, cat, 1, 2\n", "a row is not"),
        (f"{HEADER}one, 0, cat, 1, 2, 3\n", "a row is not"),
        (f"{HEADER}1, 0, {'c' * 200_000}, 1, 2, 3\n", "a row is not .* field limit"),
        ("i" * 200_000, "a row is not .* field limit"),
        (f"{HEADER}{'9' * 5000}, 0, cat, 1, 2, 3\n", "a row is not"),
        (f"{HEADER}1, 0, cat, 1, 2, 300\n", "not in 0-255"),
        (f"{HEADER}1, 0, cat, 1, 2, 3\n1, 1, dog, 1, 2, 4\n", "two rows"),
        (f"{HEADER}1, 0, cat, 1, 2, 3\n2, 2, dog, 1, 2, 4\n", "train ids"),
        (f"{HEADER}1, 255, cat, 1, 2, 3\n", "train ids"),
        (f"# outputs: 7\n{HEADER}1, 0, cat, 1, 2, 3\n", "7 outputs for 1 classes"),
    ],
)  # fmt: skip
def test_inconsistent_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(text)
    with pytest.raises(LabelSetError, match=message):
        label_set(file)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.csv").write_bytes(b"\x89PNG\xff\xfe")
    (tmp_path / "large.csv").write_bytes(b"#" * (1 << 21))
    for name, message in (
        ("binary", "utf-8"),
        ("large", "too large"),
        ("none", r"\(there is no such file\), expected one of"),
        ("x" * 300, "no such file"),
        ("nul\0", "no such file"),
    ):
        with pytest.raises(LabelSetError, match=message):
            label_set(tmp_path / f"{name}.csv")


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(f"{HEADER}1, 0, cat, 1, 2, 3\n", encoding="utf-8-sig")
    assert label_set(file).names == ("cat",)
