"""LPIPS's weights for everybody, without a network: where each package looks for them.

The backbones' are ImageNet's where the test data holds them, random ones of the same shapes
otherwise; the linear ones are those that the package lpips brings.
"""

from __future__ import annotations

import os
from pathlib import Path

import lpips
import torch
import torchvision.models as networks
from torch import Tensor, nn

BACKBONES = {
    "alex": (networks.alexnet, networks.AlexNet_Weights.DEFAULT),
    "squeeze": (networks.squeezenet1_1, networks.SqueezeNet1_1_Weights.DEFAULT),
    "vgg": (networks.vgg16, networks.VGG16_Weights.DEFAULT),
}
DATA = Path(os.environ.get("P2P_EVAL_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")


def provide(folder: Path) -> dict[str, str]:
    """Make a torch hub cache in ``folder``, use it, and say what each backbone's weights are."""
    os.environ["TORCH_HOME"] = str(folder)
    (folder / "hub" / "checkpoints").mkdir(parents=True)
    for net in BACKBONES:  # under piqa's names
        torch.save(linear_weights(net), hub_file(f"{net}.pth"))
    torch.save(list(linear_weights("vgg").values()), hub_file("lpips_weights.pt"))  # piq's
    return {net: write_backbone(net) for net in BACKBONES}


def hub_file(name: str) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / name


def linear_weights_file(net: str) -> Path:
    return Path(lpips.__file__).parent / "weights" / "v0.1" / f"{net}.pth"


def linear_weights(net: str) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = torch.load(linear_weights_file(net), map_location="cpu")
    return weights


def backbone_file(net: str) -> Path:
    """Return where torchvision, and so every package, finds a backbone's weights."""
    return hub_file(Path(BACKBONES[net][1].url).name)


def write_backbone(net: str) -> str:
    build = BACKBONES[net][0]
    with torch.device("meta"):
        network = build(weights=None)
    kept = DATA / "lpips" / f"{build.__name__}_features.pth"
    if kept.is_file():
        kind, features = "ImageNet's", torch.load(kept)
    else:
        kind, features = "random", random_features(network.features)
    # Nobody uses the classifier: zeros that take no room.
    classifier = {
        key: torch.zeros(1).expand(value.shape)
        for key, value in network.state_dict().items()
        if key not in features
    }
    torch.save(features | classifier, backbone_file(net))
    return kind


def random_features(features: nn.Module) -> dict[str, Tensor]:
    features.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    for layer in features.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, generator=generator)
            nn.init.zeros_(layer.bias)
    return {f"features.{key}": value for key, value in features.state_dict().items()}
