"""Annotated videos: times, sizes, texts that are the final ones, and files that play after a kill."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace
from functools import partial

import av
import numpy as np
import pytest
from made_up_passages import plate, watch
from tiny_videos import number_of, numbered, write_video

from lp_recognition.system.errors import UserError
from lp_recognition.video import annotated, marks
from lp_recognition.video.annotated import Annotated, VideoFile
from lp_recognition.video.events import Event, KnownMatch
from lp_recognition.video.marks import mark_of
from lp_recognition.video.opening import open_source
from lp_recognition.video.passages import Passages, Visible

UNEVEN = [*[number / 10 for number in range(10)], *[2 + number / 20 for number in range(20)]]
SIZE = (144, 192)


def frames_of(path) -> tuple[list[float], list[np.ndarray]]:
    with av.open(str(path)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
        assert container.streams.video[0].codec_context.name == "h264"
        frames = list(container.decode(video=0))
    return [frame.time for frame in frames], [frame.to_ndarray(format="bgr24") for frame in frames]


def event(text: str, id_: str = "x") -> Event:
    seen = [(number / 10, [plate(text, 100 + 10 * number, 200)]) for number in range(5)]
    return replace(watch(Passages("gate"), seen)[-1], id=id_)


def seen_at(x: float, id_: str | None = "x") -> Visible:
    corners = np.array([(x, 100), (x + 40, 100), (x + 40, 116), (x, 116)], np.float32)
    return Visible(corners, id_, "AB123", 0.9)


def is_near(image: np.ndarray, x: int, y: int, color: tuple[int, int, int]) -> bool:
    """Whether a colour stands at a place, or a pixel beside it."""
    around = image[y - 2 : y + 3, x - 2 : x + 3].astype(int)
    return bool((np.abs(around - color).max(axis=2) < 60).any())


@pytest.fixture
def recording(tmp_path):
    path = write_video(tmp_path / "drive.mp4", UNEVEN, size=SIZE)
    return path, partial(open_source, str(path))


def test_every_frame_is_there_at_its_time(recording, tmp_path):
    path, again = recording
    drawn = Annotated(tmp_path / "out.mp4", again)
    for frame in open_source(str(path), every=3).frames():
        drawn.see(frame, [], [])
    drawn.finish()
    times, images = frames_of(tmp_path / "out.mp4")
    assert times == pytest.approx(UNEVEN[:28], abs=1e-4)  # up to the last one that was looked at
    assert [number_of(image) for image in images] == list(range(28))
    assert [one.name for one in tmp_path.iterdir() if one.suffix != ".mp4" or one.name.startswith(".")] == []


def test_a_recording_shows_the_final_text_and_a_box_that_follows(recording, tmp_path, monkeypatch):
    captions = []
    monkeypatch.setattr(annotated, "draw_marks", lambda image, drawn: captions.append(drawn) or image)
    path, again = recording
    drawn = Annotated(tmp_path / "out.mp4", again)
    start, final = event("AB128"), event("AB123")
    for frame in open_source(str(path), every=3).frames():
        if 6 <= frame.number <= 18:
            drawn.see(frame, [seen_at(10 * frame.number)], [start] if frame.number == 6 else [])
        else:
            drawn.see(frame, [], [])
    drawn.finish([final])
    assert [number for number, drawn_marks in enumerate(captions) if drawn_marks] == list(range(6, 19))
    for number in range(6, 19):
        [mark] = captions[number]
        assert mark.caption.startswith("AB123 ")
        assert mark.corners[0, 0] == pytest.approx(10 * number)  # between looks, too


def test_known_plates_are_of_another_colour_and_show_their_record(recording, tmp_path):
    path, again = recording
    known = KnownMatch("AB123", "exact", note="resident", record={"flat": "12", "phone": ""})
    drawn = Annotated(tmp_path / "out.mp4", again)
    for frame in open_source(str(path)).frames():
        drawn.see(frame, [seen_at(20, "known"), seen_at(120, "other"), Visible(seen_at(70).corners, None, "", 0)], [])
    answers = [replace(event("AB123", "known"), known=known), event("CD456", "other")]
    drawn.finish(answers)
    assert mark_of(seen_at(20).corners, answers[0]).caption.split("\n")[1] == "resident · 12"
    assert mark_of(seen_at(20).corners, None).caption == ""
    _, images = frames_of(tmp_path / "out.mp4")
    assert is_near(images[5], 40, 116, marks.KNOWN)
    assert is_near(images[5], 140, 116, marks.UNKNOWN)


def test_a_camera_shows_the_answer_so_far(tmp_path, monkeypatch):
    captions = []
    monkeypatch.setattr(annotated, "draw_marks", lambda image, drawn: captions.append(drawn) or image)
    drawn = Annotated(tmp_path / "out.mp4", None)
    frames = list(open_source(str(write_video(tmp_path / "a.mp4", UNEVEN))).frames())
    for frame in frames[3:8]:
        seen = replace(frame, position_s=None)
        drawn.see(seen, [seen_at(5)], [replace(event("AB128"), type="start")] if frame.number == 3 else [])
    drawn.finish()
    times, _ = frames_of(tmp_path / "out.mp4")
    assert times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4], abs=1e-4)
    assert all(drawn_marks[0].caption.startswith("AB128") for drawn_marks in captions)


@pytest.mark.parametrize("size", [(49, 65), (48, 65), (51, 64)])
def test_odd_sizes_are_cut_to_even_ones(tmp_path, size):
    video = VideoFile(tmp_path / "a.mp4")
    for number in range(3):
        video.write(numbered(number, size), number / 10)
    video.write(numbered(3, (96, 128)), 0.2)  # of another size, and not later
    video.close()
    times, images = frames_of(tmp_path / "a.mp4")
    assert {image.shape for image in images} == {(size[0] // 2 * 2, size[1] // 2 * 2, 3)}
    assert len(times) == 4
    assert times == sorted(set(times))


def test_what_is_written_so_far_plays_before_the_end(tmp_path):
    video = VideoFile(tmp_path / "a.mp4")
    grain = np.random.default_rng(1)
    for number in range(200):
        video.write(grain.integers(0, 256, (48, 64, 3), np.uint8), number / 10)
    [unfinished] = tmp_path.glob(".a.*.mp4")
    shutil.copy(unfinished, tmp_path / "killed.mp4")
    assert not (tmp_path / "a.mp4").exists()
    source = open_source(str(tmp_path / "killed.mp4"))
    with contextlib.suppress(UserError):  # it ends too early
        list(source.frames())
    assert 50 < source.captured < 200
    video.close()
    assert len(frames_of(tmp_path / "a.mp4")[0]) == 200


def test_a_video_without_frames_is_none(tmp_path):
    drawn = Annotated(tmp_path / "a.mp4", None)
    drawn.finish()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        Annotated(tmp_path / "file" / "a.mp4", None)
