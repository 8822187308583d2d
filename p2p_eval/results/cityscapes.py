"""The original Cityscapes tree: which frames it has, and how preparation scripts number them.

::

    <root>/gtFine/<split>/<city>/<city>_<seq>_<frame>_gtFine_labelIds.png
    <root>/leftImg8bit/<split>/<city>/<city>_<seq>_<frame>_leftImg8bit.png      (where present)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from p2p_eval.errors import InputError
from p2p_eval.folders import check_name, list_folder

__all__ = ["CityscapesFrame", "frames", "splits"]

LABEL_ENDING = "_gtFine_labelIds.png"
PHOTO_ENDING = "_leftImg8bit.png"


@dataclass(frozen=True, slots=True)
class CityscapesFrame:
    """One annotated frame; ``id`` is ``<city>_<seq>_<frame>``; ``photo`` is None if absent."""

    id: str
    label: Path
    photo: Path | None = None


def splits(root: Path) -> list[str]:
    """Names of the splits that ``gtFine`` has labels for, in order of name.

    Raises:
        InputError: There is no ``gtFine`` under ``root``.
    """
    return [split for split in list_folder(_gt_fine(root)).folders if _has_labels(root, split)]


def frames(root: Path, split: str = "val") -> list[CityscapesFrame]:
    """Every frame of a split that has a label map, in the order of the labels' paths.

    That is the order in which pix2pix data sets number them:
    ``datasets/prepare_cityscapes_dataset.py`` of junyanz/pytorch-CycleGAN-and-pix2pix sorts the
    paths ``gtFine/<split>/*/*_color.png`` and ``leftImg8bit/<split>/*/*_leftImg8bit.png`` and
    counts from 0; the authors' own download counts from 1. Endings do not change the order.

    Raises:
        InputError: ``root`` is no Cityscapes tree, the split has no labels, an id stands twice,
            or a name has other characters than letters, digits and ``._+-``.
    """
    folder = _gt_fine(root) / split
    if split not in list_folder(folder.parent).folders:
        raise InputError(
            f"{folder.parent}: got no split {split!r}, expected a folder of that name with one "
            f"folder a city; it has {', '.join(list_folder(folder.parent).folders) or 'none'}"
        )
    found: dict[str, CityscapesFrame] = {}
    for city in list_folder(folder).folders:
        photos = _photos(root, split, city)
        for name in list_folder(folder / city).images:
            if not name.endswith(LABEL_ENDING):
                continue
            check_name(name, folder / city)
            identity = name.removesuffix(LABEL_ENDING)
            if identity in found:
                raise InputError(
                    f"{folder / city / name}: the frame stands in {found[identity].label} too; "
                    "remove one, or its city's folder"
                )
            found[identity] = CityscapesFrame(
                identity, folder / city / name, photos.get(identity + PHOTO_ENDING)
            )
    if not found:
        raise InputError(
            f"{folder}: got no label map, expected <city>/<city>_<seq>_<frame>{LABEL_ENDING}; "
            "download and unpack gtFine_trainvaltest.zip of https://www.cityscapes-dataset.com"
        )
    return sorted(found.values(), key=lambda frame: str(frame.label))


def _gt_fine(root: Path) -> Path:
    if (root / "gtFine").is_dir():
        return root / "gtFine"
    raise InputError(
        f"{root}: got no folder gtFine in it, expected the original Cityscapes tree with "
        f"gtFine/<split>/<city>/*{LABEL_ENDING}; for other label maps use --labels"
    )


def _has_labels(root: Path, split: str) -> bool:
    folder = _gt_fine(root) / split
    return any(
        name.endswith(LABEL_ENDING)
        for city in list_folder(folder).folders
        for name in list_folder(folder / city).images
    )


def _photos(root: Path, split: str, city: str) -> dict[str, Path]:
    folder = root / "leftImg8bit" / split / city
    return {name: folder / name for name in list_folder(folder).images} if folder.is_dir() else {}
