"""Opens a source by the word that names it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from lp_recognition.video.addresses import is_address, is_camera, name_of
from lp_recognition.video.live import open_live
from lp_recognition.video.recordings import open_folder, open_recording
from lp_recognition.video.sources import Source

#: A file at an address is read as a file, without loss.
_FILE_SUFFIXES = (".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv")


def open_source(source: str, *, name: str = "", every: int = 1) -> Source:
    """Opens a video file, a folder of pictures, a stream at an address, or a camera.

    Args:
        source: `drive.mp4`, `photos/`, `rtsp://user:password@camera/stream`, `http://camera/video.mjpg`, `0`.
        name: What it is called in events; by default as `addresses.name_of` says.
        every: Of its frames, each n-th is given.

    Raises:
        UserError: it is a file that is missing or none; a live source is tried again and again instead.
    """
    name = name or name_of(source)
    if is_address(source):
        is_file = PurePosixPath(urlsplit(source).path).suffix.lower() in _FILE_SUFFIXES
        return open_recording(source, name, every) if is_file else open_live(source, name, every)
    if is_camera(source):
        return open_live(source, name, every)
    if Path(source).is_dir():
        return open_folder(source, name, every)
    return open_recording(source, name, every)
