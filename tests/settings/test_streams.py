"""The YAML of streams: defaults, sections, mistakes that are told, and no password in any message."""

from __future__ import annotations

import pytest

from lp_recognition.settings.streams import StreamConfig, load_streams
from lp_recognition.system.errors import ConfigError


def load(tmp_path, text: str, *overrides: str):
    path = tmp_path / "streams.yaml"
    path.write_text(text, encoding="utf-8")
    return load_streams(path, overrides)


def test_a_stream_has_the_defaults_and_its_own_settings(tmp_path):
    streams, rest = load(
        tmp_path,
        """
defaults: {every: 2, tiles: on, passages: {min_height: 12, repeat_seconds: 300}}
streams:
  gate: {source: "rtsp://u:p@camera/stream", every: 3, readers: lprnet_cn, passages: {min_height: 20}}
  webcam: 0
  drive: drive.mp4
events: events.jsonl
""",
        "passages.here_seconds=5",
    )
    gate = streams["gate"]
    assert (gate.every, gate.tiles, gate.readers) == (3, "on", ("lprnet_cn",))
    assert (gate.passages.min_height, gate.passages.repeat_seconds, gate.passages.here_seconds) == (20, 300, 5)
    assert [stream.address for stream in streams.values()] == ["rtsp://u:p@camera/stream", "0", "drive.mp4"]
    assert (streams["drive"].every, streams["drive"].passages.min_height) == (2, 12)
    assert (rest.events, rest.metrics_port) == ("events.jsonl", None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("streams: {gate: {sorce: x}}", r"streams.gate: unknown key `sorce`. Did you mean `source`\?"),
        ("streams: {gate: {source: x, min_height: 2}}", r"Did you mean `passages.min_height`\?"),
        ("streams: {gate: {source: x, every: 0}}", "streams.gate: every: expected"),
        ("streams: {gate: {every: 2}}", "streams.gate.source: expected a video, an address or a camera's number"),
        ("streams: {gate: [1]}", "streams.gate: expected a source, or a section of settings, received list"),
        ("streams: {}", "streams: expected a section for each stream, received none"),
        ("streams: {a/b: x.mp4}", "expected names, as gate, without slashes, received 'a/b'"),
        ("defaults: 3\nstreams: {a: x.mp4}", "defaults: expected settings, received int"),
        ("defaults: {evry: 3}\nstreams: {a: x.mp4}", r"defaults: unknown key `evry`. Did you mean `every`\?"),
        ("streams: {a: x.mp4}\nevnts: x", r"unknown key `evnts`. Did you mean `events`\?"),
        ("streams: {a: x.mp4}\nmetrics_port: 99999", "metrics_port: expected"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path, text, expected):
    with pytest.raises(ConfigError, match=expected):
        load(tmp_path, text)


def test_a_source_may_come_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("GATE", "rtsp://user:secret@camera/")
    streams, _ = load(tmp_path, "streams: {gate: 'env:GATE'}")
    assert streams["gate"].address == "rtsp://user:secret@camera/"
    monkeypatch.delenv("GATE")
    with pytest.raises(ConfigError, match=r"streams.gate: source: expected the environment variable GATE"):
        load(tmp_path, "streams: {gate: 'env:GATE'}")


def test_a_source_is_never_shown(tmp_path):
    config = StreamConfig(source="rtsp://user:secret@camera/")
    assert config.address == "rtsp://user:secret@camera/"
    assert "secret" not in f"{config!r} {config}"
    for text in (
        "gate: {source: 'rtsp://user:secret@camera/', every: -1}",
        "gate: {source: ['rtsp://user:secret@c/']}",
    ):
        with pytest.raises(ConfigError) as error:
            load(tmp_path, f"streams: {{{text}}}")
        assert "secret" not in str(error.value)
