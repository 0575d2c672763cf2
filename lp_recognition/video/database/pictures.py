"""The pictures of events: JPEG files in a folder beside the database, a folder a day.

Files, not columns: the database stays small, quick to search and to back up; deleting old pictures frees the disk at
once, which SQLite does only when it is rewritten; and a web server or a file manager shows them as they are.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
from datetime import date, timezone
from pathlib import Path

import cv2

from lp_recognition.images.image import Image
from lp_recognition.system.errors import UserError
from lp_recognition.system.files import write_bytes
from lp_recognition.video.events import Event

_QUALITY = 90


class Pictures:
    """The folder of pictures.

    Attributes:
        folder: Where it is; made with the first picture.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, event: Event, kind: str, image: Image) -> str:
        """Writes a picture of an event's best look, whole or not at all.

        Args:
            event: What it is of. Pictures of a day's passages lie in a folder of their own, those of one look have one
                name.
            kind: `picture` or `crop`.
            image: uint8 BGR or gray.

        Returns:
            Its path in the folder, with `/` between its parts.

        Raises:
            UserError: it cannot be written.
        """
        done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        if not done:
            raise UserError(f"{event.id}: expected a picture, received an array of shape {image.shape}")
        began = event.first_time.astimezone(timezone.utc)
        plate = re.sub(r"[^A-Za-z0-9]+", "", event.text)[:16]
        number = hashlib.sha256(event.id.encode("utf-8", "backslashreplace")).hexdigest()[:12]
        name = "-".join(filter(None, (f"{began:%H%M%S}", plate, number, str(event.best.frame), kind)))
        path = f"{began:%Y-%m-%d}/{name}.jpg"
        write_bytes(self.folder / path, data.tobytes())
        return path

    def find(self, path: str | None) -> Path | None:
        """The file of a row's path; None where there is none, no longer, or where it leads out of the folder."""
        file = self.folder / path if path else None
        if file is None or not file.is_file() or not file.resolve().is_relative_to(self.folder.resolve()):
            return None
        return file

    def remove(self, *paths: str | None) -> None:
        """Removes files; those that are not there, or cannot be removed, stay what they are."""
        for path in filter(None, paths):
            with contextlib.suppress(OSError):
                (self.folder / path).unlink(missing_ok=True)

    def remove_days_before(self, day: date) -> int:
        """Removes the folders of all days before one; returns how many pictures went.

        Those that no row names go, too: a program that was killed may have left some.
        """
        count = 0
        folders = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
        for folder in folders:
            if re.fullmatch(r"\d{4}-\d\d-\d\d", folder.name) and folder.name < day.isoformat():
                count += sum(1 for _ in folder.glob("*.jpg"))
                shutil.rmtree(folder, ignore_errors=True)
        return count
