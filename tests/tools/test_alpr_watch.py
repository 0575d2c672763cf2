"""`alpr watch`: a video in which it is known which plates pass, in every form; and what is told of mistakes."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mjpeg_server import MjpegServer
from sqlalchemy import func, select
from tiny_models import ROOT
from tiny_photographs import photograph, tiny_detector, tiny_reader
from tiny_videos import write_video

import alpr
from lp_recognition.images.image import decode_image, read_image
from lp_recognition.system.errors import UserError
from lp_recognition.video.database.connection import DatabaseUnavailableError
from lp_recognition.video.database.store import Store
from lp_recognition.video.database.tables import EventRow, LookRow
from lp_recognition.video.figures import Figures
from lp_recognition.video.keeping import Kept
from lp_recognition.video.live_page import LivePage
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


def test_a_page_shows_the_streams(run, monkeypatch):
    fetched = {}

    def see(self, stream, frame, visible, events):
        seen(self, stream, frame, visible, events)
        if frame.number == 0:
            fetched["page"] = self.answer("/").data.decode()
        fetched["picture"], fetched["state"] = self.answer("/0.jpg"), json.loads(self.answer("/state.json").data)
        assert self.answer("/1.jpg") is None

    seen = LivePage.see
    monkeypatch.setattr(LivePage, "see", see)
    _, _, errors = run("drive.mkv", "--show")
    assert re.match(r"see http://127\.0\.0\.1:\d+/\n", errors)
    assert 'data-path="0.jpg"' in fetched["page"]
    assert fetched["picture"].kind == "image/jpeg"
    assert decode_image(fetched["picture"].data, "picture").shape == (192, 288, 3)
    assert fetched["state"]["streams"][0]["name"] == "drive.mkv"


def test_figures_are_served_for_prometheus(run, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    texts = []

    def tick(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            texts.append(answer.read().decode())

    monkeypatch.setattr("lp_recognition.video.keeping.Kept.tick", tick)
    run("drive.mkv", "--metrics_port", str(port))
    assert 'alpr_frames_read_total{stream="drive.mkv"} 30.0' in texts[-1]
    assert 'alpr_events_total{stream="drive.mkv",type="end"} 2.0' in texts[-1]
    assert 'alpr_source_up{stream="drive.mkv"}' in texts[-1]
    assert "latency_p95_seconds{" not in texts[-1]  # of a recording


# ---- Known plates and the database -----------------------------------------------------------------------------


@pytest.fixture
def residents(tmp_path) -> str:
    path = tmp_path / "residents.csv"
    path.write_text("plate,note,flat\nBC,resident,12\nX?Z,nobody,13\n", encoding="utf-8")
    return str(path)


def test_known_plates_are_told_with_their_record(run, residents):
    first, second = rows(run("drive.mkv", "--json", "--known", residents)[1])
    assert first["known"] == {
        "plate": "BC", "kind": "exact", "cost": 0.0, "note": "resident", "record": {"flat": "12"},
    }  # fmt: skip
    assert second["known"] is None
    assert run("drive.mkv", "--known", residents)[1].splitlines()[1].endswith("20/20  BC resident")


def test_events_are_kept_in_a_database_and_delivered_from_there(run, residents, tmp_path):
    (tmp_path / "streams.yaml").write_text(
        f"""
streams: {{gate: drive.mkv}}
database: sqlite:///{tmp_path}/plates.db
known: {residents}
keep_days: 30
deliveries:
  - {{type: jsonl, path: {tmp_path}/known.jsonl, plates: known, events: [end]}}
""",
        encoding="utf-8",
    )
    words = (str(tmp_path / "streams.yaml"), "--events", str(tmp_path / "all.jsonl"))
    for _ in range(2):  # a second time nothing is new
        assert run(*words)[0] == 0
        assert [event["text"] for event in rows((tmp_path / "known.jsonl").read_text("utf-8"))] == ["BC"]
        told = rows((tmp_path / "all.jsonl").read_text("utf-8"))
        assert [(event["type"], event["text"]) for event in told] == [
            ("start", "BC"), ("start", "CA"), ("end", "BC"), ("end", "CA"),
        ]  # fmt: skip
        with Store(f"sqlite:///{tmp_path}/plates.db", create=False) as store, store.reading() as session:
            kept = session.execute(select(EventRow.text, EventRow.type).order_by(EventRow.text)).all()
            assert kept == [("BC", "end"), ("CA", "end")]
            assert session.scalar(select(func.count()).select_from(LookRow)) == 30


def test_without_a_database_a_second_run_adds_nothing_to_the_events(run, tmp_path):
    file = tmp_path / "e.jsonl"
    run("drive.mkv", "--events", str(file))
    first = file.read_text("utf-8")
    file.write_text(first + '{"id": "cut', encoding="utf-8")  # as a killed run leaves it
    run("drive.mkv", "--events", str(file))
    assert file.read_text("utf-8") == first
    run("drive.mkv", "--events", str(file), "--every", "2")
    assert file.read_text("utf-8").startswith(first)


def test_a_database_that_is_away_loses_nothing(run, tmp_path, monkeypatch, caplog):
    record, refused = Store.record, []

    def often_away(self, event, targets=()):
        if len(refused) < 3:
            refused.append(event)
            raise DatabaseUnavailableError("the disk is full")
        return record(self, event, targets)

    monkeypatch.setattr(Store, "record", often_away)
    monkeypatch.setattr("lp_recognition.video.keeping._RETRY_S", 0.0)
    assert run("drive.mkv", "--database", f"sqlite:///{tmp_path}/plates.db")[0] == 0
    assert [record.getMessage() for record in caplog.records] == ["1 events wait: the disk is full"] * 3
    with Store(f"sqlite:///{tmp_path}/plates.db") as store, store.reading() as session:
        assert session.scalars(select(EventRow.text).order_by(EventRow.text)).all() == ["BC", "CA"]


def test_a_database_that_stays_away_is_an_error_in_the_end(run, tmp_path, monkeypatch):
    def away(*_):
        raise DatabaseUnavailableError("the disk is full")

    monkeypatch.setattr(Store, "record", away)
    with pytest.raises(UserError, match="4 events are lost: the disk is full"):
        run("drive.mkv", "--database", f"sqlite:///{tmp_path}/plates.db")


def test_two_programs_keep_no_stream_together(run, tmp_path):
    address = f"sqlite:///{tmp_path}/plates.db"
    expected = pytest.raises(UserError, match=r"expected that no other program keeps the passages of drive\.mkv")
    with Store(address) as store, store.claim_source("drive.mkv"), expected:
        run("drive.mkv", "--database", address)


def test_what_fails_before_the_first_frame_leaves_no_video(run, tmp_path):
    with pytest.raises(UserError, match="no such file"):
        run("drive.mkv", "--output", str(tmp_path / "a.mp4"), "--known", "none.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_killed_at_any_moment_and_started_again_no_event_is_lost_or_doubled(made, tmp_path):
    """With the real processes, on a video that is long enough to be killed in."""

    def start(database: str) -> subprocess.Popen:
        models = ["--detector", "finder.tflite", "--reader", "reader.tflite", "passages.min_symbols=2"]
        words = ["watch", "long.mkv", *models, "passages.repeat_seconds=1", "passages.absent_seconds=1"]
        words += ["--lines", "--database", f"sqlite:///{tmp_path}/{database}.db"]
        command = [sys.executable, str(ROOT / "alpr.py"), *words]
        return subprocess.Popen(command, cwd=made, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def kept(database: str) -> list:
        with Store(f"sqlite:///{tmp_path}/{database}.db", create=False) as store, store.reading() as session:
            columns = (EventRow.id, EventRow.type, EventRow.text, EventRow.look_count, EventRow.last_time)
            looks = session.scalar(select(func.count()).select_from(LookRow))
            return [*session.execute(select(*columns).order_by(EventRow.id)).all(), looks]

    times = [number / 10 for number in range(400)]
    write_video(
        made / "long.mkv", times, codec="ffv1", pixels="bgr0", size=(192, 288),
        picture=lambda number, size: scene(number % 40 if number % 40 >= 5 else 30, size),
    )  # fmt: skip
    whole = start("whole")
    assert whole.wait(120) == 0, whole.stderr.read()
    assert len(kept("whole")) == 21
    for lines in (1, 4):
        killed = start("killed")
        for _ in range(lines):
            assert killed.stdout.readline()
        killed.kill()
        killed.wait(30)
    last = start("killed")
    assert last.wait(120) == 0, last.stderr.read()
    assert kept("killed") == kept("whole")


# ---- A camera ------------------------------------------------------------------------------------------------------


def test_a_camera_that_dies_in_mid_passage_loses_no_event(run, tmp_path, monkeypatch):
    monkeypatch.setattr("lp_recognition.video.live.FIRST_PAUSE_S", 0.05)
    server, told, steps = MjpegServer(lambda number: scene(5 + number % 20, (0, 0)), rate=20), [], []

    def see(self, stream, frame, visible, events):
        told.extend((event.type, event.text) for event in events)
        if not steps and len(visible) == 2:  # both are in sight
            steps.append("died")
            server.stop()

    def tick(self):
        done(self)
        states = [figures.state for figures in watched]
        if steps == ["died"] and states[0].startswith("waiting"):
            steps.append("came back")
            server.start()
        if len(steps) == 2 and told.count(("here", "BC")) >= 3:
            steps.append("ended")
            os.kill(os.getpid(), signal.SIGINT)

    watched, done = [], Kept.tick
    make = Figures.__init__
    monkeypatch.setattr(Figures, "__init__", lambda self, *words: (make(self, *words), watched.append(self))[0])
    monkeypatch.setattr(LivePage, "see", see)
    monkeypatch.setattr(Kept, "tick", tick)
    words = ("passages.here_seconds=0.2", "passages.absent_seconds=30", "--events", str(tmp_path / "e.jsonl"))
    status, output, errors = run(server.address, "--json", "--database", f"sqlite:///{tmp_path}/plates.db", *words)
    server.stop()
    assert (status, steps) == (0, ["died", "came back", "ended"])
    assert sorted(event["text"] for event in rows(output)) == ["BC", "CA"]  # one visit, in spite of the gap
    events = rows((tmp_path / "e.jsonl").read_text("utf-8"))
    for text in ("BC", "CA"):
        of_text = [event for event in events if event["text"] == text]
        assert [event["type"] for event in of_text][:: len(of_text) - 1] == ["start", "end"]
        assert [event["sequence"] for event in of_text] == list(range(1, len(of_text) + 1))
        times = [event["last_time"] for event in of_text]
        assert times == sorted(times)
    assert "secret" not in f"{output} {errors} {(tmp_path / 'e.jsonl').read_text('utf-8')}"
    assert re.search(r"waiting [\d.]+ s: ", errors)


# ---- Ctrl-C --------------------------------------------------------------------------------------------------------


def test_ctrl_c_ends_passages_and_finishes_files(run, tmp_path, monkeypatch):
    seen = []

    def read(self, image, models):
        seen.append(1)
        if len(seen) == 12:
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        return self.opened[models].read(image, tiles=models.tiles)

    monkeypatch.setattr(Inside, "read", read)
    status, output, errors = run("drive.mkv", "--json", "--output", str(tmp_path / "a.mp4"))
    assert status == 0
    assert "ending passages, finishing files" in errors
    assert [event["text"] for event in rows(output)] == ["BC", "CA"]
    assert 10 <= len(list(open_source(str(tmp_path / "a.mp4")).frames())) <= 20
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_second_ctrl_c_ends_at_once(run, monkeypatch):
    def read(self, image, models):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
        return []

    monkeypatch.setattr(Inside, "read", read)
    with pytest.raises(KeyboardInterrupt):
        run("drive.mkv", "--workers", "1")


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
        (["drive.mkv", "--keep_days", "3"], "keep_days: expected a database beside it"),
        (["drive.mkv", "--database", "mysql://u:secret@x/y"], "expected sqlite:///FILE or postgresql://HOST/NAME"),
        (["drive.mkv", "--known", "none.csv"], "none.csv: expected a list of known plates (CSV)"),
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
