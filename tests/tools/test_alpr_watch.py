"""`alpr watch`: a video in which it is known which plates pass, in every form; and what is told of mistakes."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tiny_photographs import photograph, tiny_detector, tiny_reader
from tiny_videos import write_video

import alpr
from lp_recognition.images.image import read_image
from lp_recognition.system.errors import UserError
from lp_recognition.video.opening import open_source

#: Frames, ten a second: BC stands at the left for two seconds, and CA at the right for one.
FIRST, SECOND = range(5, 25), range(10, 20)


def scene(number: int, size: tuple[int, int]):
    plates = [(1, 1, "BBBCCC")] * (number in FIRST) + [(4, 5, "CCCAAA")] * (number in SECOND)
    return photograph(plates)


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """A folder with models and videos."""
    folder = tmp_path_factory.mktemp("watch 图")
    (folder / "finder.tflite").write_bytes(tiny_detector())
    (folder / "reader.tflite").write_bytes(tiny_reader())
    times = [number / 10 for number in range(30)]
    drive = write_video(folder / "drive.mkv", times, codec="ffv1", pixels="bgr0", size=(192, 288), picture=scene)
    (folder / "cut.mkv").write_bytes(drive.read_bytes()[: int(0.8 * drive.stat().st_size)])
    (folder / "no.mp4").write_text("no video")
    return folder


class Inside:
    """A worker within this process, which starts in no time."""

    def __init__(self):
        self.opened = {}

    def open(self, models):
        self.opened[models] = models.open()

    def read(self, image, models):
        return self.opened[models].read(image, tiles=models.tiles)


@pytest.fixture
def run(made, monkeypatch, capsys):
    """Runs `alpr watch` in that folder with those models: status, output, errors."""
    monkeypatch.chdir(made)

    @contextmanager
    def started(count: int, streams) -> Iterator[list[Inside]]:
        workers = [Inside() for _ in range(count)]
        for worker in workers:
            for stream in streams:
                worker.open(stream.models)
        yield workers

    monkeypatch.setattr("lp_recognition.video.streams.started_workers", started)

    def command(*words: str) -> tuple[int, str, str]:
        models = ["--detector", "finder.tflite", "--reader", "reader.tflite", "passages.min_symbols=2"]
        status = alpr.main(["watch", *words, *models])
        return status, *capsys.readouterr()

    return command


def rows(output: str) -> list[dict]:
    return [json.loads(line) for line in output.splitlines()]


# ---- What is printed -----------------------------------------------------------------------------------------------


def test_a_passage_is_printed_when_it_ends(run):
    status, output, errors = run("drive.mkv")
    assert status == 0
    assert errors == "drive.mkv: 2 passages in 30 frames\n"
    head, *lines = output.splitlines()
    assert head.split() == ["stream", "time", "text", "confidence", "looks", "known"]
    assert [[line.split()[place] for place in (0, 1, 2, 4)] for line in lines] == [
        ["drive.mkv", "00:00.5", "BC", "20/20"], ["drive.mkv", "00:01.0", "CA", "10/10"],
    ]  # fmt: skip


def test_the_forms_say_the_same(run):
    events = rows(run("drive.mkv", "--json")[1])
    assert [(event["type"], event["text"]) for event in events] == [("end", "BC"), ("end", "CA")]
    assert [event["look_count"] for event in events] == [20, 10]
    lines = run("drive.mkv", "--lines")[1].splitlines()
    assert [line.rsplit(maxsplit=1)[0] for line in lines] == ["drive.mkv 00:00.5 BC", "drive.mkv 00:01.0 CA"]
    table = list(csv.DictReader(io.StringIO(run("drive.mkv", "--csv")[1])))
    assert [(row["id"], row["text"], row["look_count"]) for row in table] == [
        (event["id"], event["text"], str(event["look_count"])) for event in events
    ]


def test_events_crops_and_a_video_are_written(run, tmp_path):
    names = {"--events": "e.jsonl", "--crops": "crops", "--output": "a.mp4"}
    words = [word for option, name in names.items() for word in (option, str(tmp_path / name))]
    assert run("drive.mkv", *words)[0] == 0
    events = rows((tmp_path / "e.jsonl").read_text(encoding="utf-8"))
    assert [(event["type"], event["text"]) for event in events] == [
        ("start", "BC"), ("start", "CA"), ("end", "BC"), ("end", "CA"),
    ]  # fmt: skip
    crops = sorted((tmp_path / "crops").iterdir())
    assert sorted(re.search(r"_(BC|CA)_", crop.name)[1] for crop in crops) == ["BC", "CA"]
    assert {read_image(crop).ndim for crop in crops} == {3}
    assert len(list(open_source(str(tmp_path / "a.mp4")).frames())) == 30


def test_every_nth_frame_is_looked_at(run):
    _, output, errors = run("drive.mkv", "--every", "5", "--json")
    assert errors == "drive.mkv: 2 passages in 6 frames\n"
    assert {event["text"]: event["look_count"] for event in rows(output)} == {"CA": 2, "BC": 4}


def test_many_streams_of_a_yaml(run, made, tmp_path):
    text = "defaults: {every: 2}\nstreams:\n  gate: drive.mkv\n  yard: {source: drive.mkv, every: 5}\n"
    (tmp_path / "streams.yaml").write_text(text, encoding="utf-8")
    status, output, errors = run(str(tmp_path / "streams.yaml"), "--json", "--output", str(tmp_path / "drawn"))
    assert status == 0
    found = {(event["source"], event["text"]): event["look_count"] for event in rows(output)}
    assert found == {("gate", "CA"): 5, ("gate", "BC"): 10, ("yard", "CA"): 2, ("yard", "BC"): 4}
    assert errors.endswith("gate: 2 passages in 15 frames\nyard: 2 passages in 6 frames\n")
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["gate.mp4", "yard.mp4"]


def test_a_truncated_video_gives_its_events_and_then_the_error(run):
    status, output, errors = run("cut.mkv", "--json")
    assert status == 2
    assert {event["text"] for event in rows(output)} == {"BC", "CA"}
    assert re.search(r"^error: cut.mkv: expected 3.0 s of video, received 2.\d s \(2\d frames\)", errors, re.MULTILINE)


# ---- Mistakes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["no.mp4"], "no.mp4: expected a video, received what is none"),
        (["none.mp4"], "none.mp4: expected a video, a folder, an address or a camera's number, received no such file"),
        ([""], "expected a video, an address or a camera's number, received an empty word"),
        (["drive.mkv", "--every", "0"], "every: expected"),
        (["drive.mkv", "--output", "a.avi"], "--output: expected a file that ends in .mp4, received a.avi"),
        (["drive.mkv", "--output", "drive.mkv"], "--output: expected another file than the video itself"),
        (["drive.mkv", "passages.min_hight=3"], "Did you mean `passages.min_height`"),
        (["drive.mkv", "--metrics_port", "99999"], "metrics_port"),
        (["drive.mkv", "--detector", "none"], "none"),
        (["gopher://user:secret@x/y"], "gopher://x/y: expected one of rtsp"),
        (["none.yaml"], "none.yaml: expected a config, received no such file"),
    ],
)
def test_mistakes_are_told_in_a_line(run, monkeypatch, words, expected):
    with pytest.raises(UserError, match=re.escape(expected)) as error:
        if "--detector" in words:
            alpr.main(["watch", *words])
        else:
            run(*words)
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)
