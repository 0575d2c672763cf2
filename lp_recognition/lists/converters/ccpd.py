"""CCPD, the Chinese City Parking Dataset: photographs whose names describe the plate -> crops and lists.

Zhenbo Xu et al., "Towards End-to-End License Plate Detection and Recognition: A Large Dataset and Baseline", ECCV 2018;
https://github.com/detectRecog/CCPD (MIT license), in its editions of 2018, 2019 and 2020 (green plates).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lp_recognition.boxes.intersection import box_iou, sides_around
from lp_recognition.images.photographs import find_files, find_images
from lp_recognition.lists.converters.ccpd_names import CcpdName, CcpdNameError, parse_name
from lp_recognition.lists.converters.conversion import (
    Cut,
    Outcome,
    Sample,
    Summary,
    check_folders,
    collect,
    convert,
    distribution,
    finish,
)
from lp_recognition.lists.converters.cropping import Box, Corners
from lp_recognition.lists.image_lists import other_files
from lp_recognition.lists.lines import split_lines
from lp_recognition.system.errors import UserError, did_you_mean

#: The sub-sets with plates; `np` holds images without one.
SUBSETS = ("base", "db", "fn", "rotate", "tilt", "weather", "challenge", "blur", "green")
NO_PLATES = "np"
MODES = ("corners", "box", "both")

#: Corners and box that share less than this (intersection over union) do not speak of the same plate.
_MIN_AGREEMENT = 0.2


@dataclass(frozen=True)
class CcpdOptions:
    """What to convert.

    Attributes:
        source: The folder that holds `ccpd_base`, `ccpd_weather`, ..., or one of these.
        output: Where crops and lists go.
        subsets: Names of sub-sets; empty takes all that are there.
        mode: `corners` (rectified), `box`, or `both`, into two lists.
        size: `(height, width)` of the crops; None keeps the plates' own.
        margin: Added around boxes, as a share of width and height.
        names: Labels with `<Anhui>` in place of 皖.
        image_format: `jpg` or `png`.
    """

    source: Path
    output: Path
    subsets: tuple[str, ...] = ()
    mode: str = "corners"
    size: tuple[int, int] | None = None
    margin: float = 0.1
    names: bool = False
    image_format: str = "jpg"


@dataclass(frozen=True)
class _Plate:
    """An image with a readable name; `splits` are the official lists it stands in."""

    subset: str
    name: CcpdName
    splits: tuple[str, ...]


def convert_ccpd(options: CcpdOptions, workers: int = 1) -> Summary:
    """Crops the plates of CCPD and writes `<subset>/annotation.txt`, the official splits, and `report.json`.

    Raises:
        UserError: no such folder or sub-set, an output inside the source or made with other settings.
    """
    check_folders(options.source, options.output)
    folders, remarks = _choose_subsets(options)
    split_of, listed, failures = _read_splits(options.source, folders)
    modes = ("box", "corners") if options.mode == "both" else (options.mode,)

    names = _read_names(options, folders, split_of, modes)
    failures += names.failures
    if not names.images.total():
        raise UserError(f"{options.source}: expected images in {', '.join(map(str, folders.values()))}, received none")
    known = {*names.plates, *(source for source, _ in failures)}
    failures += [
        (source, f"listed but missing: {where} names it, and no such file is there")
        for source, where in listed.items()
        if source not in known
    ]

    outcomes = convert(
        names.samples, options.source, options.output,
        settings={"data set": "CCPD", "mode": options.mode, "margin": options.margin, "format": options.image_format},
        size=options.size, workers=workers, name="ccpd",
    )  # fmt: skip
    mended, problems = collect(outcomes)
    failures += problems
    lists = _lists(options, modes, folders, names.plates, outcomes)
    report = _report(options, names.images, names.plates, outcomes, failures, mended)
    left_out = finish(options.output, lists, failures, report)
    rows = sum(len(outcome.made) for outcome in outcomes.values())
    return Summary("ccpd", options.output, names.images.total(), rows, left_out, mended, (*remarks, *names.remarks))


@dataclass
class _Names:
    """What the names of all images say: plates and cuts by image, images by sub-set, and what cannot be used."""

    plates: dict[str, _Plate] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    images: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def _read_names(
    options: CcpdOptions, folders: Mapping[str, Path], split_of: Mapping[str, tuple[str, ...]], modes: Sequence[str]
) -> _Names:
    """Reads the plates from the names of the images."""
    names = _Names()
    taken: set[str] = set()
    for subset, folder in folders.items():
        found, others = find_files(folder)
        if remark := other_files(others):
            names.remarks.append(f"{subset}: {remark}")
        for path in found:
            names.images[subset] += 1
            # Plain text: with some hundred thousand names, paths would take as long as parsing.
            source = path.as_posix().removeprefix(f"{options.source.as_posix()}/")
            below = path.as_posix().removeprefix(f"{folder.as_posix()}/").rpartition(".")[0]
            if f"{subset}/{below}" in taken:
                names.failures.append((source, "name twice: another image of the sub-set differs in its suffix alone"))
                continue
            taken.add(f"{subset}/{below}")
            try:
                name = parse_name(path.stem)
                _check_agreement(name)
            except CcpdNameError as error:
                names.failures.append((source, str(error)))
                continue
            splits = split_of.get(source, ())
            if subset == "green" and "/" in below and not splits:
                splits = (f"green_{below.partition('/')[0]}",)
            names.plates[source] = _Plate(subset, name, splits)
            cuts = [
                Cut(f"{subset}/{mode}/{below}.{options.image_format}", _region(name, mode, options)) for mode in modes
            ]
            names.samples.append(Sample(source, tuple(cuts)))
    return names


def _region(name: CcpdName, mode: str, options: CcpdOptions) -> Box | Corners:
    if mode == "box":
        (left, top), (right, bottom) = name.box
        return Box(left, top, right, bottom, options.margin)
    right_bottom, left_bottom, left_up, right_up = name.corners
    return Corners((left_up, right_up, right_bottom, left_bottom))


def _check_agreement(name: CcpdName) -> None:
    """Some images hold two plates, and box and corners can speak of different ones; which one is read, nobody knows."""
    box, corners = sides_around(name.box), sides_around(name.corners)
    has_area = all(left < right and top < bottom for left, top, right, bottom in (box, corners))
    # Where one has no area at all it is degenerate, which the cut will say.
    if has_area and box_iou(box, corners) < _MIN_AGREEMENT:
        raise CcpdNameError(
            f"box and corners apart: expected both around one plate, received box {name.box}, corners {name.corners}"
        )


def _choose_subsets(options: CcpdOptions) -> tuple[dict[str, Path], list[str]]:
    """Finds the folders of the sub-sets, and says what is passed over."""
    found: dict[str, Path] = {}
    own_name = options.source.resolve().name.lower().removeprefix("ccpd_")
    if own_name in SUBSETS:
        found[own_name] = options.source
    for folder in sorted(path for path in options.source.iterdir() if path.is_dir()):
        name = folder.name.lower().removeprefix("ccpd_")
        if name in (*SUBSETS, NO_PLATES):
            found[name] = folder
    there = ", ".join(name for name in found) or "none"
    if not any(name in SUBSETS for name in found):
        raise UserError(
            f"{options.source}: expected folders of CCPD (ccpd_base, ccpd_weather, ... or ccpd_green), received none "
            "of them; name the folder that holds them"
        )
    for name in options.subsets:
        if name not in (*SUBSETS, NO_PLATES):
            choices = (*SUBSETS, NO_PLATES)
            raise UserError(
                f"--subsets: expected names of {', '.join(choices)}, received {name}.{did_you_mean(name, choices)}"
            )
        if name not in found:
            raise UserError(f"--subsets: expected sub-sets of {options.source} ({there}), received {name}")
    wanted = list(dict.fromkeys(options.subsets)) or list(found)
    remarks = []
    if NO_PLATES in found and NO_PLATES in wanted:
        count = len(find_images(found[NO_PLATES]))
        remarks.append(f"np: {count} images without a plate, skipped")
    return {name: found[name] for name in SUBSETS if name in wanted}, remarks


def _read_splits(
    source: Path, folders: Mapping[str, Path]
) -> tuple[dict[str, tuple[str, ...]], dict[str, str], list[tuple[str, str]]]:
    """Reads the official lists: image -> names of its lists, image -> where it was first listed, and broken rows.

    Rows are `ccpd_base/name.jpg`; in front of the folder some copies of the lists hold a path of their author's.
    """
    split_of: dict[str, tuple[str, ...]] = {}
    listed: dict[str, str] = {}
    failures: list[tuple[str, str]] = []
    subset_of = {folder.name: folder for folder in folders.values()}
    for path in sorted([*source.glob("splits/*.txt"), *source.glob("split/*.txt")]):
        where = f"{path.parent.name}/{path.name}"
        for number, row in enumerate(split_lines(path.read_text(encoding="utf-8-sig", errors="replace")), start=1):
            row = row.strip()
            folder, _, image = row.replace("\\", "/").rpartition("/")
            folder = folder.rpartition("/")[2]
            if folder in subset_of:
                name = (subset_of[folder] / image).relative_to(source).as_posix()
                split_of[name] = tuple(dict.fromkeys((*split_of.get(name, ()), path.stem)))
                listed.setdefault(name, where)
            elif row and folder.lower().removeprefix("ccpd_") not in (*SUBSETS, NO_PLATES):  # else one not asked for
                message = f"broken row: expected ccpd_base/name.jpg or the like, received {row}"
                failures.append((f"{where}:{number}", message))
    return split_of, listed, failures


def _lists(
    options: CcpdOptions,
    modes: Sequence[str],
    folders: Mapping[str, Path],
    plates: Mapping[str, _Plate],
    outcomes: Mapping[str, Outcome],
) -> dict[str, list[tuple[str, str]]]:
    """One list per sub-set and one per official split; with two modes, each twice."""
    lists: dict[str, list[tuple[str, str]]] = {}
    splits = sorted({split for plate in plates.values() for split in plate.splits})
    for mode in modes:
        ending = f"_{mode}.txt" if len(modes) > 1 else ".txt"
        lists.update({f"{subset}/annotation{ending}": [] for subset in folders})
        lists.update({f"{split}{ending}": [] for split in splits})
    for source, plate in plates.items():
        label = plate.name.label_with_names if options.names else plate.name.label
        for made in outcomes[source].made:
            mode = made[len(plate.subset) + 1 :].partition("/")[0]
            ending = f"_{mode}.txt" if len(modes) > 1 else ".txt"
            for name in (f"{plate.subset}/annotation", *plate.splits):
                lists[name + ending].append((made, label))
    return lists


def _report(
    options: CcpdOptions,
    images: Mapping[str, int],
    plates: Mapping[str, _Plate],
    outcomes: Mapping[str, Outcome],
    failures: Sequence[tuple[str, str]],
    mended: Mapping[str, int],
) -> dict[str, Any]:
    done = {source: plate for source, plate in plates.items() if outcomes[source].made}
    left_out = Counter(_subset_of(source, options) for source in {source for source, _ in failures})
    subsets = {}
    for subset in images:
        chosen = [plate.name for plate in done.values() if plate.subset == subset]
        subsets[subset] = {
            "images": images[subset],
            "plates": len(chosen),
            "left_out": left_out[subset],
            **_facts(chosen),
        }
    return {
        "data_set": "CCPD",
        "mode": options.mode,
        "images": sum(images.values()),
        "plates": len(done),
        "crops": sum(len(outcome.made) for outcome in outcomes.values()),
        "mended": dict(sorted(mended.items())),
        "splits": dict(sorted(Counter(split for plate in done.values() for split in plate.splits).items())),
        **_facts([plate.name for plate in done.values()]),
        "subsets": subsets,
    }


def _subset_of(source: str, options: CcpdOptions) -> str:
    first = source.partition("/")[0].lower().removeprefix("ccpd_")
    return first if first in SUBSETS else options.source.resolve().name.lower().removeprefix("ccpd_")


def _facts(names: Sequence[CcpdName]) -> dict[str, Any]:
    provinces = Counter(name.label[0] for name in names)
    lengths = Counter(len(name.indices) for name in names)
    return {
        "provinces": dict(sorted(provinces.items(), key=lambda item: (-item[1], item[0]))),
        "lengths": {str(length): lengths[length] for length in sorted(lengths)},
        # Some editions count degrees from level, some from upright: 90 and 0 are both "not tilted".
        "tilt_horizontal_degrees": distribution([name.tilt[0] for name in names], 10),
        "tilt_vertical_degrees": distribution([name.tilt[1] for name in names], 10),
        "brightness": distribution([name.brightness for name in names], 25),
        "blurriness": distribution([name.blurriness for name in names], 10),
    }
