"""Frames of what lies on a disk: a video file, or a folder of pictures."""

from __future__ import annotations

import os
from collections.abc import Generator
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lp_recognition.images.capture_time import capture_time
from lp_recognition.images.headers import SUFFIXES
from lp_recognition.images.image import opened_image
from lp_recognition.images.photographs import find_images
from lp_recognition.system.errors import ImageError, UserError
from lp_recognition.video.addresses import is_address
from lp_recognition.video.sources import Captured, Source

if TYPE_CHECKING:
    from lp_recognition.video.decoding import Video

#: A file whose pictures end so many seconds before it says is truncated.
_MISSING_S = 0.5
#: So long may a server take that gives a file.
_TIMEOUT_S = 10.0


def open_recording(path: str, name: str, every: int = 1) -> Source:
    """A video file, also one at an address.

    Raises:
        UserError: it is missing, or no video.
    """
    video = _open(path, name)
    with video:
        total = video.total
    return Source(name, partial(_frames_of, path), is_live=False, total=total, every=every)


def open_folder(path: str, name: str, every: int = 1) -> Source:
    """The pictures below a folder, sorted by name; each is of the time that its EXIF says, else that of its file.

    Raises:
        UserError: there are none.
    """
    pictures = find_images(Path(path))
    if not pictures:
        raise UserError(f"{path}: expected pictures in this folder ({', '.join(SUFFIXES[:5])}, ...), received none")
    return Source(name, partial(_pictures_of, pictures), is_live=False, total=len(pictures), every=every)


def _frames_of(path: str, source: Source) -> Generator[Captured, None, None]:
    from lp_recognition.video.decoding import VideoError

    with _open(path, source.name) as video:
        began, start_s = _recorded(path, video), video.start_s
        number, position_s = 0, -video.frame_s
        ending = ""
        try:
            for decoded in video.frames():
                # A frame without a time follows the one before.
                position_s = decoded.time_s - start_s if decoded.time_s is not None else position_s + video.frame_s
                time = began + timedelta(seconds=position_s)
                yield Captured(time, number, round(position_s, 6), source.name, decoded.picture)
                number += 1
        except VideoError as error:
            ending = str(error)
        if video.damaged:
            source.dropped["damaged"] = video.damaged
        expected_s, received_s = video.length_s, position_s + video.frame_s
        is_short = expected_s is not None and received_s < expected_s - _MISSING_S
    if number == 0:
        raise UserError(f"{source.name}: expected a video, received none of its frames: {ending or 'all are damaged'}")
    if is_short or ending:
        whole = f"{expected_s:.1f} s of video" if is_short else "a whole video"
        why = ending or "the file is truncated"
        raise UserError(f"{source.name}: expected {whole}, received {received_s:.1f} s ({number} frames): {why}")


def _open(path: str, name: str) -> Video:
    from lp_recognition.video.decoding import Video, VideoError

    if not is_address(path):
        if not Path(path).exists():
            raise UserError(
                f"{path}: expected a video, a folder, an address or a camera's number, received no such file"
            )
        if not os.access(path, os.R_OK):
            raise UserError(f"{path}: expected a video, received a file that may not be read; change its permissions")
    try:
        return Video(path, _TIMEOUT_S if is_address(path) else None)
    except VideoError as error:
        raise UserError(f"{name}: expected a video, received what is none: {error}") from None


def _recorded(path: str, video: Video) -> datetime:
    """When the first frame was captured: as the file says, else when it was last written."""
    if video.recorded:
        try:
            time = datetime.fromisoformat(video.recorded.replace("Z", "+00:00"))
            return time if time.tzinfo else time.replace(tzinfo=timezone.utc)
        except ValueError:
            pass
    if is_address(path):
        return datetime.now(timezone.utc)
    return datetime.fromtimestamp(Path(path).stat().st_mtime, timezone.utc)


def _pictures_of(pictures: list[Path], source: Source) -> Generator[Captured, None, None]:
    for number, path in enumerate(pictures):
        if number % source.every:
            continue
        try:
            with opened_image(path) as (image, data):
                time = capture_time(path, data)
        except (ImageError, OSError):
            source.dropped["unreadable"] += 1
            continue
        yield Captured(time, number, None, source.name, partial(np.asarray, image))
