"""Lists of images: `path LABEL` a row for training and evaluation, `path` alone for prediction.

Paths may hold spaces and any characters, so a row is split at its *last* space, or at its last tab where it has one; a
relative path belongs to the folder of its list, and `~/` is the home folder. This module is the one reader and writer
of the format.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lp_recognition.images.photographs import IMAGE_SUFFIXES
from lp_recognition.lists.lines import read_lines
from lp_recognition.system.errors import AnnotationError, summarize
from lp_recognition.system.files import expand_home, write_text
from lp_recognition.texts.normal_form import normal_form, odd_characters

#: Characters of a broken row that a message shows.
_SHOWN = 80
#: A row of a table: an image, perhaps in quotes, before a comma or semicolon.
_IN_COLUMNS = re.compile(rf".*({'|'.join(map(re.escape, IMAGE_SUFFIXES))})[\"']?\s*[,;]", re.IGNORECASE)


@dataclass(frozen=True)
class Annotation:
    """One row of a list.

    Attributes:
        path: The image, absolute or relative to the current folder.
        label: The text of the plate in its normal form (see `texts.normal_form`); empty in a list of paths alone.
        source: Where the row stands, as `list.txt:12`, for messages.
        written: The label as it stands there, where that is another form.
    """

    path: Path
    label: str
    source: str = ""
    written: str = ""


def read_annotations(
    lists: str | Path | Sequence[str | Path], *, labelled: bool = True, skip_bad_rows: bool = False
) -> tuple[list[Annotation], list[str]]:
    """Reads one or several lists.

    Args:
        lists: A list file or several; their rows are joined in order.
        labelled: Whether rows are `path LABEL`; else a row is a path, spaces and all.
        skip_bad_rows: Go on after rows without a label and return them as problems.

    Returns:
        The rows, and the problems that were skipped (empty unless `skip_bad_rows`).

    Raises:
        AnnotationError: a list is missing, not UTF-8 text or holds no row that can be used; or a row lacks its
            label.
    """
    paths = [lists] if isinstance(lists, (str, Path)) else list(lists)
    if not paths:
        raise AnnotationError("expected at least one list of images, received none")
    rows: list[Annotation] = []
    problems: list[str] = []
    for path in paths:
        found, wrong = _read_one(Path(path), labelled)
        rows += found
        problems += wrong
    if problems and (not skip_bad_rows or not rows):
        raise AnnotationError(summarize(problems))
    if not rows:
        names = ", ".join(str(path) for path in paths)
        form = "path LABEL" if labelled else "path"
        raise AnnotationError(f"{names}: expected rows of '{form}', received an empty list")
    return rows, problems


def write_annotations(path: str | Path, rows: Iterable[tuple[str | Path, str]]) -> None:
    """Writes `path LABEL` rows (or `path` alone where the label is empty), whole or not at all.

    Raises:
        AnnotationError: a label with a space, or a path with a line break, a tab, with spaces at its ends or not in
            UTF-8: no reader could take them apart again.
    """
    lines = []
    for image, label in rows:
        refuse_other_encoding(path, image)
        if any(character.isspace() for character in label):
            raise AnnotationError(f"{path}: expected a label without spaces, received {label!r} for {image}")
        if any(character in str(image) for character in "\n\r\t\0"):
            raise AnnotationError(f"{path}: expected a path without line breaks and tabs, received {str(image)!r}")
        if str(image) != str(image).strip():
            raise AnnotationError(f"{path}: expected a path without spaces at its ends, received {str(image)!r}")
        image = f"./{image}" if str(image).startswith("~/") else image  # a folder of that name, not the home folder
        lines.append(f"{image} {label}\n" if label else f"{image}\n")
    write_text(path, "".join(lines))


def refuse_other_encoding(path: str | Path, image: str | Path) -> None:
    """Raises where the list `path` cannot name an image.

    Raises:
        AnnotationError: the name of the image is not UTF-8 (old archives unpack such); a list is.
    """
    try:
        str(image).encode("utf-8")
    except UnicodeEncodeError:
        raise AnnotationError(f"{path}: expected a path in UTF-8, received {str(image)!r}; rename the file") from None


def annotation(path: Path, written: str, source: str) -> Annotation:
    """A row with its label in normal form."""
    label = normal_form(written)
    return Annotation(path, label, source, written if written != label else "")


def list_name(path: str | Path) -> str:
    """What to call a list: its file's name, or its folder's where that is `annotation.txt`, as converters write it."""
    path = Path(path)
    return path.absolute().parent.name if path.name == "annotation.txt" else path.name


def missing_hint(row: Annotation) -> str:
    """What may be wrong with a path where no image is, for the end of a message; empty where nothing strikes."""
    path = str(row.path)
    before_space = path.rpartition(" ")[0]
    if "\\" in path:
        return "; the path holds backslashes: write / between folders"
    if _IN_COLUMNS.match(path):
        return _from_table(Path(row.source.rpartition(":")[0] or "TABLE"))
    if path.endswith(('"', "'")):
        return "; quotes are taken as a part of the path: leave them out"
    if not row.label and before_space.lower().endswith(IMAGE_SUFFIXES):
        return "; a row of this list is a path alone, and this one has a label behind it"
    return ""


def _read_one(path: Path, labelled: bool) -> tuple[list[Annotation], list[str]]:
    rows, problems = [], []
    for number, line in enumerate(read_lines(path, "a list of images"), start=1):
        row = line.strip()
        if not row:
            continue
        source = f"{path}:{number}"
        image, label = _split_row(row) if labelled else (row, "")
        problem = _row_problem(row, image, label, labelled)
        if problem:
            problems.append(f"{source}: {problem}")
        else:
            rows.append(annotation(path.parent / expand_home(image), label, source))
    if problems and path.suffix.lower() == ".jsonl":
        problems[0] += "; lists of scenes are for the detector, train_lpd.py and eval_lpd.py"
    elif problems and (path.suffix.lower() == ".csv" or any(_IN_COLUMNS.search(problem) for problem in problems)):
        problems[0] += _from_table(path)  # once, not with every row
    return rows, problems


def _from_table(path: Path) -> str:
    command = f"python -m lp_recognition.tools.convert_csv {path} --to txt --output LIST"
    return f"; a table with commas or semicolons becomes a list by {command}"


def _split_row(row: str) -> tuple[str, str]:
    image, _, label = row.rpartition("\t" if "\t" in row else " ")
    return image.strip(), label.strip()


def _row_problem(row: str, image: str, label: str, labelled: bool) -> str:
    """What keeps a row from being one; empty where all is well."""
    if "\0" in row:
        return "expected text, received a NUL byte; save the list as UTF-8"
    if not labelled:
        return ""
    if not image or (not image.lower().endswith(IMAGE_SUFFIXES) and _IN_COLUMNS.match(row)):
        return f"expected 'path LABEL', received '{row if len(row) <= _SHOWN else f'{row[: _SHOWN - 3]}...'}'"
    if not normal_form(label):
        return f"expected 'path LABEL', received a label of invisible characters: {odd_characters(label)}"
    if " " in label:  # behind a tab
        return f"expected a label without spaces, received '{label}' for {image}"
    return ""
