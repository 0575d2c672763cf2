"""Folders of glyph pictures: dark or bright ink alike, shared with the other sources, narrow characters kept narrow."""

from __future__ import annotations

from pathlib import Path
from random import Random

import cv2
import numpy as np
import pytest

from lp_recognition.images.image import write_image
from lp_recognition.plates import Degradations, FontError, PlateGenerator, load_format
from lp_recognition.plates.glyph_pictures import characters_of, pictured
from lp_recognition.plates.glyphs import GlyphBook

PROVINCES = load_format("cn_blue").alphabets["P"].characters
BOX = (45, 90)


def cross(width: int, height: int, frame: int = 0) -> np.ndarray:
    """Coverage of a cross that reaches the edges, within a frame."""
    inner = np.zeros((height, width), np.uint8)
    inner[height // 2 - height // 10 : height // 2 + height // 10] = 255
    inner[:, width // 2 - width // 8 : width // 2 + width // 8] = 255
    return cv2.copyMakeBorder(inner, frame, frame, frame, frame, cv2.BORDER_CONSTANT, value=0)


def picture(cover: np.ndarray, ink: tuple[int, int, int], behind: tuple[int, int, int]) -> np.ndarray:
    share = cover[:, :, None] / 255
    return np.asarray(share * ink + (1 - share) * behind, np.uint8)


def folder_of(folder: Path, pictures: dict[str, np.ndarray], name: str = "one.png") -> str:
    for character, image in pictures.items():
        (folder / character).mkdir(parents=True, exist_ok=True)
        write_image(folder / character / name, image)
    return str(folder)


def test_dark_and_bright_ink_give_the_same_mask(tmp_path):
    cover = cross(30, 60, frame=6)
    masks = [
        pictured(folder_of(tmp_path / name, {"京": picture(cover, *colors)}), "京", BOX, Random(1))
        for name, colors in {"a": ((250, 250, 250), (160, 60, 20)), "b": ((10, 10, 10), (20, 180, 220))}.items()
    ]
    assert masks[0].shape == (60, 30)  # the frame is cut off
    assert np.abs(masks[0].astype(int) - masks[1]).max() <= 3
    assert np.abs(masks[0].astype(int) - cross(30, 60)).max() <= 3


def test_ink_is_told_by_all_characters_of_a_kind(tmp_path):
    """An E that is cut tightly has ink along most of its edge; others drawn alike tell what its ink is."""
    e = np.zeros((60, 30), np.uint8)
    e[:, :14] = e[:10] = e[25:35] = e[50:] = 255
    white = (255, 255, 255)
    pictures = {name: picture(cross(30, 60, 4), (0, 0, 0), white) for name in "ABCDF"}
    folder = folder_of(tmp_path, {**pictures, "E": picture(e, (0, 0, 0), white)})
    assert np.abs(pictured(folder, "E", BOX, Random(1)).astype(int) - e).max() <= 3


def test_pictures_of_about_the_box_s_shape_are_taken(tmp_path):
    folder = folder_of(tmp_path, {"京": picture(cross(30, 60), (0, 0, 0), (255,) * 3)}, "tall.png")
    folder_of(tmp_path, {"京": picture(cross(80, 60), (0, 0, 0), (255,) * 3)}, "wide.png")
    assert {pictured(folder, "京", (45, 90), Random(seed)).shape for seed in range(8)} == {(60, 30)}
    assert {pictured(folder, "京", (80, 60), Random(seed)).shape for seed in range(8)} == {(60, 80)}
    assert characters_of(folder) == {"京"}


def test_narrow_letters_stay_narrow_and_chinese_characters_fill_their_box(tmp_path):
    bar = picture(cross(12, 90), (0, 0, 0), (255,) * 3)
    folder = folder_of(tmp_path, {"1": bar, "京": bar})
    book = GlyphBook(load_format("cn_blue").lettering, 0.12, None, [folder] * 50)
    widths = {}
    for character in "1京":
        mask, padding = book.mask(3, character, *BOX)
        ink = np.flatnonzero(mask[padding : padding + BOX[1]].max(axis=0) > 60)
        widths[character] = int(ink[-1] - ink[0] + 1)
    assert widths["1"] <= 14
    assert widths["京"] >= 40


def test_folders_share_letters_and_provinces_with_the_other_sources(tmp_path):
    block = picture(cross(44, 88), (0, 0, 0), (255,) * 3)
    folder = folder_of(tmp_path, dict.fromkeys([*PROVINCES, *"0123456789"], block))
    usual = PlateGenerator(["cn_blue"], size=(48, 188), degradations=Degradations().only("lettering"))
    extra = PlateGenerator(
        ["cn_blue"], size=(48, 188), degradations=Degradations().only("lettering"), extra_fonts=[folder]
    )
    pairs = [(usual.draw(i), extra.draw(i)) for i in range(60)]
    assert [a.label for a, _ in pairs] == [b.label for _, b in pairs]
    first, rest = (
        sum(not np.array_equal(a.image[:, part], b.image[:, part]) for a, b in pairs)
        for part in (slice(0, 26), slice(60, 188))
    )
    assert 12 <= first <= 42  # of two sources
    assert 12 <= rest <= 42


def test_a_folder_without_characters_is_refused(tmp_path):
    (tmp_path / "pictures").mkdir()
    with pytest.raises(FontError, match=r"pictures: expected pictures of characters, as pictures/京/one.png"):
        PlateGenerator(["cn_blue"], extra_fonts=[tmp_path / "pictures"])
