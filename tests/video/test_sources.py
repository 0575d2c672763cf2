"""Sources: every frame of a file, with its time; the newest of a camera; what is broken is told."""

from __future__ import annotations

import os
import threading
import time
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from tiny_videos import grainy, number_of, numbered, turned, write_video

from lp_recognition.images.image import write_image
from lp_recognition.system.errors import UserError
from lp_recognition.video.opening import open_source
from lp_recognition.video.sources import Captured, Source

TENTHS = [number / 10 for number in range(30)]
#: Phones: 10 frames a second, a pause, 20 frames a second.
UNEVEN = [*TENTHS[:10], *[2 + number / 20 for number in range(20)]]


# ---- Files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        {"name": "plain.mp4"},
        {"name": "plain.mkv"},
        {"name": "plain.ts"},
        {"name": "gray.mp4", "pixels": "gray"},
        {"name": "ten_bits.mp4", "pixels": "yuv420p10le"},
        {"name": "odd.mkv", "codec": "ffv1", "pixels": "bgr0", "size": (49, 67)},
        {"name": "motion.avi", "codec": "mjpeg", "pixels": "yuvj420p", "times": TENTHS},
    ],
    ids=lambda kind: kind["name"],
)
def test_a_file_gives_every_frame_at_its_time(tmp_path, kind):
    kind = dict(kind)
    times = kind.pop("times", UNEVEN)
    path = write_video(tmp_path / kind.pop("name"), times, **kind)
    source = open_source(str(path))
    frames = list(source.frames())
    assert [number_of(frame.image) for frame in frames] == list(range(30))
    assert [frame.number for frame in frames] == list(range(30))
    assert [frame.position_s for frame in frames] == pytest.approx(times, abs=0.0011)  # Matroska counts milliseconds
    assert {frame.image.shape for frame in frames} == {(*kind.get("size", (48, 64)), 3)}
    assert {(frame.image.dtype, frame.source) for frame in frames} == {(np.dtype(np.uint8), path.name)}
    assert (source.state, dict(source.dropped)) == ("ended", {})


def test_frames_are_of_the_time_that_the_file_was_recorded_at(tmp_path):
    path = write_video(tmp_path / "a.mp4", UNEVEN, metadata={"creation_time": "2026-11-01T08:00:00.000000Z"})
    recorded = datetime(2026, 11, 1, 8, tzinfo=timezone.utc)
    expected = [recorded + timedelta(seconds=position) for position in UNEVEN]
    times = [frame.time for frame in open_source(str(path)).frames()]
    assert max(abs(one - other) for one, other in zip(times, expected, strict=True)) < timedelta(milliseconds=1)
    other = write_video(tmp_path / "b.mkv", [0])
    os.utime(other, (1_800_000_000, 1_800_000_000))
    assert [frame.time.timestamp() for frame in open_source(str(other)).frames()] == [1_800_000_000]


def test_a_turned_video_is_shown_upright(tmp_path):
    path = turned(write_video(tmp_path / "phone.mp4", [0]))
    [frame] = open_source(str(path)).frames()
    assert frame.image.shape == (64, 48, 3)
    red = frame.image[..., 2].astype(int) - frame.image[..., 0]
    assert red[:12, -12:].min() > 100  # the corner that was left above is right above
    assert red[:, :24].max() < 30


def test_every_nth_frame_keeps_its_number(tmp_path):
    path = write_video(tmp_path / "a.mp4", TENTHS)
    frames = list(open_source(str(path), every=7).frames())
    assert [(frame.number, number_of(frame.image)) for frame in frames] == [(n, n) for n in range(0, 30, 7)]


@pytest.mark.parametrize("name", ["cut.mkv", "cut.mp4"])
def test_a_truncated_file_gives_its_frames_and_then_the_error(tmp_path, name):
    path = write_video(
        tmp_path / name, TENTHS, picture=grainy, options={"movflags": "faststart"} if "mp4" in name else {}
    )
    path.write_bytes(path.read_bytes()[: int(0.7 * path.stat().st_size)])
    source = open_source(str(path))
    numbers = []
    with pytest.raises(UserError, match=rf"{name}: expected 3.0 s of video, received \d.\d s \(\d+ frames\)"):
        for frame in source.frames():
            numbers.append(number_of(frame.image))
    assert 5 <= len(numbers) < 28
    assert numbers == list(range(len(numbers)))


def test_damage_within_a_file_is_passed_over_and_counted(tmp_path):
    path = write_video(tmp_path / "a.avi", TENTHS, codec="mjpeg", pixels="yuvj420p")
    pieces = path.read_bytes().split(b"\xff\xd8")
    pieces[16] = bytes(len(pieces[16]) - 12) + pieces[16][-12:]  # but not the header of the next frame
    path.write_bytes(b"\xff\xd8".join(pieces))
    source = open_source(str(path))
    assert [number_of(frame.image) for frame in source.frames()] == [n for n in range(30) if n != 15]
    assert source.dropped == {"damaged": 1}


def test_what_is_no_video_is_an_error_of_one_line(tmp_path):
    (tmp_path / "no.mp4").write_text("no video " * 100)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "folder").mkdir()
    for name, expected in {
        "no.mp4": "no.mp4: expected a video, received what is none: invalid data found",
        "empty.mp4": "empty.mp4: expected a video, received what is none",
        "missing.mp4": "expected a video, a folder, an address or a camera's number, received no such file",
        "folder": "expected pictures in this folder",
    }.items():
        with pytest.raises(UserError, match=expected) as error:
            open_source(str(tmp_path / name))
        assert "\n" not in str(error.value)


def test_a_playlist_in_disguise_fetches_nothing(tmp_path):
    target = write_video(tmp_path / "a.ts", TENTHS)
    (tmp_path / "list.mp4").write_text(f"#EXTM3U\n#EXTINF:3,\nhttp://127.0.0.1:9/{target.name}\n#EXT-X-ENDLIST\n")
    with pytest.raises(UserError, match=r"list.mp4: expected a video"):
        list(open_source(str(tmp_path / "list.mp4")).frames())


def test_a_file_that_is_read_slowly_loses_nothing(tmp_path):
    source = open_source(str(write_video(tmp_path / "a.mp4", TENTHS)))
    source.start()
    time.sleep(0.2)
    assert source.captured < 10  # it waits
    assert [frame.number for frame in source.frames()] == list(range(30))


def test_a_file_that_is_closed_ends(tmp_path):
    source = open_source(str(write_video(tmp_path / "a.mp4", TENTHS)))
    frames = source.frames()
    next(frames)
    source.close()
    assert len(list(frames)) < 10
    assert source.is_over


# ---- Folders -------------------------------------------------------------------------------------------------------


def exif(moment: str, offset: str = "") -> bytes:
    """A JPEG's segment that says when a picture was taken."""
    texts = [(0x9003, moment)] + ([(0x9011, offset)] if offset else [])
    start, place = 26, 26 + 2 + 12 * len(texts) + 4
    entries, values = b"", b""
    for tag, text in texts:
        value = text.encode() + b"\0"
        entries += tag.to_bytes(2, "big") + b"\0\2" + len(value).to_bytes(4, "big") + place.to_bytes(4, "big")
        values, place = values + value, place + len(value)
    pointer = b"\x87\x69\0\4\0\0\0\1" + start.to_bytes(4, "big")
    tiff = b"MM\0*\0\0\0\x08\0\1" + pointer + bytes(4) + len(texts).to_bytes(2, "big") + entries + bytes(4) + values
    block = b"Exif\0\0" + tiff
    return b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block


def test_a_folder_gives_its_pictures_by_name_at_the_time_they_were_taken(tmp_path):
    for number in (2, 0, 1):
        write_image(tmp_path / f"{number}.jpg", numbered(number))
    data = (tmp_path / "1.jpg").read_bytes()
    (tmp_path / "1.jpg").write_bytes(data[:2] + exif("2026:11:01 10:00:00", "+02:00") + data[2:])
    (tmp_path / "broken.jpg").write_bytes(data[:100])
    os.utime(tmp_path / "0.jpg", (1_800_000_000, 1_800_000_000))
    source = open_source(str(tmp_path), name="lot")
    frames = list(source.frames())
    assert [(frame.number, number_of(frame.image), frame.source) for frame in frames] == [
        (n, n, "lot") for n in (0, 1, 2)
    ]
    assert frames[0].time.timestamp() == 1_800_000_000
    assert frames[1].time == datetime(2026, 11, 1, 8, tzinfo=timezone.utc)
    assert (source.total, source.dropped) == (4, {"unreadable": 1})


# ---- Live ----------------------------------------------------------------------------------------------------------


def test_of_a_live_source_the_newest_frame_is_kept_and_the_others_are_counted():
    converted, go_on = [], threading.Event()

    def capture(source):
        for number in range(10):
            yield Captured(
                datetime.now(timezone.utc), number, None, "x", lambda n=number: converted.append(n) or numbered(n)
            )
            if number in (0, 8):
                go_on.wait(10)
                go_on.clear()

    source = Source("x", capture, is_live=True)
    frames = source.frames()
    assert next(frames).number == 0
    go_on.set()
    while source.captured < 9:
        time.sleep(0.001)
    assert next(frames).number == 8
    go_on.set()
    assert [frame.number for frame in frames] == [9]
    assert source.dropped == {"reader slower": 7}
    assert converted == [0, 8, 9]  # what is dropped costs no conversion
