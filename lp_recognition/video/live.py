"""Frames of what goes on by itself: streams at an address, cameras at this machine. Where one is gone, it is opened
again, with pauses that grow.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from datetime import datetime, timezone
from functools import partial

import cv2
import numpy as np

from lp_recognition.images.image import Image
from lp_recognition.system.addresses import without_credentials
from lp_recognition.system.errors import UserError
from lp_recognition.video.addresses import SCHEMES, is_camera
from lp_recognition.video.sources import Captured, Source

#: Pauses before a source is opened again: each twice as long as the one before, in seconds.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
#: So long may opening a stream take, and each read of it.
TIMEOUT_S = 10.0

#: What opens a source and gives its frames until it is gone; raises `GoneError`, or ends, when it is. It is told of the
#: source, to count what is damaged.
Connect = Callable[[Source], Generator[Callable[[], Image], None, None]]


class GoneError(Exception):
    """A live source cannot be opened, or has ended: `str` says why, without its address."""


def open_live(source: str, name: str, every: int = 1) -> Source:
    """A stream at an address, or the camera of a number.

    Raises:
        UserError: an address of a kind that is not known.
    """
    if is_camera(source):
        return live_source(name, partial(_camera, int(source)), every)
    scheme = source.partition("://")[0].lower()
    if scheme not in SCHEMES:
        raise UserError(f"{without_credentials(source)}: expected one of {', '.join(SCHEMES)}, received {scheme}://")
    return live_source(name, partial(_stream, source), every)


def live_source(name: str, connect: Connect, every: int = 1) -> Source:
    """A source that is opened again whenever it is gone, until it is closed."""
    return Source(name, partial(_capture, connect), is_live=True, every=every)


def _capture(connect: Connect, source: Source) -> Generator[Captured, None, None]:
    number, pause_s = 0, FIRST_PAUSE_S
    while not source.is_closed:
        source.tell("connecting")
        why = "it ended"
        try:
            with closing(connect(source)) as pictures:
                for picture in pictures:
                    if source.is_closed:
                        return
                    source.tell("live")
                    pause_s = FIRST_PAUSE_S
                    # The moment of arrival: what cameras write themselves is often a clock that nobody has set.
                    yield Captured(datetime.now(timezone.utc), number, None, source.name, picture)
                    number += 1
        except GoneError as error:
            why = str(error)
        source.tell(f"waiting {pause_s:g} s: {why}")
        source.failures += 1
        source.wait(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _stream(address: str, source: Source) -> Generator[Callable[[], Image], None, None]:
    from lp_recognition.video.decoding import Video, VideoError

    try:
        with Video(address, TIMEOUT_S) as video:
            known = 0
            for decoded in video.frames():
                if video.damaged > known:
                    source.dropped["damaged"] += video.damaged - known
                    known = video.damaged
                yield decoded.picture
    except VideoError as error:
        raise GoneError(str(error)) from None


def _camera(number: int, _: Source) -> Generator[Callable[[], Image], None, None]:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # the source's state tells why
    camera = cv2.VideoCapture(number)
    try:
        if not camera.isOpened():
            raise GoneError(f"no camera {number} at this machine, or another program has it")
        while True:
            received, image = camera.read()
            if not received:
                raise GoneError("the camera gives no picture")
            yield partial(np.asarray, image, np.uint8)
    finally:
        camera.release()
