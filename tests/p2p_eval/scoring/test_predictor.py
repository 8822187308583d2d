"""The network as a predictor: devices, precisions, ties, settings that are put back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fcn.errors import WeightsError
from fcn.network import FULL_WIDTHS, FCN8s, preprocess
from fcn.weights import Weights, load_weights, save_weights
from p2p_eval.errors import InputError
from p2p_eval.scoring.predictor import NetworkPredictor, Precision


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    model = FCN8s(outputs=6, widths=dict.fromkeys(FULL_WIDTHS, 5))
    save_weights(model.state_dict(), path, {"label_set": "camvid"})
    return load_weights(path)


def argmax(weights: Weights, image: np.ndarray) -> np.ndarray:
    """numpy's argmax of the plain network's scores."""
    with torch.inference_mode():
        pixels = torch.from_numpy(image).permute(2, 0, 1)[None]
        scores = weights.build().double()(preprocess(pixels).double())
    return scores[0].numpy().argmax(0)


def test_predicts_the_argmax_of_all_outputs(weights: Weights, image: np.ndarray) -> None:
    predictor = NetworkPredictor(weights, device="cpu")
    prediction = predictor(image)
    assert (prediction.dtype, prediction.shape) == (np.uint8, (40, 56))
    assert (prediction == argmax(weights, image)).mean() >= 0.9999
    np.testing.assert_array_equal(predictor(image), prediction)
    assert predictor.outputs == 6
    assert predictor.settings == {
        "weights": weights.sha256[:12], "precision": "fp32", "device": "cpu",
    }  # fmt: skip
    assert predictor.identity == weights.sha256


def test_a_prediction_depends_on_its_own_image_only(weights: Weights, image: np.ndarray) -> None:
    """Not on what went through before, of whatever size: so neither on batching nor resuming."""
    alone = NetworkPredictor(weights, device="cpu")(image)
    predictor = NetworkPredictor(weights, device="cpu")
    for other in (image[:32, :32].copy(), image[::-1].copy(), np.zeros((75, 41, 3), np.uint8)):
        predictor(other)
        np.testing.assert_array_equal(predictor(image), alone)


def test_a_tie_goes_to_the_lowest_output(weights: Weights, image: np.ndarray) -> None:
    zero = {name: torch.zeros_like(tensor) for name, tensor in weights.state.items()}
    assert not NetworkPredictor(replace(weights, state=zero), device="cpu")(image).any()


def test_scores_out_of_range_are_refused(weights: Weights, image: np.ndarray) -> None:
    huge = {name: torch.full_like(tensor, 1e30) for name, tensor in weights.state.items()}
    with pytest.raises(WeightsError, match=r"w\.safetensors.*NaN or infinite"):
        NetworkPredictor(replace(weights, state=huge), device="cpu")(image)


def test_bf16_on_the_cpu(golden: Path) -> None:
    """Coarser, and nothing worse than that: most pixels of a real network's maps agree."""
    from PIL import Image

    folder = golden / "fcn" / "slim_a"
    path = min((folder / "results").iterdir())
    weights = load_weights(folder / "fcn-8s-cityscapes.caffemodel")
    with Image.open(path) as file:
        image = np.array(file)
    exact = NetworkPredictor(weights, device="cpu")(image)
    coarse = NetworkPredictor(weights, device="cpu", precision="bf16")(image)
    assert 0.95 < (exact == coarse).mean() < 1


def test_settings_of_torch_are_put_back(weights: Weights, image: np.ndarray) -> None:
    def settings() -> tuple[object, ...]:
        flags = torch.backends.cudnn
        return flags.benchmark, flags.deterministic, flags.allow_tf32, torch.is_grad_enabled()

    with torch.backends.cudnn.flags(benchmark=True, deterministic=False, allow_tf32=True):
        before = settings()
        NetworkPredictor(weights, device="cpu")(image)
        assert settings() == before


def test_tf32_needs_a_gpu(weights: Weights) -> None:
    with pytest.raises(InputError, match="--precision fp32 on a CPU"):
        NetworkPredictor(weights, precision="tf32", device="cpu")


def test_unknown_precision(weights: Weights) -> None:
    with pytest.raises(InputError, match="expected fp32, tf32, bf16"):
        NetworkPredictor(weights, precision="fp8", device="cpu")  # type: ignore[arg-type]


@pytest.mark.gpu
@pytest.mark.parametrize(("precision", "agree"), [("fp32", 0.9999), ("tf32", 0.99), ("bf16", 0.95)])
def test_precisions_on_a_gpu(golden: Path, precision: Precision, agree: float) -> None:
    from PIL import Image

    folder = golden / "fcn" / "slim_a"
    path = min((folder / "results").iterdir())
    weights = load_weights(folder / "fcn-8s-cityscapes.caffemodel")
    with Image.open(path) as file:
        image = np.array(file)
    exact = NetworkPredictor(weights, device="cpu")(image)
    predictor = NetworkPredictor(weights, device="cuda", precision=precision)
    prediction = predictor(image)
    assert (prediction == exact).mean() >= agree
    np.testing.assert_array_equal(predictor(image), prediction)
