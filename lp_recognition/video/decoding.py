"""Frames of files and streams by PyAV, upright and with the times that stand in the file.

PyAV and not OpenCV, though both are FFmpeg: it gives each frame's own time (a phone's frame rate varies), says why a
stream ends, and has no window of its own to log addresses in. Cameras by number are OpenCV's, which knows those of any
system.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import av
import av.error
import cv2
import numpy as np

from lp_recognition.images.image import Image

_TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}
#: What FFmpeg may open on behalf of a file: a playlist in disguise fetches nothing.
_OF_FILES = {"protocol_whitelist": "file"}
_OF_STREAMS = {"rtsp": {"rtsp_transport": "tcp", "allowed_media_types": "video"}}


class VideoError(Exception):
    """What cannot be opened, or ended: `str` says why, in FFmpeg's words and without the address."""


@dataclass(frozen=True)
class Decoded:
    """A frame as it is decoded.

    Attributes:
        time_s: Its time in the file or stream, in seconds; None where it has none.
        picture: Its pixels, not converted yet.
    """

    time_s: float | None
    picture: partial[Image]


class Video:
    """An open video: the best of its picture streams.

    Args:
        address: A file, or the address of a stream.
        timeout_s: So long may opening it take, and each read; None for a file.

    Attributes:
        damaged: Pieces that could not be decoded and were passed over.

    Raises:
        VideoError: it cannot be opened, or shows nothing.
    """

    def __init__(self, address: str, timeout_s: float | None = None) -> None:
        scheme = address.partition("://")[0].lower() if "://" in address else ""
        options = _OF_STREAMS.get(scheme, {}) if timeout_s else _OF_FILES
        name = address if timeout_s else f"file:{address}"  # a colon in a file's name is no protocol
        try:
            self._container = av.open(name, options=options, timeout=timeout_s)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise VideoError(_reason(error)) from None
        if not self._container.streams.video:
            self._container.close()
            raise VideoError("sound without pictures")
        stream: Any = self._container.streams.best("video") or self._container.streams.video[0]
        stream.thread_type = "SLICE"  # threads by frames delay them, and lose more than what is damaged
        self._stream = stream
        self.damaged = 0

    def __enter__(self) -> Video:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file or the connection."""
        self._container.close()

    @property
    def total(self) -> int | None:
        """How many frames the file says it has."""
        rate, length = self._stream.average_rate, self.length_s
        return self._stream.frames or (round(length * float(rate)) if length and rate else None)

    @property
    def recorded(self) -> str | None:
        """When the file says it was recorded, as it writes it."""
        for metadata in (self._container.metadata, self._stream.metadata):
            if "creation_time" in metadata:
                return str(metadata["creation_time"])
        return None

    @property
    def start_s(self) -> float:
        """The time of the first frame."""
        start, base = self._stream.start_time, self._stream.time_base
        return float(start * base) if start is not None and base is not None else 0.0

    @property
    def length_s(self) -> float | None:
        """Seconds of pictures that the file says it has; None where it does not say."""
        base = self._stream.time_base
        if self._stream.duration and base is not None:
            return float(self._stream.duration * base)
        alone = len(self._container.streams) == 1  # else it may be the sound's
        return self._container.duration / av.time_base if self._container.duration and alone else None

    @property
    def frame_s(self) -> float:
        """Seconds from one frame to the next, on average."""
        rate = self._stream.average_rate or self._stream.guessed_rate
        return 1 / float(rate) if rate else 0.04

    def frames(self) -> Iterator[Decoded]:
        """All frames in their order; what is damaged is passed over and counted.

        Raises:
            VideoError: the file or stream fails on the way; those before it are given first.
        """
        failure: Exception | None = None
        packets = self._container.demux(self._stream)
        while failure is None:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError) as error:
                failure, packet = error, None
            try:
                # None at the end: gives what the decoder holds back.
                decoded = self._stream.decode(packet) if packet is not None else self._stream.codec_context.decode(None)
            except av.error.EOFError:
                return
            except (av.error.FFmpegError, ValueError):
                self.damaged += 1
                continue
            for frame in decoded:
                yield Decoded(frame.time, partial(_to_bgr, frame))
            if packet is None:
                break
        if failure is not None:
            raise VideoError(_reason(failure)) from None


def _to_bgr(frame: Any) -> Image:
    """uint8 BGR, turned as the file asks for; more than 8 bits are rounded by FFmpeg."""
    image = frame.to_ndarray(format="bgr24")
    turn = _TURNS.get(round(frame.rotation / 90) * 90 % 360)
    return np.asarray(image if turn is None else cv2.rotate(image, turn), np.uint8)


def _reason(error: Exception) -> str:
    """What FFmpeg says, without the address that it adds."""
    reason = getattr(error, "strerror", None) or type(error).__name__
    return f"{reason[0].lower()}{reason[1:]}"
