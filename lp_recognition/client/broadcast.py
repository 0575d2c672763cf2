"""A page that shows a drive as it is read: frames in their order with what was read in them, and the last reads."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from lp_recognition.client.results import Result
from lp_recognition.evaluation.drawing import Mark, draw_marks, plate_caption
from lp_recognition.system.page import escape, page
from lp_recognition.system.serving import Answer
from lp_recognition.video.marks import UNKNOWN

#: Reads that are listed.
_LISTED = 50
_BOUNDARY = "frame"
_SCRIPT = """
async function refresh() {
  try {
    const state = await (await fetch('state.json')).json();
    document.getElementById('state').textContent = state.state;
    document.getElementById('reads').replaceChildren(...state.reads.map(read => {
      const row = document.createElement('tr');
      row.append(...read.map(value => {
        const cell = document.createElement('td'); cell.textContent = value; return cell;
      }));
      return row;
    }));
    document.getElementById('gone').hidden = true;
  } catch { document.getElementById('gone').hidden = false; }
  setTimeout(refresh, 1000);
}
refresh();
"""


class Broadcast:
    """What a `LocalServer` answers of a drive: `/` and `/index.html`, `/stream.mjpg`, and `/state.json`.

    Args:
        name: Of the source.
        state: How it gets on, in a line.
        min_confidence: What is read less surely is not shown.
        waiting: Frames that wait for a viewer; of one that is slower the oldest are left out.
    """

    def __init__(self, name: str, state: Callable[[], str], min_confidence: float, waiting: int = 12) -> None:
        self._name = name
        self._state = state
        self._min_confidence = min_confidence
        self._waiting = waiting
        self._reads: deque[tuple[str, str, str, str]] = deque(maxlen=_LISTED)
        self._viewers: list[deque[_Drawn]] = []
        self._newest: _Drawn | None = None
        self._is_over = False
        self._changed = threading.Condition()

    def show(self, result: Result) -> None:
        """Shows a frame: to each viewer, after those before it."""
        drawn = _Drawn(result, self._min_confidence)
        with self._changed:
            self._newest = drawn
            for waiting in self._viewers:
                waiting.append(drawn)
            self._changed.notify_all()

    def tell(self, result: Result) -> None:
        """Lists what was read in a frame, as soon as that is known."""
        shot = result.shot
        where = shot.position.coordinates if shot.position is not None else ""
        for plate in result.plates(self._min_confidence):
            self._reads.appendleft(
                (f"{shot.frame.time.astimezone():%H:%M:%S}", plate.text, f"{plate.confidence:.3f}", where)
            )

    def close(self) -> None:
        """Ends the streams of all viewers."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def answer(self, path: str) -> Answer | None:
        """What stands at a path of the page."""
        if path in ("/", "/index.html"):
            return Answer("text/html; charset=utf-8", self._page().encode())
        if path == "/stream.mjpg":
            return Answer(f"multipart/x-mixed-replace; boundary={_BOUNDARY}", self._stream())
        if path == "/state.json":
            state: dict[str, Any] = {"state": self._state(), "reads": list(self._reads.copy())}
            return Answer("application/json", json.dumps(state, ensure_ascii=False).encode())
        return None

    def _stream(self) -> Iterator[bytes]:
        waiting: deque[_Drawn] = deque(maxlen=self._waiting)
        with self._changed:
            if self._newest is not None:
                waiting.append(self._newest)
            self._viewers.append(waiting)
        try:
            yield f"--{_BOUNDARY}\r\n".encode()
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: waiting or self._is_over)
                    if not waiting:
                        return
                    drawn = waiting.popleft()
                head = f"Content-Type: image/jpeg\r\nContent-Length: {len(drawn.jpeg)}\r\n\r\n".encode()
                # With the boundary behind it: a browser shows a picture when it knows that it has ended.
                yield head + drawn.jpeg + f"\r\n--{_BOUNDARY}\r\n".encode()
        finally:
            with self._changed:
                self._viewers = [one for one in self._viewers if one is not waiting]

    def _page(self) -> str:
        heads = "".join(f"<th>{head}</th>" for head in ("time", "plate", "confidence", "coordinates"))
        return page(
            self._name,
            f'<h1>{escape(self._name)}</h1><p id="state" class="soft"></p>'
            '<p id="gone" class="bad" hidden>It has ended, or cannot be reached.</p>'
            '<p><img src="stream.mjpg" alt="" style="max-width:100%"></p><div class="wide"><table>'
            f'<thead><tr>{heads}</tr></thead><tbody id="reads"></tbody></table></div><script>{_SCRIPT}</script>',
        )


class _Drawn:
    """A frame with its plates, drawn when the first viewer asks for it."""

    def __init__(self, result: Result, min_confidence: float) -> None:
        self._result = result
        self._min_confidence = min_confidence
        self._lock = threading.Lock()

    @property
    def jpeg(self) -> bytes:
        with self._lock:
            return self._drawn

    @cached_property
    def _drawn(self) -> bytes:
        marks = [
            Mark(np.array(one.corners, np.float32), plate_caption(one.text, one.confidence), UNKNOWN)
            for one in self._result.plates(self._min_confidence)
        ]
        return cv2.imencode(".jpg", draw_marks(self._result.shot.frame.image, marks))[1].tobytes()
