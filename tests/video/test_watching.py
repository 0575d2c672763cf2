"""Streams that are watched: events of all, what ends one ends no other, and nothing is lost when it is stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from made_up_passages import frame, plate, watch
from tiny_videos import number_of, numbered, write_video

from lp_recognition.system.errors import UserError
from lp_recognition.video.annotated import Annotated
from lp_recognition.video.events import KnownMatch
from lp_recognition.video.figures import Figures
from lp_recognition.video.opening import open_source
from lp_recognition.video.passages import Passages
from lp_recognition.video.sources import Captured, Source
from lp_recognition.video.watching import Stream, Watch
from lp_recognition.video.workers import Models

TENTHS = [number / 10 for number in range(30)]


class Reader:
    """Sees a plate drive by in the frames 5 to 14, read as its name."""

    def read(self, image, models):
        number = number_of(image)
        return [plate(models.detector, 10.0 + number, 30.0)] if 5 <= number < 15 else []


def stream_of(path, text: str, **more) -> Stream:
    source = open_source(str(path), name=path.stem)
    return Stream(source, Models(detector=text), Passages(path.stem), **more)


def test_events_of_all_streams_are_told_kept_and_matched(tmp_path):
    paths = [write_video(tmp_path / f"{name}.mp4", TENTHS) for name in ("gate", "yard")]
    kept, shown = [], []
    streams = [stream_of(paths[0], "AB123"), stream_of(paths[1], "CD456")]
    known = KnownMatch("AB123", "exact")
    watching = Watch(
        streams,
        [Reader(), Reader()],
        match={"AB123": known}.get,
        keep=kept.append,
        show=lambda stream, frame, visible, events: shown.append((stream.name, len(visible))),
    )
    told = [one for one in watching.events() if one is not None]
    assert [event for _, event in told] == kept
    for stream, text, match in zip(streams, ("AB123", "CD456"), (known, None), strict=True):
        events = [event for of, event in told if of is stream]
        assert [(event.type, event.text, event.known) for event in events] == [
            (t, text, match) for t in ("start", "end")
        ]
        assert events[-1].look_count == 10
        assert shown.count((stream.name, 1)) == 10
        assert (stream.figures.looked, stream.figures.events) == (30, {"start": 1, "end": 1})
        assert stream.figures.latency_ms is None  # of a recording


def test_a_stream_that_breaks_ends_alone(tmp_path):
    whole, cut = (write_video(tmp_path / f"{name}.mkv", TENTHS, codec="ffv1", pixels="bgr0") for name in ("a", "b"))
    cut.write_bytes(cut.read_bytes()[: int(0.7 * cut.stat().st_size)])
    streams = [stream_of(cut, "AB123"), stream_of(whole, "CD456")]
    told = [one for one in Watch(streams, [Reader()]).events() if one is not None]
    assert [event.text for _, event in told if event.type == "end"] == ["AB123", "CD456"]  # what was seen is told
    assert streams[1].error is None
    assert isinstance(streams[0].error, UserError)
    assert "b.mkv" not in str(streams[1].error)


def test_stopping_ends_passages_and_finishes_files(tmp_path):
    path = write_video(tmp_path / "a.mp4", TENTHS)
    drawn = Annotated(tmp_path / "out.mp4", lambda: open_source(str(path)))
    watching = Watch([stream_of(path, "AB123", annotated=drawn)], [Reader()])
    events = []
    for one in watching.events():
        if one is not None:
            events.append(one[1].type)
            assert watching.stop() is (len(events) > 1)
    assert events == ["start", "end"]
    numbers = [number_of(frame.image) for frame in open_source(str(tmp_path / "out.mp4")).frames()]
    assert numbers == list(range(len(numbers)))
    assert 6 <= len(numbers) < 25


def test_passages_of_a_camera_that_dies_end():
    def capture(source: Source):
        for number in range(12):
            yield Captured(datetime.now(timezone.utc), number, None, "gate", lambda: numbered(5))
            source.wait(0.01)
        source.tell("waiting 60 s: connection refused")
        source.wait(60)

    source = Source("gate", capture, is_live=True)
    watching = Watch([Stream(source, Models("AB123"), Passages("gate"), patience_s=0.2)], [Reader()])
    types = []
    for told in watching.events():
        if told is not None:
            types.append(told[1].type)
            if told[1].type == "end":
                assert source.state == "waiting 60 s: connection refused"  # it has not ended
                watching.stop()
    assert types == ["start", "end"]


def test_the_figures_of_a_camera():
    seconds = [0.0]
    source = Source("gate", lambda source: iter(()), is_live=True)
    figures = Figures(source, lambda: seconds[0])
    for _ in range(40):
        seconds[0] += 0.5
        figures.look()
    assert figures.looked == 40
    assert figures.frames_per_second == pytest.approx(2, abs=0.2)
    [start, *_] = watch(Passages("gate"), [(number / 10, [plate("AB123", 60.0, 30.0)]) for number in range(5)])
    for milliseconds in range(1, 101):
        captured = datetime.now(timezone.utc) - timedelta(milliseconds=milliseconds)
        figures.tell(start, replace(frame(0), time=captured))
    assert 95 <= figures.latency_ms < 400
