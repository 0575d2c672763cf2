"""The lines of lists and tables."""

from __future__ import annotations

from pathlib import Path

from lp_recognition.system.errors import AnnotationError
from lp_recognition.system.files import decode_text


def read_lines(path: Path, what: str) -> list[str]:
    """Reads the lines of a UTF-8 text file.

    Args:
        path: The file.
        what: What it is to be, for the message: `a list of images`.

    Raises:
        AnnotationError: no such file, a folder, unreadable, or another encoding.
    """
    try:
        return split_lines(decode_text(path.read_bytes()))
    except FileNotFoundError:
        raise AnnotationError(f"{path}: expected {what}, received no such file") from None
    except IsADirectoryError:
        raise AnnotationError(f"{path}: expected {what}, received a folder") from None
    except UnicodeDecodeError as error:
        message = f"{path}: expected UTF-8 text, received byte {error.start} of another encoding; save it as UTF-8"
        raise AnnotationError(message) from None
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read: {error.strerror}") from None


def split_lines(text: str) -> list[str]:
    """The lines of a text, whether they end in LF, CR LF or CR.

    `splitlines` would also break at characters that file names may hold.
    """
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
