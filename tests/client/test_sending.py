"""A drive is sent to a service, which is slow, busy, away and back."""

from __future__ import annotations

import csv
import json
import threading
import time

import numpy as np
import pytest
from mjpeg_server import MjpegServer
from plate_service import said_of
from tiny_videos import number_of, numbered

from lp_recognition.client.positions import Fix, Position
from lp_recognition.client.records import COLUMNS, CsvFile, JsonLinesFile
from lp_recognition.client.remote import RemoteAlpr
from lp_recognition.client.sending import Encoding, Sending
from lp_recognition.client.streaming import Drive
from lp_recognition.system.errors import UserError
from lp_recognition.video.opening import open_source


class Along:
    """Positions along a road: the longitude is the second."""

    state = "fix"

    def __init__(self, is_recorded: bool = True) -> None:
        self.is_recorded = is_recorded
        self.asked = []

    def at(self, moment):
        self.asked.append(moment)
        return Position(Fix(50.0, moment.second + moment.microsecond / 1e6), 0.25)


def drive_of(service, path, *, every=1, workers=4, timeout_s=5.0, buffer=10, positions=None, encoding=None, files=()):
    source = open_source(str(path), every=every)
    remote = RemoteAlpr(service.url, timeout_s=timeout_s, connections=workers)
    sending = Sending(source, remote, workers, encoding, positions)
    drive = Drive(source, sending, buffer=buffer, min_confidence=0.8, files=files, positions=positions)
    drive.shown = []
    drive.broadcast.show = drive.shown.append
    return drive


def run(drive):
    """The results of a drive, by the numbers of their frames."""
    results = [result for result in drive.results() if result is not None]
    assert len({result.shot.frame.number for result in results}) == len(results)
    return {result.shot.frame.number: result for result in results}


def shown(drive):
    return [result.shot.frame.number for result in drive.shown]


def test_answers_that_come_in_any_order_belong_to_their_frames(service, drive):
    service._delay_s = lambda number: 0.05 if number % 4 == 0 else 0.0
    sent = drive_of(service, drive)
    results = run(sent)
    assert {number: result.plates()[0].text for number, result in results.items()} == {
        number: f"N{number}" for number in range(20)
    }
    assert all(number_of(result.shot.frame.image) == number for number, result in results.items())
    assert shown(sent) == list(range(20))
    assert [number for _, number, _ in service.requests] != list(range(20))
    assert len({port for _, _, port in service.requests}) == 4  # connections are kept


def test_each_nth_frame_is_sent(service, drive):
    assert list(run(drive_of(service, drive, every=3, workers=1))) == [0, 3, 6, 9, 12, 15, 18]


def test_a_time_out_loses_the_answer_and_not_the_frame(service, drive):
    service._delay_s = lambda number: 0.6 if number in (3, 7) else 0.0
    sent = drive_of(service, drive, timeout_s=0.3)
    results = run(sent)
    assert {number for number, result in results.items() if result.outcome == "timed out"} == {3, 7}
    assert sent.figures.outcomes == {"answered": 18, "timed out": 2}
    assert shown(sent) == list(range(20))


def test_an_answer_that_is_late_is_kept_and_its_frame_shown_without(service, drive):
    service._delay_s = lambda number: 0.5 if number == 1 else 0.0
    sent = drive_of(service, drive, buffer=3)
    results = run(sent)
    assert results[1].outcome == "answered"
    assert list(results)[-1] == 1
    assert shown(sent) == list(range(20))
    assert sent.shown[1].outcome == "late"


def test_a_recording_waits_for_a_service_that_is_away(service, drive):
    service.stop()
    sent = drive_of(service, drive)
    threading.Timer(0.3, service.start).start()
    results = run(sent)
    assert {result.outcome for result in results.values()} == {"answered"}
    assert sorted(results) == list(range(20))


def test_a_restart_on_the_way_loses_nothing_of_a_recording(service, drive):
    sent = drive_of(service, drive)
    results = []
    for result in sent.results():
        if result is not None:
            results.append(result)
        if len(results) == 5:
            service.stop()
            service.start()
    assert sorted(result.shot.frame.number for result in results) == list(range(20))
    assert {result.outcome for result in results} == {"answered"}


def test_a_busy_service_is_asked_when_it_says(service, drive):
    service.failures = [(503, {"Retry-After": "0.4"})]
    began = time.monotonic()
    results = run(drive_of(service, drive, workers=1))
    assert time.monotonic() - began >= 0.4
    assert service.asked == 21
    assert {result.outcome for result in results.values()} == {"answered"}


def test_a_picture_that_is_refused_holds_up_no_other(service, drive):
    service.failures = [(400, {})]
    sent = drive_of(service, drive, workers=1)
    run(sent)
    assert sent.figures.outcomes == {"refused": 1, "answered": 19}
    assert sent.figures.why == "answered 400 Bad Request: failed by 400"


def test_a_wrong_token_ends_it(service, drive):
    service.failures = [(401, {})] * 8
    sent = drive_of(service, drive, workers=2)
    with pytest.raises(UserError, match=r"answered 401 Unauthorized.*; give its token with --token_file"):
        run(sent)
    assert service.asked <= 2


def test_a_camera_goes_on_while_the_service_is_away(service):
    camera = MjpegServer(rate=100)
    service.stop()
    sent = drive_of(service, camera.address, workers=2)
    outcomes = []
    for result in sent.results():
        if result is not None:
            outcomes.append(result.outcome)
        if len(outcomes) == 5:
            assert "service: connection refused" in sent.state()
            service.start()
        if outcomes.count("answered") == 5:
            sent.stop()
    camera.stop()
    assert outcomes[:5] == ["unavailable"] * 5
    assert shown(sent) == sorted(shown(sent))
    assert len(sent.shown) == len(outcomes)


def test_of_a_camera_frames_are_dropped_and_counted(service):
    camera = MjpegServer(rate=200)
    service._delay_s = lambda number: 0.05
    sent = drive_of(service, camera.address, workers=1)
    for _ in sent.results():
        if sent.figures.frames == 5:
            sent.stop()
    camera.stop()
    assert "dropped: reader slower" in sent.summary()


def test_a_truncated_video_is_told_after_its_frames(service, drive, tmp_path):
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(drive.read_bytes()[: drive.stat().st_size // 2])
    sent = drive_of(service, cut)
    with pytest.raises(UserError, match=r"cut\.mkv: expected 2.0 s of video"):
        run(sent)
    assert len(service.requests) == len(sent.shown) > 5


def test_stopping_waits_for_what_is_under_way(service, drive):
    service._delay_s = lambda number: 0.05
    sent = drive_of(service, drive, workers=2)
    results = []
    for result in sent.results():
        if result is not None:
            results.append(result)
            assert sent.stop() is (len(results) > 1)
    assert {result.outcome for result in results} == {"answered"}
    assert len(results) == len(service.requests) < 10


@pytest.mark.parametrize("width", [32, 128, None])
def test_frames_are_brought_to_a_width(service, width):
    data, scale = Encoding(90, width).encode(numbered(5))
    assert scale == (64 / (width or 64),) * 2
    assert data[:2] == b"\xff\xd8"


def test_plates_are_told_in_pixels_of_the_frame(service, drive):
    results = run(drive_of(service, drive, encoding=Encoding(95, 128)))
    [plate] = results[0].plates()
    assert plate.box == (2, 2, 16, 5)
    assert results[0].to_json()["sent_size"] == [128, 96]


def test_the_better_the_quality_the_larger_the_picture():
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    assert len(Encoding(98).encode(picture)[0]) > len(Encoding(50).encode(picture)[0])


# ---- What is written -----------------------------------------------------------------------------------------------


def test_the_position_is_that_of_the_capture(service, drive, tmp_path):
    service._answers = lambda number: answers[number]
    answers = {number: said_of(number, 0.9 if number % 2 else 0.7) for number in range(20)}
    with CsvFile(tmp_path / "reads.csv", 0.8) as table, JsonLinesFile(tmp_path / "frames.jsonl") as lines:
        run(drive_of(service, drive, positions=Along(), files=[table, lines]))
    with (tmp_path / "reads.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["Frame"]))
    assert [row["License Plate"] for row in rows] == [f"N{number}" for number in range(1, 20, 2)]
    assert [row["Coordinates"] for row in rows] == [f"50.000000, {number / 10:.6f}" for number in range(1, 20, 2)]
    assert rows[0]["Date"] == "2026-11-26T12:00:00.100000+00:00"
    assert (
        rows[0] | {"Confidence": "0.9000", "Coordinates Age": "0.250", "Source": "drive.mkv", "Left": "4.0"} == rows[0]
    )
    told = [json.loads(line) for line in (tmp_path / "frames.jsonl").read_text(encoding="utf-8").splitlines()]
    first = next(one for one in told if one["frame"] == 0)
    assert first["answer"] == answers[0]  # also what is read less surely
    assert first["position"]["longitude"] == 0
    assert len(told) == 20


def test_a_receiver_is_asked_of_now_where_a_recording_is_sent(service, drive):
    positions = Along(is_recorded=False)
    began = time.time()
    run(drive_of(service, drive, positions=positions))
    assert all(moment.timestamp() >= began for moment in positions.asked)


def test_each_line_is_there_at_once_and_a_table_is_gone_on_with(service, drive, tmp_path):
    path = tmp_path / "reads.csv"
    for count in (20, 40):
        with CsvFile(path, 0.8) as table:
            sent = drive_of(service, drive, files=[table])
            for result in sent.results():
                if result is not None:
                    lines = path.read_text(encoding="utf-8").splitlines()
                    assert lines[-1].endswith(f",{result.shot.frame.number}")
        assert lines[0] == ",".join(COLUMNS)
        assert len(lines) == count + 1
    assert lines[0].startswith("Date,License Plate,Coordinates,")


def test_another_table_is_not_added_to(tmp_path):
    path = tmp_path / "reads.csv"
    path.write_text("name,age\n")
    with pytest.raises(UserError, match="expected a table that begins with Date,License Plate,Coordinates"):
        CsvFile(path, 0.8)
    assert path.read_text() == "name,age\n"


def test_a_full_disk_is_told():
    with JsonLinesFile("/dev/full") as lines, pytest.raises(UserError, match="/dev/full: cannot be written: No space"):
        lines.write("x\n")
