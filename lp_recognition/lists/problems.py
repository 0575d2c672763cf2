"""What a check of lists can find: kinds of problems, worst first, and the rows they concern."""

from __future__ import annotations

from dataclasses import dataclass

from lp_recognition.lists.annotations import Annotation
from lp_recognition.texts.vocabulary import plate_of

#: What is found, worst first, and what it means. Errors spoil a figure or stop a training; warnings are worth a look.
ERRORS = {
    "plate in two lists": "the leak: a plate to be measured was seen in training",
    "image in two lists": "the same picture, or nearly, in two lists",
    "two labels": "the same picture with two labels: one is wrong",
    "broken row": "rows that are not 'path LABEL'",
    "missing image": "images that are not there",
    "empty image": "files of no bytes",
    "unreadable image": "files that are no image",
    "truncated image": "files that end in the middle of the picture",
    "outside alphabet": "labels with characters that the model cannot write",
    "outside pattern": "labels that fit no pattern",
    "too long": "labels of more characters than allowed",
    "too few time steps": "labels that CTC cannot write: a step a character, and one between equal neighbours",
}
#: The errors of one plate or picture in two lists.
LEAKS = ("plate in two lists", "image in two lists")
WARNINGS = {
    "look-alike characters": "characters of two scripts that look the same: a model makes a class of each",
    "mixed scripts": "labels with letters of two scripts",
    "one plate, several spellings": "the same plate in labels that differ in case, hyphens or look-alikes",
    "other form": "labels with invisible marks, or characters in another form: taken in their normal form",
    "other label, look alike": "nearly the same picture with two labels: one may be wrong",
    "tiny image": "images too small to read",
    "perhaps two lines": "images high for their width: two lines, which are not read, or turned, or cut loosely",
    "blank image": "images of one shade",
    "copy": "the same picture more than once in a list",
    "near copy": "nearly the same picture more than once in a list",
}


@dataclass(frozen=True)
class Row:
    """A row of a list; `list_index` counts the lists as given."""

    list_index: int
    annotation: Annotation

    @property
    def label(self) -> str:
        """The label, in normal form."""
        return self.annotation.label

    @property
    def plate(self) -> str:
        """The plate, the same however it is written; see `plate_of`."""
        return plate_of(self.annotation.label)


@dataclass(frozen=True)
class Problem:
    """Something found: its kind, one line on it, and the rows it concerns."""

    kind: str
    message: str
    rows: tuple[Row, ...] = ()

    @property
    def is_error(self) -> bool:
        """Whether it is an error; else it is a warning."""
        return self.kind in ERRORS
