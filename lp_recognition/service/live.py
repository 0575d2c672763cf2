"""The streams that the service watches: in a thread, with processes of their own, until the service stops."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from lp_recognition.settings.streams import StreamConfig, WatchConfig
from lp_recognition.system.errors import UserError
from lp_recognition.system.options import default_workers
from lp_recognition.video.deliveries.delivering import TargetState
from lp_recognition.video.figures import Figures
from lp_recognition.video.keeping import Kept
from lp_recognition.video.live_pictures import LivePicture, LivePictures
from lp_recognition.video.streams import open_streams, started_workers
from lp_recognition.video.watching import Stream, Watch
from lp_recognition.video.workers import Worker, WorkerLostError

if TYPE_CHECKING:
    from typing_extensions import Self

_log = logging.getLogger(__name__)

#: After a failure, a worker that was killed, say, watching begins again after pauses that grow, in seconds.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
#: So often is looked for what waits to be kept or is old, once all streams have ended.
_TICK_S = 0.5


class Live:
    """Watches streams from `start` to `stop`, keeps their events, and tells how they get on. Any thread may ask.

    A stream that cannot be opened is told and holds up no other. Where watching fails as a whole, it begins again: what
    was told is in the database, and passages that were open end as those of a program that was killed.

    Args:
        configs: The streams, by their names; there may be none: then deliveries go on.
        config: What becomes of their events.

    Attributes:
        names: The streams' names.
    """

    def __init__(self, configs: Mapping[str, StreamConfig], config: WatchConfig) -> None:
        self.names = tuple(configs)
        self._configs = dict(configs)
        self._config = config
        self._pictures = LivePictures()
        self._figures: dict[str, Figures] = {}
        self._failed: dict[str, str] = {}
        self._problem = ""
        self._kept: Kept | None = None
        self._watching: Watch | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begins to watch."""
        self._thread.start()

    def stop(self, timeout_s: float = 30.0) -> None:
        """Ends passages and what is written, and returns when that is done, or after so long."""
        self._stopping.set()
        watching = self._watching
        if watching is not None:
            watching.stop()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def picture(self, name: str) -> LivePicture | None:
        """The newest frame of a stream with what is read in it; None where there was none yet."""
        return self._pictures.newest(name)

    @property
    def figures(self) -> list[Figures]:
        """The figures of all streams that could be opened."""
        return list(self._figures.values())

    @property
    def problem(self) -> str:
        """Why nothing is watched or kept at the moment; empty where all is well."""
        return self._problem

    def states(self) -> list[dict[str, Any]]:
        """How each stream gets on, as JSON has it: `Figures.to_json`, and its `error` where it has one."""
        return [self._state(name) for name in self.names]

    def delivering(self) -> list[TargetState]:
        """How deliveries go; nothing while nothing is kept."""
        kept = self._kept
        return [] if kept is None else kept.delivering()

    def _state(self, name: str) -> dict[str, Any]:
        figures, error = self._figures.get(name), self._failed.get(name) or self._problem or None
        if figures is None:
            return {"name": name, "state": "failed" if error else "starting", "error": error}
        return {**figures.to_json(), **({"state": "failed"} if error else {}), "error": error}

    def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopping.is_set():
            try:
                self._watch()
                return
            except UserError as error:
                self._problem = " ".join(str(error).splitlines())
                _log.error("streams: %s; again in %g s", error, pause_s)
            except Exception as error:  # a defect of ours shall not end a service that opens gates
                self._problem = f"an internal error ({type(error).__name__}); the log of the service tells more"
                _log.exception("streams: watching failed; again in %g s", pause_s)
            self._stopping.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _watch(self) -> None:
        """Watches until all streams have ended, and waits for the stop.

        Raises:
            UserError: a worker was killed, the database cannot be opened, or something cannot be written.
        """
        self._failed = {}
        streams = self._opened_streams()
        # Beside the processes that read photographs: no more than there are streams.
        count = (self._config.workers or min(default_workers(), len(streams))) if streams else 0
        with ExitStack() as opened:
            for stream in streams:
                if stream.annotated is not None:
                    opened.callback(stream.annotated.abandon)
            workers = opened.enter_context(started_workers(count, []))
            streams = [stream for stream in streams if self._has_models(stream, workers)]
            kept = self._kept = opened.enter_context(Kept(self._config, streams))
            self._figures = {stream.name: stream.figures for stream in streams}
            watching = self._watching = Watch(
                streams, workers, match=kept.match, keep=kept.keep, show=self._pictures.see
            )
            self._problem = ""
            if self._stopping.is_set():  # before there was anything to stop
                return
            for told in watching.events():
                if told is not None:
                    self._pictures.tell(told[1])
                kept.tick()
                self._failed |= {stream.name: str(stream.error) for stream in streams if stream.error is not None}
            while not self._stopping.wait(_TICK_S):  # deliveries go on
                kept.tick()

    def _opened_streams(self) -> list[Stream]:
        streams = []
        for name, config in self._configs.items():
            try:
                streams += open_streams({name: config})
            except UserError as error:
                self._fail(name, error)
        return streams

    def _has_models(self, stream: Stream, workers: list[Worker]) -> bool:
        """Opens the models of a stream in all processes; one that lacks them is told, and the others are watched."""
        try:
            for worker in workers:
                worker.open(stream.models)
        except WorkerLostError:  # no fault of its models
            raise
        except UserError as error:
            self._fail(stream.name, error)
            return False
        return True

    def _fail(self, name: str, error: UserError) -> None:
        self._failed[name] = " ".join(str(error).splitlines())
        _log.error("stream %s: %s", name, error)
