"""Which weights and which label set: what the user says, else what the file says."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import save_file

from fcn.errors import DownloadError, WeightsError
from fcn.labels import label_set
from fcn.network import FULL_WIDTHS, FCN8s
from p2p_eval.errors import InputError
from p2p_eval.scoring.scorer import check_outputs, foreign_weights, load_scorer


def weights(folder: Path, **metadata: str) -> Path:
    path = folder / "w.safetensors"
    save_file(FCN8s(11, dict.fromkeys(FULL_WIDTHS, 1)).state_dict(), path, metadata)
    return path


def test_the_file_names_its_label_set(tmp_path: Path) -> None:
    assert load_scorer(weights(tmp_path, label_set="camvid"), None)[1].name == "camvid"
    assert load_scorer(weights(tmp_path, label_set="camvid"), "scenes")[1].name == "scenes"
    assert load_scorer(weights(tmp_path), None)[1].name == "cityscapes"


def test_weights_of_another_label_set_are_remarked_on(tmp_path: Path) -> None:
    loaded, table = load_scorer(weights(tmp_path, label_set="camvid"), "camvid")
    assert foreign_weights(loaded, table) == ()
    (remark,) = foreign_weights(loaded, label_set("scenes"))
    assert "for the label set camvid" in remark


@pytest.mark.parametrize("name", ["kitti", "my set", "../x"])
def test_a_label_set_that_does_not_ship_must_be_given(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"'{name}', which does not ship; .* --label-set"):
        load_scorer(weights(tmp_path, label_set=name), None)
    assert load_scorer(weights(tmp_path, label_set=name), "camvid")[1].name == "camvid"


def test_defaults_come_from_the_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P2P_EVAL_CACHE", str(tmp_path))
    with pytest.raises(DownloadError, match="weights get cityscapes"):
        load_scorer(None, None)
    with pytest.raises(InputError, match="no weights for the label set facades"):
        load_scorer(None, "facades")
    with pytest.raises(WeightsError, match="no such file"):
        load_scorer("missing.caffemodel", None)


def test_outputs() -> None:
    for outputs in (19, 20):
        check_outputs(outputs, label_set("cityscapes"))
    with pytest.raises(InputError, match="the weights have 21 outputs, expected 19 or 20"):
        check_outputs(21, label_set("cityscapes"))
