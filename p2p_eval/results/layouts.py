"""Find the experiments in a results folder by looking at it: what is an output, what its input.

The layouts are those that test runs leave behind:

==================  ===============================================================================
``pytorch``         junyanz/pytorch-CycleGAN-and-pix2pix: ``<id>_{fake_B,real_A,real_B}.png``, or
                    ``<id>_{fake,real}.png`` of ``--model test``
``torch``           phillipi/pix2pix: ``{output,input,target}/<id>.png`` or ``.jpg``
``tensorflow``      affinelayer/pix2pix-tensorflow: ``<id>-{outputs,inputs,targets}.png``
``cityscapes``      scripts/eval_cityscapes of phillipi/pix2pix: ``<id>_leftImg8bit.png``
``side-by-side``    one image twice as wide as high: input left, output right
``side-by-side:BA`` the same the other way round: output left, input right
``folder``          any other folder of images, all of them outputs
==================  ===============================================================================
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from p2p_eval.errors import InputError
from p2p_eval.folders import Listing, check_name, list_folder, natural_key, walk
from p2p_eval.results.images import ImageRef, probe

__all__ = ["LAYOUTS", "SCORE_FOLDERS", "Experiment", "Item", "find_experiments", "index_images"]

LAYOUTS = (
    "pytorch",
    "torch",
    "tensorflow",
    "cityscapes",
    "side-by-side",
    "side-by-side:BA",
    "folder",
)
"""Names of the layouts, as ``--layout`` takes them."""

# Endings of output, input and target, by layout; a layout is recognised by the first ending, and
# by the others where those are unmistakable.
ENDINGS: dict[str, tuple[tuple[str, str | None, str | None], ...]] = {
    "pytorch": (("_fake_B", "_real_A", "_real_B"), ("_fake", "_real", None)),
    "tensorflow": (("-outputs", "-inputs", "-targets"),),
    "cityscapes": (("_leftImg8bit", None, None),),
}
TORCH_FOLDERS = ("output", "input", "target")
# Folders that test runs make below the one that the user has named.
RUN_FOLDER = re.compile(r"(test|val|train)_latest|latest_net_G_(test|val|train)")
SCORE_FOLDERS = ("p2p-eval-out", "fcn_score", "seg_score")
"""What the kit itself writes, predictions in colours among it: neither results nor label maps."""
SIDE_BY_SIDE_MAX_HEIGHT = 512
PROBED = 5


@dataclass(frozen=True, slots=True)
class Item:
    """One generated image, and the input and the real image that belong to it where they exist."""

    id: str
    output: ImageRef
    input: ImageRef | None = None
    target: ImageRef | None = None


@dataclass(frozen=True, slots=True)
class Experiment:
    """The generated images of one model.

    ``missing_outputs`` are ids that have an input or a real image but no output; ``incomplete``
    are ids without an input or a real image that other ids have; ``strays`` are images in the
    folder that belong to no id.
    """

    name: str
    layout: str
    folder: Path
    items: tuple[Item, ...]
    missing_outputs: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()


def find_experiments(
    root: Path, layout: str = "auto", real: Path | None = None
) -> list[Experiment]:
    """Find every experiment in a folder, or in the folders below it.

    Args:
        root: The folder of images, any folder above it, or a folder of several experiments.
        layout: One of :data:`LAYOUTS`, or ``auto`` to look.
        real: A folder of the real images, where the results hold none; same names.

    Returns:
        The experiments by name, each with at least one item; ids in natural order.

    Raises:
        InputError: There is nothing to find, or something that makes the result ambiguous:
            names with other characters than ``[A-Za-z0-9._+-]``, names that differ in case
            only, two files for one id, loops of symbolic links, unreadable folders.
    """
    if layout != "auto" and layout not in LAYOUTS:
        raise InputError(f"got layout {layout!r}, expected auto or one of {', '.join(LAYOUTS)}")
    root = Path(root)
    listings = _without_torch_parts(walk(root, leave_out=real, skip=SCORE_FOLDERS), layout)
    found = [(x, kind) for x in listings if (kind := _named_layout(x, layout)) is not None]
    if layout not in ENDINGS and layout != "torch":
        plain = _plain_folders(listings, [listing.path for listing, _ in found])
        found += [(listing, _plain_layout(listing, layout, real)) for listing in plain]
    if not found:
        raise InputError(_nothing_found(root, layout, listings))
    real_images = None if real is None else _real_images(Path(real))
    experiments = [
        _experiment(name, kind, listing, real_images)
        for name, (listing, kind) in zip(
            _experiment_names(root, [listing.path for listing, _ in found]), found, strict=True
        )
    ]
    return sorted(experiments, key=lambda experiment: natural_key(experiment.name))


def index_images(listing: Listing, ending: str = "") -> dict[str, Path]:
    """Map ids to the image files of a folder whose names are ``<id><ending>.<suffix>``.

    Raises:
        InputError: A name has characters that are not allowed, two names differ in case only, or
            two files with different suffixes have one id.
    """
    files: dict[str, Path] = {}
    seen: dict[str, str] = {}
    for name in listing.images:
        stem = os.path.splitext(name)[0]
        if not stem.endswith(ending) or stem == ending:
            continue
        check_name(name, listing.path)
        identity = stem.removesuffix(ending)
        other = seen.setdefault(identity.lower(), name)
        if other != name:
            raise InputError(
                f"{listing.path}: got both {other} and {name}, expected one file for an id "
                "(upper and lower case count as the same); remove one"
            )
        files[identity] = listing.path / name
    return files


def _without_torch_parts(walked: Iterable[Listing], layout: str) -> list[Listing]:
    """Drop the folders ``output``, ``input``, ``target`` that belong to the folder above."""
    listings: list[Listing] = []
    parts: set[Path] = set()
    for listing in walked:
        if listing.path.parent in parts or listing.path in parts:
            parts.add(listing.path)
            continue
        listings.append(listing)
        if layout in ("auto", "torch") and _is_torch(listing):
            parts.update(listing.path / name for name in TORCH_FOLDERS)
    return listings


def _is_torch(listing: Listing) -> bool:
    return "output" in listing.folders and bool({"input", "target"} & set(listing.folders))


def _named_layout(listing: Listing, layout: str) -> str | None:
    """The layout that the names of files or folders show, if it is wanted."""
    if layout in ("auto", "torch") and _is_torch(listing):
        return "torch"
    stems = [os.path.splitext(name)[0] for name in listing.images]
    for kind in ENDINGS:
        if layout in ("auto", kind) and _scheme(kind, stems) is not None:
            return kind
    return None


def _scheme(kind: str, stems: list[str]) -> tuple[str, str | None, str | None] | None:
    for number, scheme in enumerate(ENDINGS[kind]):
        endings = tuple(e for e in (scheme if number == 0 else scheme[:1]) if e is not None)
        if any(stem.endswith(endings) and stem not in endings for stem in stems):
            return scheme
    return None


def _plain_folders(listings: list[Listing], named: list[Path]) -> list[Listing]:
    """The folders of images without telling names, apart from those around or in ``named``."""
    plain = [
        listing
        for listing in listings
        if listing.images
        and not any(
            path == listing.path or listing.path in path.parents or path in listing.path.parents
            for path in named
        )
    ]
    folders = {listing.path for listing in plain}
    for listing in plain:
        for above in listing.path.parents:
            if above in folders:
                raise InputError(
                    f"{above}: got images both here and in {listing.path}, expected one folder "
                    "for each experiment; give one of the folders, or move the other images away"
                )
    return plain


def _real_images(folder: Path) -> dict[str, Path]:
    """Index a folder of real images, named as any layout names them."""
    listing = list_folder(folder)
    kind = _named_layout(listing, "auto")
    if kind == "torch":
        return _real_images(folder / "target")
    ending = {"pytorch": "_real_B", "tensorflow": "-targets", "cityscapes": "_leftImg8bit"}
    images = index_images(listing, ending.get(kind or "", ""))
    if not images:
        raise InputError(f"{folder}: got no real image, expected PNGs named as the results are")
    return images


def _plain_layout(listing: Listing, layout: str, real: Path | None) -> str:
    """Tell side-by-side images from others by their size."""
    if layout != "auto":
        return layout
    if real is not None:
        return "folder"
    step = max(1, len(listing.images) // PROBED)
    sizes = [probe(listing.path / name).size for name in listing.images[::step][:PROBED]]
    if not all(width == 2 * height for width, height in sizes):
        return "folder"
    if max(height for _, height in sizes) > SIDE_BY_SIDE_MAX_HEIGHT:
        raise InputError(
            f"{listing.path}: got images twice as wide as high, which may be whole images or two "
            "side by side; say --layout folder, side-by-side (input left, output right) or "
            "side-by-side:BA (output left)"
        )
    return "side-by-side"


def _experiment(name: str, kind: str, listing: Listing, real: dict[str, Path] | None) -> Experiment:
    for file in listing.images:  # strays too: they are named in reports
        check_name(file, listing.path)
    strays: tuple[str, ...] = ()
    roles: list[dict[str, ImageRef]] = [{}, {}, {}]
    if kind == "torch":
        for role, folder in enumerate(TORCH_FOLDERS):
            if folder in listing.folders:
                roles[role] = _references(index_images(list_folder(listing.path / folder)))
    elif kind in ENDINGS:
        stems = [os.path.splitext(file)[0] for file in listing.images]
        scheme = _scheme(kind, stems) or ENDINGS[kind][0]
        for role, ending in enumerate(scheme):
            if ending is not None:
                roles[role] = _references(index_images(listing, ending))
        known = tuple(ending for ending in scheme if ending is not None)
        strays = tuple(
            file
            for file, stem in zip(listing.images, stems, strict=True)
            if not stem.endswith(known)
        )
    else:
        files = index_images(listing)
        if kind == "folder":
            roles[0] = _references(files)
        else:
            left, right = (0, 1) if kind == "side-by-side:BA" else (1, 0)
            roles[left], roles[right] = _references(files, "left"), _references(files, "right")
    if real is not None:
        roles[2] = _references(real)
    return _assemble(name, kind, listing.path, roles, strays)


def _references(
    files: dict[str, Path], half: Literal["left", "right"] | None = None
) -> dict[str, ImageRef]:
    return {identity: ImageRef(path, half) for identity, path in files.items()}


def _assemble(
    name: str,
    kind: str,
    folder: Path,
    roles: list[dict[str, ImageRef]],
    strays: tuple[str, ...],
) -> Experiment:
    outputs, inputs, targets = roles
    if not outputs:
        raise InputError(
            f"{folder}: got inputs or real images of the layout {kind} but no generated image; "
            "give the folder of a finished test run"
        )
    items = tuple(
        Item(identity, outputs[identity], inputs.get(identity), targets.get(identity))
        for identity in sorted(outputs, key=natural_key)
    )
    return Experiment(
        name,
        kind,
        folder,
        items,
        missing_outputs=tuple(
            sorted((inputs.keys() | targets.keys()) - outputs.keys(), key=natural_key)
        ),
        incomplete=tuple(
            item.id
            for item in items
            if (inputs and item.input is None) or (targets and item.target is None)
        ),
        strays=strays,
    )


def _experiment_names(root: Path, folders: list[Path]) -> list[str]:
    """Name each experiment after the folders between the root and its images."""
    full, short = [], []
    for folder in folders:
        parts = [part for part in folder.relative_to(root).parts if part != "images"]
        full.append(parts)
        short.append(parts[:-1] if parts and RUN_FOLDER.fullmatch(parts[-1]) else parts)
    if [] in short:
        above = [p for p in Path(os.path.abspath(root)).parts if p != "images"]
        base = next((p for p in reversed(above[1:]) if not RUN_FOLDER.fullmatch(p)), "results")
        full = [[base, *parts] for parts in full]
        short = [[base, *parts] for parts in short]
    joined = ["-".join(parts) for parts in short]
    names = [
        "-".join(full[index]) if joined.count(name) > 1 else name
        for index, name in enumerate(joined)
    ]
    for name in names:
        check_name(name, root)
    if len({name.lower() for name in names}) != len(names):
        raise InputError(
            f"{root}: got several experiments of one name among {', '.join(sorted(names)[:6])}; "
            "rename their folders"
        )
    return names


def _nothing_found(root: Path, layout: str, listings: list[Listing]) -> str:
    expected = {
        "auto": "images named <id>_fake_B.png, <id>-outputs.png or <id>_leftImg8bit.png, folders "
        "output/ and input/, or any PNGs",
        "pytorch": "images named <id>_fake_B.png",
        "torch": "folders output/ and input/ or target/",
        "tensorflow": "images named <id>-outputs.png",
        "cityscapes": "images named <city>_<seq>_<frame>_leftImg8bit.png",
    }.get(layout, "PNG images")
    examples = [name for listing in listings for name in listing.images[:3]][:3]
    got = f"only {', '.join(map(repr, examples))} and the like" if examples else "no image"
    return (
        f"{root}: got {got} in {len(listings)} folder(s), expected {expected}; "
        "give the folder that a test run wrote, or name its --layout"
    )
