"""Where the car was when a frame was captured."""

from __future__ import annotations

import json
import os
import pty
import socket
import threading
import time
import tty
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from brokers import free_port

from lp_recognition.client.gpsd import fix_of
from lp_recognition.client.position_sources import open_positions
from lp_recognition.client.positions import Fix, Receiver
from lp_recognition.system.errors import UserError

pytest.importorskip("pynmea2")
pytest.importorskip("gpxpy")

NOON = datetime(2026, 11, 26, 12, tzinfo=timezone.utc)
TPV = {
    "class": "TPV", "mode": 3, "lat": 50.0875, "lon": 14.4213, "altMSL": 200.5, "speed": 12.5, "track": 90.0,
    "time": "2026-11-26T12:00:00.000Z",
}  # fmt: skip
RMC = "$GPRMC,120000.00,A,5005.250,N,01425.278,E,024.3,090.0,261126,,,A"
GGA = "$GPGGA,120000.00,5005.250,N,01425.278,E,1,08,0.9,200.5,M,45.0,M,,"


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def now() -> datetime:
    return datetime.now(timezone.utc)


# ---- Receivers -----------------------------------------------------------------------------------------------------


def test_a_frame_has_the_fix_before_it_and_not_the_newest():
    come = threading.Semaphore(0)

    def connect(stopped):
        for longitude in (1.0, 2.0):
            come.acquire()
            yield Fix(0.0, longitude)
        stopped.wait()

    with Receiver(connect, max_age_s=0.5) as positions:
        assert positions.at(now()) is None
        come.release()
        until(lambda: positions.at(now()))
        captured = now()
        come.release()
        until(lambda: positions.at(now()).fix.longitude == 2)
        position = positions.at(captured)
        assert position.fix.longitude == 1
        assert 0 <= position.age_s < 0.5
        assert positions.at(captured - timedelta(seconds=10)) is None  # before the first
        assert positions.at(now() + timedelta(seconds=1)) is None  # too old by then
    assert position.coordinates == "0.000000, 1.000000"


class Gpsd:
    """A gpsd of the tests: it says who it is, and reports once it is asked to."""

    def __init__(self, port: int = 0) -> None:
        self._server = socket.create_server(("127.0.0.1", port))
        self.port = self._server.getsockname()[1]
        self.asked: list[str] = []
        self._connection: socket.socket | None = None
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        connection, _ = self._server.accept()
        connection.sendall(b'{"class":"VERSION","release":"3.25","proto_major":3,"proto_minor":15}\r\n')
        self.asked.append(connection.recv(1000).decode())
        line = json.dumps(TPV).encode()
        connection.sendall(b'{"class":"TPV","mode":1}\r\n{"class":"SKY"}\r\nno JSON\r\n' + line[:20])
        time.sleep(0.01)  # reports come in pieces
        connection.sendall(line[20:] + b"\r\n")
        self._connection = connection

    def stop(self) -> None:
        until(lambda: self._connection)
        self._connection.close()
        self._server.close()


def test_gpsd_is_listened_to_and_found_again(monkeypatch):
    monkeypatch.setattr("lp_recognition.client.positions.FIRST_PAUSE_S", 0.01)
    gpsd = Gpsd()
    with open_positions(f"gpsd://127.0.0.1:{gpsd.port}/dev/ttyUSB0") as positions:
        until(lambda: positions.at(now()))
        fix = positions.at(now()).fix
        assert fix == Fix(50.0875, 14.4213, NOON, 200.5, 12.5, 90.0)
        assert gpsd.asked == ['?WATCH={"enable": true, "json": true, "device": "/dev/ttyUSB0"};\n']
        assert positions.state == "fix"
        gpsd.stop()
        until(lambda: positions.state.startswith("waiting"))
        again = Gpsd(gpsd.port)
        until(lambda: again.asked)
        until(lambda: positions.state == "fix")
        again.stop()


def test_a_gpsd_that_is_not_there_is_told():
    with open_positions(f"gpsd://127.0.0.1:{free_port()}") as positions:
        until(lambda: positions.state == "waiting 1 s: gpsd: connection refused")


@pytest.mark.parametrize(
    "line", ["", "7", "[]", "{}", '{"class":"TPV","mode":2}', '{"class":"TPV","mode":3,"lat":"N"}']
)
def test_what_holds_no_place_is_no_fix(line):
    assert fix_of(line) is None


def test_the_time_of_a_fix_may_be_unknown():
    assert fix_of(json.dumps({**TPV, "time": "soon", "alt": None, "altMSL": None})).time is None


def with_checksum(sentence: str) -> bytes:
    total = 0
    for character in sentence[1:]:
        total ^= ord(character)
    return f"{sentence}*{total:02X}\r\n".encode()


def test_a_receiver_at_a_serial_port_is_listened_to():
    master, slave = pty.openpty()
    tty.setraw(slave)
    damaged = with_checksum(RMC).replace(b"5005", b"6005")
    unsure = with_checksum(RMC.replace(",A,5", ",V,5"))

    def speak() -> bool:  # again and again: what came before the port was opened is not heard
        os.write(master, b"garbage\xff\r\n" + damaged + unsure + with_checksum(GGA) + with_checksum(RMC)[:30])
        os.write(master, with_checksum(RMC)[30:])
        found = positions.at(now())
        return found is not None and found.fix.time is not None

    with open_positions(f"serial://{os.ttyname(slave)}?baud=9600") as positions:
        until(speak)
        fix = positions.at(now()).fix
    assert (round(fix.latitude, 6), round(fix.longitude, 6)) == (50.0875, 14.4213)
    assert (fix.time, fix.altitude_m, fix.course_deg) == (NOON, 200.5, 90.0)
    assert fix.speed_mps == pytest.approx(12.5, abs=0.01)
    os.close(master)
    os.close(slave)


def test_a_receiver_that_is_not_plugged_in_is_told(tmp_path):
    with open_positions(f"serial://{tmp_path}/ttyUSB9") as positions:
        until(lambda: positions.state.startswith("waiting 1 s: "))
        assert "ttyUSB9" in positions.state


# ---- Tracks --------------------------------------------------------------------------------------------------------


def gpx(*segments: list[tuple[float, float, float]]) -> str:
    """A GPX file: seconds after noon, latitude and longitude of the points of each segment."""

    def point(seconds: float, latitude: float, longitude: float) -> str:
        time = (NOON + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return f'<trkpt lat="{latitude}" lon="{longitude}"><ele>{100 + seconds}</ele><time>{time}</time></trkpt>'

    parts = "".join(f"<trkseg>{''.join(point(*one) for one in segment)}</trkseg>" for segment in segments)
    return f'<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"><trk>{parts}</trk></gpx>'


def test_between_two_points_the_car_moved_evenly(tmp_path):
    (tmp_path / "drive.gpx").write_text(gpx([(0, 10, 20), (10, 11, 22)], [(40, 50, 60)]))
    with open_positions(str(tmp_path / "drive.gpx"), max_age_s=6) as track:
        position = track.at(NOON + timedelta(seconds=2.5))
        assert (position.fix.latitude, position.fix.longitude, position.fix.altitude_m) == (10.25, 20.5, 102.5)
        assert position.age_s == 2.5
        assert track.at(NOON - timedelta(seconds=5)).fix.latitude == 10  # before the first
        assert track.at(NOON + timedelta(seconds=12)).fix.latitude == 11  # no way leads to the next segment
        assert track.at(NOON + timedelta(seconds=20)) is None
        assert track.at(NOON + timedelta(seconds=41)).fix.latitude == 50
        assert track.at(NOON + timedelta(days=1)) is None


def test_a_camera_whose_clock_is_wrong_is_helped(tmp_path):
    (tmp_path / "drive.gpx").write_text(gpx([(0, 10, 179.0), (10, 11, -179.0)]))
    track = open_positions(str(tmp_path / "drive.gpx"), offset_s=3600)
    assert track.at(NOON - timedelta(minutes=60) + timedelta(seconds=7.5)).fix.longitude == -179.5  # not by way of 0


@pytest.mark.parametrize(
    ("text", "told"),
    [("no XML", "received what is none"), (gpx([]), "whose points have times"), ("<gpx/>", "whose points have times")],
)
def test_what_is_no_track_is_told(tmp_path, text, told):
    path = tmp_path / "drive.gpx"
    path.write_text(text)
    with pytest.raises(UserError, match=told) as error:
        open_positions(str(path))
    assert str(error.value).startswith(str(path))


@pytest.mark.parametrize(
    "word", ["missing.gpx", "http://host", "serial://", "serial:///dev/ttyS0?baud=fast", "gpsd://localhost:70000"]
)
def test_what_tells_no_positions_is_told(word):
    with pytest.raises(UserError, match="expected"):
        open_positions(word)
