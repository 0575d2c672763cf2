"""Pictures in memory: arrays in both orders of colours, and images of Pillow, known by their face."""

from __future__ import annotations

import numpy as np
import pytest

from lp_recognition.images.arrays import as_image
from lp_recognition.system.errors import ImageError

BGR = np.random.default_rng(0).integers(0, 256, (20, 60, 3), dtype=np.uint8)
OPACITY = np.tile(np.arange(60, dtype=np.uint8) * 4, (20, 1))


class Picture:
    """As much of an image of Pillow as is looked at."""

    def __init__(self, mode: str, array: np.ndarray, exif: dict[int, int] | None = None, info: dict | None = None):
        self.mode, self.array, self.exif, self.info = mode, array, exif or {}, info or {}
        self.size = array.shape[1::-1]

    def getbands(self) -> tuple[str, ...]:
        return tuple(self.mode)

    def getexif(self) -> dict[int, int]:
        return self.exif

    def convert(self, mode: str) -> np.ndarray:
        if mode == "RGB":
            return self.array if self.array.ndim == 3 else np.repeat(self.array[:, :, None], 3, axis=2)
        return self.array if self.array.shape[2] == 4 else np.dstack([self.array, np.full(self.array.shape[:2], 255)])

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self.array


def test_a_picture_in_either_order():
    assert np.array_equal(as_image(BGR), BGR)
    assert np.array_equal(as_image(BGR[:, :, ::-1], "rgb"), BGR)
    assert as_image(BGR[:, :, ::-1], "rgb").flags.c_contiguous
    for gray in (BGR[:, :, 0], BGR[:, :, :1]):
        assert np.array_equal(as_image(gray, "rgb"), gray)


@pytest.mark.parametrize("color", ["bgr", "rgb"])
def test_pillow_knows_its_colors(color):
    assert np.array_equal(as_image(Picture("RGB", BGR[:, :, ::-1]), color), BGR)
    gray = as_image(Picture("L", BGR[:, :, 0]), color)
    assert np.array_equal(gray, np.repeat(BGR[:, :, :1], 3, axis=2))


def test_pillow_with_transparency_lies_on_white():
    rgba = np.dstack([BGR[:, :, ::-1], OPACITY])
    image = as_image(Picture("RGBA", rgba))
    share = OPACITY[:, :, None] / 255
    assert np.abs(image - (BGR * share + 255 * (1 - share))).max() <= 0.5
    palette = Picture("P", np.dstack([BGR[:, :, ::-1], 255 * (OPACITY > 9)]).astype(np.uint8), info={"transparency": 3})
    assert (as_image(palette)[OPACITY <= 9] == 255).all()


def test_pillow_of_16_bits_is_shown_in_its_range():
    tens = BGR[:, :, 0].astype(np.uint16) << 2
    tens[0, 0] = 1023
    image = as_image(Picture("I;16", tens))
    assert np.array_equal(image[1:, :, 2], BGR[1:, :, 0])


def test_pillow_is_turned_upright():
    assert np.array_equal(as_image(Picture("RGB", BGR[:, :, ::-1], {274: 6})), np.rot90(BGR, -1))


def test_a_large_picture_of_pillow_is_not_decoded():
    picture = Picture("RGB", BGR)
    picture.size = (20_000, 20_000)
    picture.convert = None
    with pytest.raises(ImageError, match="received 20000x20000 pixels"):
        as_image(picture)


def test_a_file_that_pillow_cannot_read_is_named_so():
    class Broken(Picture):
        def convert(self, mode: str) -> np.ndarray:
            raise OSError("image file is truncated")

    with pytest.raises(ImageError, match="expected an image, received one that Pillow cannot read: image"):
        as_image(Broken("RGB", BGR))


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "LA", "CMYK", "1", "I;16", "YCbCr", "PA"])
def test_real_images_of_pillow(mode):
    module = pytest.importorskip("PIL.Image")
    image = module.fromarray(np.ascontiguousarray(BGR[:, :, ::-1]))
    converted = image.convert("L").convert(mode) if mode in ("I;16", "LA", "PA") else image.convert(mode)
    assert as_image(converted).shape == BGR.shape
    if mode in ("RGB", "RGBA"):
        assert np.array_equal(as_image(converted), BGR)


@pytest.mark.parametrize("picture", [None, 5, b"bytes", [[1, 2]], np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4)),
                                     np.zeros((4, 4), bool), np.zeros((4, 4), np.uint16), np.zeros((0, 4), np.uint8),
                                     np.zeros((), np.uint8), np.array([["a"]])])  # fmt: skip
def test_anything_else_is_refused(picture):
    with pytest.raises(ImageError, match=r"expected a file, an image of Pillow, or a uint8 image of shape .* received"):
        as_image(picture)
