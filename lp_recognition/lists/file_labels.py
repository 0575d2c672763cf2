"""Labels that stand in file names, `京A12345_0.jpg`, or in a text file of an image's name, `x.jpg` and `x.txt`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from lp_recognition.system.errors import UserError
from lp_recognition.system.files import decode_text

#: The label is what stands before the first `_`.
NAME_PATTERN = "(?P<label>[^_]+)"

#: An image and its label, or an image (or a label file) and why it is left out.
Pairs = list[tuple[Path, str]]


def labels_of_names(images: Sequence[Path], pattern: str = "") -> tuple[Pairs, Pairs]:
    """Reads labels out of file names.

    Args:
        images: The images.
        pattern: A regular expression with a group `label`. It has to match the beginning of the name without its
            ending; what follows is of no account. Empty takes what stands before the first `_`, and no word without a
            digit: `IMG_2024` and `plate_1` are names that nobody gave after a plate.

    Returns:
        (image, label), and (image, reason) of those without a label.

    Raises:
        UserError: the pattern is none, or has no group `label`.
    """
    must_have_digit = not pattern
    pattern = pattern or NAME_PATTERN
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UserError(f"--pattern: expected a regular expression, received {pattern!r} ({error})") from None
    if "label" not in compiled.groupindex:
        raise UserError(f"--pattern: expected a group (?P<label>...), received {pattern!r}")
    labelled: Pairs = []
    left_out: Pairs = []
    for image in images:
        match = compiled.match(image.stem)
        if match is None:
            left_out.append((image, f"expected a name like {pattern}, received {image.stem}"))
        elif must_have_digit and match["label"].isprintable() and not any(map(str.isdigit, match["label"])):
            reason = f"expected the text of a plate, with a digit, before the first _, received {match['label']}"
            left_out.append((image, f"{reason}; if it is one, --pattern '{NAME_PATTERN}' takes it"))
        else:
            _sort_in(image, match["label"] or "", labelled, left_out)
    return labelled, left_out


def labels_of_files(images: Sequence[Path], folder: Path, label_folder: Path) -> tuple[Pairs, Pairs]:
    """Reads labels out of text files that hold one line, the label, and have the images' names with `.txt`.

    Args:
        images: The images, all below `folder`.
        folder: The folder of the images.
        label_folder: The folder of the text files, in the same folders below it; often `folder` itself.

    Returns:
        (image, label), and (file, reason) of images without a label.

    Raises:
        UserError: no such folder.
    """
    if not label_folder.is_dir():
        raise UserError(f"{label_folder}: expected a folder with label files, received no such folder")
    labelled: Pairs = []
    left_out: Pairs = []
    for image in images:
        file = label_folder / image.relative_to(folder).with_suffix(".txt")
        try:
            lines = decode_text(file.read_bytes()).split("\n")
        except FileNotFoundError:
            left_out.append((image, f"expected its label in {file}, received no such file"))
            continue
        except (OSError, UnicodeDecodeError):
            left_out.append((image, f"expected UTF-8 text in {file}, received something else"))
            continue
        written = [line.strip() for line in lines if line.strip()]
        if len(written) > 1:
            left_out.append((image, f"expected one line in {file}, the label, received {len(written)}"))
        else:
            _sort_in(image, "".join(written), labelled, left_out)
    return labelled, left_out


def lonely_label_files(images: Sequence[Path], folder: Path, label_folder: Path) -> list[Path]:
    """Text files, in the folders where labels of images are looked for, that have no image of their name; sorted."""
    used = {label_folder / image.relative_to(folder).with_suffix(".txt") for image in images}
    places = {file.parent for file in used}
    return sorted(file for place in places for file in place.glob("*.txt") if file not in used)


def _sort_in(image: Path, label: str, labelled: Pairs, left_out: Pairs) -> None:
    if not label:
        left_out.append((image, "expected a label, received none"))
    elif not label.isprintable() or any(character.isspace() for character in label):
        left_out.append((image, f"expected a label without spaces, received {label!r}"))
    else:
        labelled.append((image, label))
