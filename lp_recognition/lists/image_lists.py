"""Making lists of images and moving them: files of a folder, other folders, and CSV; what a word stands for."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lp_recognition.images.photographs import IMAGE_SUFFIXES, find_files
from lp_recognition.lists.annotations import (
    Annotation,
    annotation,
    read_annotations,
    refuse_other_encoding,
    write_annotations,
)
from lp_recognition.lists.tables import read_table
from lp_recognition.system.errors import AnnotationError, UserError, summarize
from lp_recognition.system.files import expand_home, write_text
from lp_recognition.texts.normal_form import normal_form

#: Kinds of other files that a remark names.
_KINDS_NAMED = 5

#: The columns of a CSV list that is written here.
CSV_COLUMNS = ("image_path", "plate_text")


def list_images(folder: Path, *, recursive: bool, ignored: str = "") -> tuple[list[Path], list[str]]:
    """The images in a folder, sorted, and remarks on what was left out: other files, and images in its folders.

    Args:
        folder: The folder.
        recursive: Whether the folders below are looked into, too.
        ignored: The ending of other files that are not worth a remark.

    Raises:
        UserError: no such folder, or no image in it.
    """
    if not folder.is_dir():
        received = "a file" if folder.is_file() else "no such folder"
        raise UserError(f"{folder}: expected a folder with images, received {received}")
    images, others = find_files(folder)
    below = 0
    if not recursive:
        below = sum(path.parent != folder for path in images)
        images, others = ([path for path in paths if path.parent == folder] for paths in (images, others))
    remarks = []
    if below:
        remarks.append(f"images in its folders, left out: {below}; --recursive takes them, too")
    if remark := other_files(others, ignored):
        remarks.append(remark)
    if not images:
        received = "; ".join(["none", *remarks])
        raise UserError(f"{folder}: expected images ({', '.join(IMAGE_SUFFIXES)}), received {received}")
    return images, remarks


@dataclass(frozen=True)
class GivenImage:
    """An image that a command line names.

    Attributes:
        path: The file, as it was given.
        source: The row of the list that names it, as `list.txt:12`; empty where none does.
    """

    path: str
    source: str = ""

    def telling(self, error: UserError) -> UserError:
        """An error of the image that names its row."""
        return UserError(f"{self.source}: {error}") if self.source else error


def images_of(given: str) -> Iterator[GivenImage | UserError]:
    """The images that a word of a command line stands for: itself, those below a folder, those of a list.

    Args:
        given: An image; a folder; or a list, `.txt` of paths with or without labels, or `.csv`.

    Yields:
        The images, or in their place why there are none.
    """
    path = Path(given)
    try:
        if not given:  # Path("") is the current folder: an unset variable of a script must not stand for all of it
            raise UserError("expected an image, a folder or a list, received an empty word; is a variable unset?")
        if path.is_dir():
            images, _ = list_images(path, recursive=True)
            yield from (GivenImage(str(image)) for image in images)
        elif path.suffix.lower() == ".csv":
            yield from (GivenImage(str(row.path), row.source) for row in read_csv(path))
        elif path.suffix.lower() == ".txt":
            rows, _ = read_annotations(path, labelled=False)
            yield from (GivenImage(_without_label(str(row.path)), row.source) for row in rows)
        else:
            yield GivenImage(given)
    except UserError as error:
        yield error


def refuse_folder_of(images: Iterable[str | Path], output: Path, option: str) -> None:
    """Refuses a folder for drawn pictures that holds the images themselves: they would be read as such next time.

    Raises:
        UserError: naming `option`.
    """
    if not output.is_dir():
        return
    beside = next((image for image in images if Path(image).exists() and Path(image).parent.samefile(output)), None)
    if beside is not None:
        raise UserError(
            f"{option}: expected another folder than that of the pictures, received {output}, which holds {beside}"
        )


def _without_label(row: str) -> str:
    """The image of a row that is `path` or `path LABEL`: an image that is there wins."""
    image = row.rpartition(" ")[0]
    return image if image and not Path(row).exists() and Path(image).exists() else row


def other_files(others: Sequence[Path], ignored: str = "") -> str:
    """A remark on files that are no images by their names, by their endings; empty where there are none.

    Args:
        others: The files.
        ignored: The ending of files that are not worth a remark.
    """
    kinds = Counter(path.suffix.lower() or "without a suffix" for path in others)
    kinds.pop(ignored, None)
    ordered = sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    named = ", ".join(f"{count} {kind}" for kind, count in ordered[:_KINDS_NAMED])
    rest = sum(count for _, count in ordered[_KINDS_NAMED:])
    return f"other files, left out: {named}{f' and {rest} more of other kinds' if rest else ''}" if ordered else ""


def path_in_list(image: Path, target: Path, source: Path | None = None) -> str:
    """How an image stands in the list `target`: relative to its folder, unless it was absolute in the list `source`.

    Args:
        image: Absolute, or relative to the current folder.
        target: The list to write.
        source: The list that the image was read from, if any.
    """
    if source is not None and image.is_absolute() and not image.is_relative_to(source.parent):
        return str(image)
    return os.path.relpath(image, target.parent)


def relocate(rows: Sequence[Annotation], new_dir: Path, old_dir: Path | None) -> list[tuple[Path, str]]:
    """Puts `new_dir` in the place of a folder in all paths.

    Args:
        rows: Rows of a list.
        new_dir: Where the images are now.
        old_dir: What `new_dir` stands for; None takes the folder that all images share. What is below it stays.

    Returns:
        (path, label) of each row.

    Raises:
        UserError: an image that does not lie below `old_dir`.
    """
    paths = [Path(os.path.normpath(row.path)) for row in rows]
    old = Path(os.path.normpath(old_dir)) if old_dir else _shared_folder(paths)
    moved = []
    for row, path in zip(rows, paths, strict=True):
        if not path.is_relative_to(old):
            raise UserError(f"{row.source}: expected an image below {old}, received {path}; check --old_dir")
        moved.append((new_dir / path.relative_to(old), row.label))
    return moved


def to_csv(rows: Sequence[tuple[str, str]]) -> str:
    """Writes (path, label) rows as CSV with a header: image_path, plate_text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    writer.writerows(rows)
    return text.getvalue()


def read_csv(path: Path, columns: Mapping[str, str] | None = None) -> list[Annotation]:
    """Reads a CSV list with columns for image and text, in any order and beside others; see `tables.read_table`.

    Args:
        path: The file; images are relative to its folder.
        columns: `image` and `text` -> the name of its column, where it is not found by itself.

    Raises:
        UserError: no such file, or no such columns.
        AnnotationError: rows that cannot be read, or lack an image or a text; or no row at all.
    """
    found, broken = read_table(path, columns or {})
    problems = [(line, f"{path}:{line}: {problem}") for line, problem in broken]
    rows = []
    for row in found:
        image, label = row.cells["image"], row.cells["text"]
        if image and normal_form(label):
            rows.append(annotation(path.parent / expand_home(image), label, f"{path}:{row.line}"))
        else:
            message = f"{path}:{row.line}: expected an image and its text, received {image!r}, {label!r}"
            problems.append((row.line, message))
    if problems:
        raise AnnotationError(summarize([message for _, message in sorted(problems)]))
    if not rows:
        raise AnnotationError(f"{path}: expected rows below the header, received none")
    return rows


def write_lists(lists: Mapping[Path, Sequence[tuple[str, str]]], *, overwrite: bool) -> None:
    """Writes (path, label) rows to new files: as CSV where a name ends so, else as `path LABEL`.

    Raises:
        UserError: one of the files is there and says something else, and `overwrite` is not set; nothing was written.
    """
    texts = {}
    for path, rows in lists.items():
        for image, _ in rows:
            refuse_other_encoding(path, image)
        is_csv = path.suffix.lower() == ".csv"
        texts[path] = to_csv(rows) if is_csv else "".join(f"{image} {label}\n" for image, label in rows)
        if path.is_file() and not overwrite and path.read_bytes() != texts[path].encode("utf-8"):
            raise UserError(f"{path}: expected no such file, received one with another list; --overwrite replaces it")
    for path, rows in lists.items():
        if path.suffix.lower() == ".csv":
            write_text(path, texts[path])
        else:
            write_annotations(path, rows)


def _shared_folder(paths: Sequence[Path]) -> Path:
    try:
        return Path(os.path.commonpath([path.parent for path in paths]) or ".")
    except ValueError:  # absolute and relative paths, mixed
        raise UserError("expected images with a folder in common, received none; name it with --old_dir") from None
