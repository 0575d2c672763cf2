"""What becomes of events while streams are watched: files, pictures, figures."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from lp_recognition.images.image import write_image
from lp_recognition.settings.streams import WatchConfig
from lp_recognition.system.files import check_folder
from lp_recognition.video.events import Event
from lp_recognition.video.watching import Stream

if TYPE_CHECKING:
    from typing_extensions import Self


class Kept:
    """Keeps events as settings ask for, within a `with` block.

    Args:
        config: What is asked for.
        streams: The streams that are watched.

    Raises:
        UserError: a file cannot be written, a port cannot be had.
    """

    def __init__(self, config: WatchConfig, streams: Sequence[Stream]) -> None:
        self._opened = ExitStack()
        self._crops = Path(config.crops) if config.crops else None
        if self._crops is not None:
            check_folder(self._crops)
        self._events = None
        with ExitStack() as opening:
            if config.events:
                Path(config.events).parent.mkdir(parents=True, exist_ok=True)
                self._events = opening.enter_context(Path(config.events).open("a", encoding="utf-8"))
            if config.metrics_port is not None:
                from lp_recognition.video.metrics import serve_metrics

                _, server = serve_metrics([stream.figures for stream in streams], config.metrics_port)
                opening.callback(server.shutdown)
            self._opened = opening.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._opened.close()

    def keep(self, event: Event) -> None:
        """Keeps an event.

        Raises:
            UserError: it cannot be written.
        """
        if self._events is not None:
            self._events.write(json.dumps(event.to_json(), ensure_ascii=False) + "\n")
            self._events.flush()
        if self._crops is not None and event.type == "end" and event.crop is not None:
            write_image(self._crops / crop_name(event), event.crop)


def crop_name(event: Event) -> str:
    """The file of a passage's crop: when, where, what, and its id, so that no two share one."""
    words = (f"{event.first_time:%Y%m%dT%H%M%S}", event.source, event.text, event.id)
    return "_".join(re.sub(r"[^\w.-]+", "-", word) for word in words) + ".jpg"
