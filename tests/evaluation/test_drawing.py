"""Pictures of readings: their size, their marks, and the text on them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lp_recognition.evaluation import drawing as visualize
from lp_recognition.evaluation.drawing import draw_reading
from lp_recognition.images.canvas import contact_sheet

GREEN, RED = visualize._GREEN, visualize._RED


def crop(height: int = 24, width: int = 94, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)


@pytest.fixture(params=["new", "old"])
def fonts(request, monkeypatch):
    """Both ways of drawing: with the fonts of OpenCV 5, and as an older OpenCV does it."""
    if request.param == "old":
        monkeypatch.setattr("lp_recognition.images.canvas.builtin_font", lambda chinese: None)
    elif not hasattr(cv2, "FontFace"):
        pytest.skip("this OpenCV has no built-in fonts")
    return request.param


@pytest.mark.parametrize("image", [crop(), crop()[:, :, 0], crop(channels=1), crop(400, 900), crop(90, 20), crop(1, 1)])
def test_pictures_have_one_width_and_show_the_image(image, fonts):
    picture = draw_reading(image, "AB1", 0.5, (0.9, 0.6, 0.1))
    assert picture.dtype == np.uint8
    assert picture.shape[1:] == (400, 3)
    assert 60 < picture.shape[0] < 300


def test_image_is_enlarged_on_top():
    image = np.full((24, 94, 3), (10, 200, 30), np.uint8)
    picture = draw_reading(image, "A", 1, (1,))
    assert (picture[:102] == (10, 200, 30)).all()  # 24 * 400 / 94


def test_mark_tells_right_from_wrong(fonts):
    plain = draw_reading(crop(), "A1", 0.5, (0.7, 0.7))
    right = draw_reading(crop(), "A1", 0.5, (0.7, 0.7), label="A1")
    wrong = draw_reading(crop(), "A1", 0.5, (0.7, 0.7), label="A2")
    assert tuple(right[-1, 0]) == GREEN
    assert tuple(wrong[-1, 0]) == RED
    assert tuple(plain[-1, 0]) == (255, 255, 255)
    assert right.shape == plain.shape
    assert wrong.shape[0] > right.shape[0]  # room for the label


def test_bars_are_as_long_as_confidences_are_high():
    def colored(share: float) -> int:
        panel = draw_reading(crop(), "A", 1, (share,))[102:]
        return max(int((panel == color).all(axis=2).sum(axis=1).max()) for color in (GREEN, visualize._AMBER, RED))

    lengths = [colored(share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert lengths == sorted(set(lengths))
    assert lengths[-1] == 30


def test_chinese_looks_different_from_what_opencv_cannot_draw(fonts):
    pictures = [draw_reading(crop(), text, 1, (1.0,)) for text in ("京", "沪", "A")]
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_name_and_character_look_the_same(fonts):
    by_name, by_character = (draw_reading(crop(), text, 1, (1.0, 1.0)) for text in ("<Beijing>A", "京A"))
    assert np.array_equal(by_name, by_character)


def test_unknown_characters_are_marked_on_an_older_opencv(monkeypatch):
    monkeypatch.setattr("lp_recognition.images.canvas.builtin_font", lambda chinese: None)
    assert visualize._shown("京") == "<Beijing>"
    assert visualize._shown("가") == "<?>"
    assert visualize._shown("A") == "A"


def test_long_texts_take_more_rows_and_empty_ones_say_so(fonts):
    short, long = (draw_reading(crop(), "A" * n, 1, (1.0,) * n) for n in (5, 40))
    assert long.shape[0] > short.shape[0]
    nothing = draw_reading(crop(), "", 0.9, ())
    assert nothing.shape[1] == 400
    assert (nothing[102:] != 255).any()


def test_the_image_is_left_as_it_was():
    image = crop()
    before = image.copy()
    draw_reading(image, "A", 1, (1,), label="B")
    assert np.array_equal(image, before)


def test_a_confidence_for_every_symbol():
    with pytest.raises(ValueError, match="expected 2 confidences for '<Beijing>A', received 1"):
        draw_reading(crop(), "<Beijing>A", 1, (1.0,))


def test_contact_sheet_holds_every_picture():
    pictures = [np.full((10 + i, 40, 3), 10 * i, np.uint8) for i in range(5)]
    sheet = contact_sheet(pictures, 2)
    for i, picture in enumerate(pictures):
        assert (sheet == 10 * i).all(axis=2).sum() == picture.shape[0] * 40
    assert sheet.shape == (11 + 13 + 14 + 4 * 14, 2 * 40 + 3 * 14, 3)
    assert contact_sheet(pictures[:1], 4).shape == (10 + 28, 40 + 28, 3)


def test_a_sheet_needs_pictures_and_columns():
    with pytest.raises(ValueError, match="received 0 and 3"):
        contact_sheet([], 3)
    with pytest.raises(ValueError, match="received 1 and 0"):
        contact_sheet([crop()], 0)
