"""A page that shows streams as they are watched: the newest frame of each with what is read in it, and passages."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import cv2

from lp_recognition.evaluation.drawing import draw_marks
from lp_recognition.images.image import Image
from lp_recognition.system.page import escape, page
from lp_recognition.system.serving import Answer
from lp_recognition.video.events import Event
from lp_recognition.video.frames import Frame
from lp_recognition.video.marks import mark_of
from lp_recognition.video.passages import Visible
from lp_recognition.video.watching import Stream

#: Passages that are listed.
_LISTED = 50
#: Frames of a stream are drawn so often at most, and at most so wide.
_PAUSE_S, _WIDTH = 0.1, 960
#: A page that has not asked for so long is closed: nothing is drawn for it.
_GONE_S = 5.0
_SCRIPT = """
const text = (tag, value) => { const e = document.createElement(tag); e.textContent = value; return e; };
async function refresh() {
  try {
    const state = await (await fetch('state.json')).json();
    for (const stream of state.streams)
      document.getElementById('state-' + stream.number).textContent =
        `${stream.name}: ${stream.state}, ${stream.rate} frames/s, dropped ${stream.dropped}`;
    const rows = state.events.map(event => {
      const row = document.createElement('tr');
      row.append(...[event.time, event.source, event.text, event.confidence, event.looks, event.known].map(
        value => text('td', value)));
      return row;
    });
    document.getElementById('events').replaceChildren(...rows);
    document.getElementById('gone').hidden = true;
  } catch { document.getElementById('gone').hidden = false; }
  setTimeout(refresh, 500);
}
function next(image) { setTimeout(() => { image.src = image.dataset.path + '?' + Date.now(); }, 100); }
for (const image of document.querySelectorAll('img')) {
  image.onload = () => next(image);
  image.onerror = () => setTimeout(() => next(image), 500);
  next(image);
}
refresh();
"""


class LivePage:
    """What a `LocalServer` answers, of streams that are watched.

    Args:
        streams: The streams.
    """

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._streams = list(streams)
        self._events: deque[Event] = deque(maxlen=_LISTED)
        self._answers: dict[str, Event] = {}
        self._frames: dict[str, bytes] = {}
        self._drawn_at: dict[str, float] = {}
        self._asked_at = 0.0
        self._lock = threading.Lock()

    def see(self, stream: Stream, frame: Frame, visible: Sequence[Visible], events: Sequence[Event]) -> None:
        """Takes in a frame; see `Watch`."""
        for event in events:
            self._answers[event.id] = replace(event, looks=(), crop=None, picture=None)
        now = time.monotonic()
        if now - self._asked_at > _GONE_S or now - self._drawn_at.get(stream.name, 0) < _PAUSE_S:
            return
        marks = [mark_of(one.corners, self._answers.get(one.id or "")) for one in visible]
        data = cv2.imencode(".jpg", _narrowed(draw_marks(frame.image, marks)))[1].tobytes()
        with self._lock:
            self._frames[stream.name] = data
            self._drawn_at[stream.name] = now

    def tell(self, event: Event) -> None:
        """Lists a passage that has ended."""
        with self._lock:
            self._events.appendleft(replace(event, looks=(), crop=None, picture=None))
            self._answers.pop(event.id, None)

    def answer(self, path: str) -> Answer | None:
        """What stands at a path of the page."""
        self._asked_at = time.monotonic()
        if path == "/":
            return Answer("text/html; charset=utf-8", self._page().encode())
        if path == "/state.json":
            return Answer("application/json", json.dumps(self._state(), ensure_ascii=False).encode())
        for number, stream in enumerate(self._streams):
            if path == f"/{number}.jpg" and stream.name in self._frames:
                with self._lock:
                    return Answer("image/jpeg", self._frames[stream.name])
        return None

    def _page(self) -> str:
        figures = "".join(
            f'<div class="item"><img data-path="{number}.jpg" alt="" style="max-width:100%">'
            f'<p id="state-{number}">{escape(stream.name)}</p></div>'
            for number, stream in enumerate(self._streams)
        )
        heads = "".join(f"<th>{head}</th>" for head in ("time", "stream", "text", "confidence", "looks", "known"))
        return page(
            "Watching",
            f'<h1>Watching</h1><p id="gone" class="bad" hidden>It has ended, or cannot be reached.</p>'
            f'<div class="grid">{figures}</div><h2>Passages</h2><div class="wide"><table>'
            f'<thead><tr>{heads}</tr></thead><tbody id="events"></tbody></table></div><script>{_SCRIPT}</script>',
        )

    def _state(self) -> dict[str, object]:
        with self._lock:
            events = list(self._events)
        return {
            "streams": [
                {
                    "number": number,
                    "name": stream.name,
                    "state": stream.figures.state,
                    "rate": round(stream.figures.frames_per_second, 1),
                    "dropped": sum(stream.figures.dropped.values()),
                }
                for number, stream in enumerate(self._streams)
            ],
            "events": [
                {
                    "time": f"{event.first_time.astimezone():%H:%M:%S}",
                    "source": event.source,
                    "text": event.text,
                    "confidence": f"{event.confidence:.3f}",
                    "looks": f"{event.agreeing_count}/{event.look_count}",
                    "known": "" if event.known is None else f"{event.known.plate} {event.known.note}".strip(),
                }
                for event in events
            ],
        }


def _narrowed(image: Image) -> Image:
    if image.shape[1] <= _WIDTH:
        return image
    height = round(image.shape[0] * _WIDTH / image.shape[1])
    return cv2.resize(image, (_WIDTH, height), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]
