"""A page that shows streams as they are watched: the newest frame of each with what is read in it, and passages."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from lp_recognition.system.page import escape, page
from lp_recognition.system.serving import Answer
from lp_recognition.video.events import Event
from lp_recognition.video.frames import Frame
from lp_recognition.video.live_pictures import LivePictures
from lp_recognition.video.passages import Visible
from lp_recognition.video.watching import Stream

#: Passages that are listed.
_LISTED = 50
_SCRIPT = """
const text = (tag, value) => { const e = document.createElement(tag); e.textContent = value; return e; };
async function refresh() {
  try {
    const state = await (await fetch('state.json')).json();
    for (const stream of state.streams)
      document.getElementById('state-' + stream.number).textContent =
        `${stream.name}: ${stream.state}, ${stream.frames_per_second} frames/s` +
        Object.entries(stream.dropped).map(([why, count]) => `, ${count} dropped: ${why}`).join('');
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
        self._pictures = LivePictures()
        self._events: deque[Event] = deque(maxlen=_LISTED)

    def see(self, stream: Stream, frame: Frame, visible: Sequence[Visible], events: Sequence[Event]) -> None:
        """Takes in a frame; see `Watch`."""
        self._pictures.see(stream, frame, visible, events)

    def tell(self, event: Event) -> None:
        """Lists a passage that has ended."""
        self._pictures.tell(event)
        self._events.appendleft(replace(event, looks=(), crop=None, picture=None))

    def answer(self, path: str) -> Answer | None:
        """What stands at a path of the page."""
        if path == "/":
            return Answer("text/html; charset=utf-8", self._page().encode())
        if path == "/state.json":
            return Answer("application/json", json.dumps(self._state(), ensure_ascii=False).encode())
        for number, stream in enumerate(self._streams):
            if path == f"/{number}.jpg":
                picture = self._pictures.newest(stream.name)
                return None if picture is None else Answer("image/jpeg", picture.data)
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
        return {
            "streams": [{"number": number, **stream.figures.to_json()} for number, stream in enumerate(self._streams)],
            "events": [
                {
                    "time": f"{event.first_time.astimezone():%H:%M:%S}",
                    "source": event.source,
                    "text": event.text,
                    "confidence": f"{event.confidence:.3f}",
                    "looks": f"{event.agreeing_count}/{event.look_count}",
                    "known": "" if event.known is None else f"{event.known.plate} {event.known.note}".strip(),
                }
                for event in list(self._events)
            ],
        }
