"""Streams by their settings: opened, and watched all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial

from lp_recognition.model_files.pretrained import DEFAULT_CORNERS, DEFAULT_DETECTOR, DEFAULT_READERS
from lp_recognition.settings.streams import StreamConfig
from lp_recognition.video.annotated import Annotated
from lp_recognition.video.opening import open_source
from lp_recognition.video.passages import Passages
from lp_recognition.video.sources import Source
from lp_recognition.video.watching import Stream
from lp_recognition.video.workers import Models, Worker


def open_streams(configs: Mapping[str, StreamConfig]) -> list[Stream]:
    """Opens streams by their names.

    Raises:
        UserError: a file is missing or no video, a picture cannot be written, two streams write one.
    """
    # All sources before the first video is begun: what is wrong with one leaves nothing behind.
    sources = {name: open_source(config.address, name=name, every=config.every) for name, config in configs.items()}
    return [_open_stream(source, configs[name]) for name, source in sources.items()]


def models_of(config: StreamConfig) -> Models:
    """What finds and reads the plates of a stream."""
    detector, readers = config.detector or DEFAULT_DETECTOR, config.readers or DEFAULT_READERS
    return Models(detector, readers, config.vehicles, config.tiles, config.corners or DEFAULT_CORNERS)


@contextmanager
def started_workers(count: int, streams: list[Stream]) -> Iterator[list[Worker]]:
    """Processes that read, the models of all streams opened; they end with the block.

    Raises:
        UserError: a model cannot be opened, or no process can be started.
    """
    with ExitStack() as started:
        workers = []
        for _ in range(count):
            workers.append(Worker())
            started.callback(workers[-1].close)
        for worker in workers:
            for models in dict.fromkeys(stream.models for stream in streams):
                worker.open(models)
        yield workers


def _open_stream(source: Source, config: StreamConfig) -> Stream:
    annotated = None
    if config.output:
        again = None if source.is_live else partial(open_source, config.address, name=source.name)
        annotated = Annotated(config.output, again)
    patience_s = max(config.passages.repeat_seconds, config.passages.absent_seconds)
    return Stream(source, models_of(config), Passages(source.name, config.passages), annotated, patience_s)
