"""A frame of a source: the picture, and when and where it was taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lp_recognition.images.image import Image


@dataclass(frozen=True)
class Frame:
    """One picture of a video, a camera or a folder.

    Attributes:
        image: uint8 BGR, as it is to be shown: the rotation flag of a phone is obeyed.
        time: When it was captured, with a time zone. Of a file: when the file says it was recorded or, where it says
            nothing, when it was last written, and the position in it added.
        number: From 0; a frame that was dropped has its number, too.
        position_s: Seconds from the start of a file; None of a live source.
        source: The name of the stream. Never with a password.
    """

    image: Image
    time: datetime
    number: int
    position_s: float | None
    source: str
