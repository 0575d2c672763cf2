"""The engine that all converters share: cut crops in parallel, go on after a stop, keep account of what was left out.

A converter turns its data set into `Sample`s (an image, and the crops to cut from it), calls `convert`, and hands
lists and figures to `finish`. The output folder holds the crops, the lists, `failed.txt` with a reason for each file
left out, `report.json`, and a journal of what is done. Crops have names that follow from their source, are written
whole or not at all, and lists are sorted, so a conversion that was stopped (even killed) and run again ends with the
same bytes as one clean run.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from lp_recognition.images.image import Image
from lp_recognition.images.photographs import read_photograph
from lp_recognition.lists.annotations import write_annotations
from lp_recognition.lists.converters.cropping import Box, Corners, CropError, cut_plate
from lp_recognition.system.errors import ImageError, UserError
from lp_recognition.system.files import write_text
from lp_recognition.system.parallel import run_parallel

#: Plate crops are small: high quality and colour at full resolution cost little, and at 24 rows half of it would show.
_JPEG_OPTIONS = [
    cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
]  # fmt: skip

_JOURNAL = ".conversion.jsonl"
_PARTIAL = ".partial"


@dataclass(frozen=True)
class Cut:
    """One file to make: `output` is its path below the output folder; without a region the image is copied as it is."""

    output: str
    region: Box | Corners | None


@dataclass(frozen=True)
class Sample:
    """An image of the source and what to make of it; without cuts it is only checked.

    Attributes:
        source: Path below the source folder, with `/`.
        cuts: The crops to make.
    """

    source: str
    cuts: tuple[Cut, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of a sample.

    Attributes:
        source: As in the sample.
        made: The outputs that are there now.
        notes: What was mended, as `corner_order`.
        problems: Why something was left out, as `kind: details`.
        is_checked: Whether the image itself could be read.
    """

    source: str
    made: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    is_checked: bool = True


@dataclass(frozen=True)
class Summary:
    """The figures a script prints.

    Attributes:
        images: Images found in the source.
        samples: Rows written.
        left_out: Files that stand in `failed.txt`.
        mended: Counts of what was mended.
        remarks: Lines on what was done without being asked.
    """

    name: str
    output: Path
    images: int
    samples: int
    left_out: int
    mended: Mapping[str, int]
    remarks: tuple[str, ...] = ()

    def text(self) -> str:
        """A few lines for a person, the count of files left out last."""
        lines = list(self.remarks)
        if self.mended:
            lines.append("mended: " + ", ".join(f"{kind} {count}" for kind, count in sorted(self.mended.items())))
        total = f"{self.name}: {self.samples} rows from {self.images} images in {self.output}"
        if self.left_out:
            files = "file" if self.left_out == 1 else "files"
            total += f"; {self.left_out} {files} left out, see {self.output / 'failed.txt'}"
        return "\n".join([*lines, total])


def check_folders(source: Path, output: Path) -> None:
    """Refuses a source that is no folder, and an output that would write into the source.

    Raises:
        UserError: as said.
    """
    if not source.is_dir():
        received = "a file" if source.is_file() else "no such folder"
        raise UserError(f"{source}: expected the folder of the data set, received {received}")
    inside, outside = output.resolve(), source.resolve()
    if inside == outside or outside in inside.parents or inside in outside.parents:
        raise UserError(
            f"{output}: expected an output folder apart from the source {source}, received one that holds it or lies "
            "in it; the source is never written to"
        )


def convert(
    samples: Sequence[Sample],
    source: Path,
    output: Path,
    *,
    settings: Mapping[str, Any],
    size: tuple[int, int] | None,
    workers: int,
    name: str,
) -> dict[str, Outcome]:
    """Makes all crops that are not there yet.

    Args:
        samples: What to make.
        source: The folder of the data set.
        output: The folder to write to.
        settings: All that decides what a crop looks like: an output folder made with other settings is refused.
        size: `(height, width)` of the crops, or None for the plates' own.
        workers: Processes.
        name: For the progress bar.

    Returns:
        The outcome of each sample, by source.

    Raises:
        UserError: the output cannot be written, or was made with other settings.
    """
    output.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(output / _PARTIAL, ignore_errors=True)  # what a killed run left half written
    journal = output / _JOURNAL
    done = _read_journal(journal, {**settings, "source": str(source.resolve()), "size": size})
    outcomes: dict[str, Outcome] = {}
    missing = []
    for sample in samples:
        outputs = tuple(cut.output for cut in sample.cuts)
        if _printable(sample.source) != sample.source:
            problem = "unusable file name: expected UTF-8 without line breaks and tabs"
            outcomes[sample.source] = Outcome(sample.source, problems=(problem,), is_checked=False)
        elif sample.source in done and all(_is_there(output / made) for made in outputs):
            outcomes[sample.source] = Outcome(sample.source, outputs, done[sample.source])
        else:
            missing.append(sample)
    for folder in {cut.output.rpartition("/")[0] for sample in missing for cut in sample.cuts}:
        (output / folder).mkdir(parents=True, exist_ok=True)
    (output / _PARTIAL).mkdir(exist_ok=True)

    work = functools.partial(_convert_one, source=source, output=output, size=size)
    with journal.open("a", encoding="utf-8") as file:
        for outcome in run_parallel(work, missing, workers=workers, description=name):
            outcomes[outcome.source] = outcome
            if not outcome.problems:
                done[outcome.source] = outcome.notes
                file.write(_journal_line(outcome.source, outcome.notes))  # what a kill takes is made again
    shutil.rmtree(output / _PARTIAL, ignore_errors=True)
    _write_journal(journal, {**settings, "source": str(source.resolve()), "size": size}, done)
    return outcomes


def finish(
    output: Path,
    lists: Mapping[str, Iterable[tuple[str, str]]],
    failures: Iterable[tuple[str, str]],
    report: Mapping[str, Any],
) -> int:
    """Writes lists, `failed.txt` and `report.json`.

    Args:
        output: The output folder.
        lists: Name of a list below `output` -> rows of (image path, absolute or below `output`, label). A list that
            has become empty is removed.
        failures: (source, `kind: details`) of all that was left out.
        report: Figures; the counts of failures by kind are added.

    Returns:
        The number of files left out.
    """
    for name, rows in lists.items():
        folder = Path(name).parent
        ordered = sorted(
            (image if Path(image).is_absolute() else os.path.relpath(image, folder), label) for image, label in rows
        )
        if ordered:
            write_annotations(output / name, ordered)
        else:
            (output / name).unlink(missing_ok=True)
    reasons = sorted({(_printable(source), " ".join(_printable(reason).split())) for source, reason in failures})
    write_text(output / "failed.txt", "".join(f"{source}\t{reason}\n" for source, reason in reasons))
    kinds = Counter(reason.partition(":")[0] for _, reason in reasons)
    left_out = len({source for source, _ in reasons})
    content = {**report, "left_out": left_out, "left_out_by_reason": dict(sorted(kinds.items()))}
    write_text(output / "report.json", json.dumps(content, ensure_ascii=False, indent=2) + "\n")
    return left_out


def collect(outcomes: Mapping[str, Outcome]) -> tuple[Counter[str], list[tuple[str, str]]]:
    """Counts what was mended, and lists (source, reason) of what was left out."""
    mended = Counter(note for outcome in outcomes.values() for note in outcome.notes)
    failures = [(outcome.source, reason) for outcome in outcomes.values() for reason in outcome.problems]
    return mended, failures


def distribution(values: Sequence[float], bin_width: int) -> dict[str, Any]:
    """Minimum, median, maximum, and a histogram with bins of `bin_width`, named by their first value."""
    if not values:
        return {"count": 0}
    bins = Counter(int(value // bin_width) * bin_width for value in values)
    return {
        "count": len(values),
        "min": min(values),
        "median": float(np.median(values)),
        "max": max(values),
        "histogram": {str(start): bins[start] for start in sorted(bins)},
    }


def _write_crop(output: str, name: str, data: bytes) -> None:
    """Writes a crop whole or not at all.

    Unlike `files.replacing` it does not wait for the disk: a hundred thousand crops would take hours, and a crop that
    a power cut took is made again.
    """
    temporary = Path(f"{output}/{_PARTIAL}/{os.getpid()}")
    try:
        with temporary.open("wb", buffering=0) as file:
            file.write(data)
        temporary.replace(f"{output}/{name}")
    except OSError as error:  # a full disk is no fault of this image: stop
        raise UserError(f"{output}/{name}: cannot be written: {error.strerror}") from None


def _convert_one(sample: Sample, source: Path, output: Path, size: tuple[int, int] | None) -> Outcome:
    try:
        image, data = read_photograph(source / sample.source)
    except ImageError as error:
        return Outcome(sample.source, problems=(str(error),), is_checked=False)
    made: list[str] = []
    notes: list[str] = []
    problems: list[str] = []
    for cut in sample.cuts:
        try:
            if cut.region is not None:
                crop, mended = cut_plate(image, cut.region, size)
                notes += mended
                data = _encode(crop, f".{cut.output.rpartition('.')[2]}")
        except CropError as error:
            problems.append(str(error))
            continue
        _write_crop(str(output), cut.output, data)
        made.append(cut.output)
    return Outcome(sample.source, tuple(made), tuple(dict.fromkeys(notes)), tuple(problems))


def _encode(crop: Image, suffix: str) -> bytes:
    done, data = cv2.imencode(suffix, crop, _JPEG_OPTIONS if suffix == ".jpg" else [])
    assert done, suffix
    return data.tobytes()


def _printable(text: str) -> str:
    """Escapes line breaks, tabs and NULs, and bytes of a file name that are no UTF-8: none of them fits into a list."""
    escaped = text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t").replace("\0", "\\0")
    return escaped.encode("utf-8", "backslashreplace").decode("utf-8")


def _is_there(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _read_journal(journal: Path, settings: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """What earlier runs got done: source -> notes. Starts the journal where there is none, mends a torn last line."""
    done: dict[str, tuple[str, ...]] = {}
    wanted = json.loads(json.dumps(settings))
    if journal.exists():
        lines = list(_json_lines(journal))
        if not lines or not isinstance(lines[0], dict):
            raise UserError(
                f"{journal}: expected the journal of a conversion, received something else; delete the file"
            )
        changed = [
            f"{key} was {lines[0].get(key)!r}, is {wanted.get(key)!r}"
            for key in sorted({*wanted, *lines[0]})
            if lines[0].get(key) != wanted.get(key)
        ]
        if changed:
            raise UserError(
                f"{journal.parent}: expected the settings this folder was made with, received others ("
                f"{'; '.join(changed)}); choose another --output, or delete the folder"
            )
        done = {line[0]: tuple(line[1]) for line in lines[1:]}
    _write_journal(journal, settings, done)
    return done


def _json_lines(path: Path) -> Iterator[Any]:
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            yield json.loads(line)
        except ValueError:  # the end of a killed run
            return


def _journal_line(source: str, notes: Sequence[str]) -> str:
    return json.dumps([source, list(notes)], ensure_ascii=False) + "\n"


def _write_journal(journal: Path, settings: Mapping[str, Any], done: Mapping[str, Sequence[str]]) -> None:
    lines = [_journal_line(source, done[source]) for source in sorted(done)]
    write_text(journal, json.dumps(settings, ensure_ascii=False, sort_keys=True) + "\n" + "".join(lines))
