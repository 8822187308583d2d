"""Where do generated images come from? What a generator's file says, and what images then say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fcn.errors import WeightsError
from p2p_eval import __version__
from p2p_eval.datasets.paired import Pairs
from p2p_eval.errors import InputError
from p2p_eval.models.generator_file import GeneratorFile
from p2p_eval.scores.signature import Signature
from p2p_eval.training.config import Config, config_of

__all__ = ["facts_of_images", "trained_on", "training_of", "unfinished"]

TOLD = (
    "loss", "pixel_weight", "patch", "discriminator_width", "schedule", "learning_rate", "beta1",
    "batch", "load_size", "mirror", "precision", "seed",
)  # fmt: skip
"""Settings of the training that a signature holds."""


def training_of(generator: GeneratorFile) -> Config | None:
    """Return the configuration that a generator was trained by, if its file says so.

    Raises:
        WeightsError: What the file says is no configuration.
    """
    run = _run(generator)
    if run is None:
        return None
    try:
        mode = {"test_mode": generator.metadata.get("test_mode", "paper")}
        return config_of({**run["config"], **mode}, "the generator's file")
    except (InputError, KeyError, TypeError) as error:
        raise WeightsError(
            f"got a generator whose file says of its training what cannot be: {error}; it was "
            "written by a newer version, or is damaged"
        ) from error


def trained_on(generator: GeneratorFile) -> str | None:
    """Return the fingerprint of the data that a generator was trained on, if its file says so."""
    run = _run(generator)
    return None if run is None else str(run.get("data"))


def unfinished(generator: GeneratorFile) -> str | None:
    """Return a warning if a generator's training was not done."""
    step, steps = generator.metadata.get("step"), generator.metadata.get("steps")
    if step == steps:
        return None
    return f"warning: the generator is of step {step} of {steps}; the same `train` command goes on"


def _run(generator: GeneratorFile) -> dict[str, Any] | None:
    run = generator.metadata.get("run")
    if run is not None and not isinstance(run, dict):
        raise WeightsError("got a generator whose file is damaged: its run is no object")
    return run


def facts_of_images(
    generator: GeneratorFile, pairs: Pairs, *, size: int, mode: str, seed: int, device: str
) -> dict[str, Any]:
    """Return everything that generated images depend on, as ``generated.json`` has it.

    Raises:
        WeightsError: As :func:`training_of`.
    """
    config = training_of(generator)
    step = generator.metadata.get("step", "unknown")
    return {
        "schema": "p2p-eval/generated/1",
        "signature": _signature(generator, config, pairs.task, str(step), size, mode, seed),
        "version": __version__,
        "generator": {
            "sha256": generator.sha256,
            "kind": generator.kind,
            "settings": dict(generator.settings),
            "training": None if config is None else config.as_dict(),
            "step": step,
            "trained_on": trained_on(generator),
            "notes": list(generator.notes),
        },
        "task": pairs.task,
        "data": pairs.fingerprint,
        "images": len(pairs),
        "size": size,
        "test_mode": mode,
        "dropout_seed": seed,
        "device": device.partition(":")[0],
    }


def _signature(
    generator: GeneratorFile,
    config: Config | None,
    task: str,
    step: str,
    size: int,
    mode: str,
    seed: int,
) -> str:
    """Give the line that says what made the images, named deviations from the paper included."""
    network = generator.settings
    trained = {
        key.replace("_", "-"): "unknown" if config is None else _shown(getattr(config, key))
        for key in TOLD
    }
    settings: Mapping[str, object] = {
        "task": task,
        "kind": generator.kind if network.get("skips", True) else "encoder-decoder",
        "width": network.get("width"),
        "halves-to": network.get("size", "none"),
        "norm": network.get("norm", "batch"),
        "bottleneck-norm": network.get("bottleneck_norm", False),
        "dropout": network.get("dropout", "paper"),
        **trained,
        "steps": step if step.isdecimal() else "unknown",
        "test-mode": mode,
        "dropout-seed": seed if mode == "paper" else "none",
        "size": size,
        "weights": generator.sha256[:12],
        "version": __version__,
    }
    return str(Signature("generator", {key: _shown(value) for key, value in settings.items()}))


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
