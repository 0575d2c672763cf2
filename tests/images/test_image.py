"""Images: reading in spite of strange names and hostile bytes, preprocessing, and the 8-bit contract."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lp_recognition.images import image as image_module
from lp_recognition.images.image import Preprocessing, _claimed_size, decode_image, read_image, write_image
from lp_recognition.system.errors import ImageError

SYMMETRIC = Preprocessing((24, 94, 3), symmetric_range=True, convert_to_gray=False)
POSITIVE = Preprocessing((24, 94, 3), symmetric_range=False, convert_to_gray=False)
ALL_PIXELS = np.arange(256, dtype=np.uint8)


def picture(height: int = 30, width: int = 100, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return start + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", ["plain.png", "with space.png", "京A12345.png", "a#b%20[1].png", "ünï.png"])
def test_images_come_back_under_any_name(tmp_path, name):
    write_image(tmp_path / name, picture())
    assert np.array_equal(read_image(tmp_path / name), picture())
    assert np.array_equal(read_image(str(tmp_path / name)), picture())


def test_gray_and_transparent_files_are_read_as_bgr(tmp_path):
    gray = picture()[:, :, 0]
    cv2.imwrite(str(tmp_path / "gray.png"), gray)
    cv2.imwrite(str(tmp_path / "alpha.png"), np.dstack([picture(), gray]))
    assert np.array_equal(read_image(tmp_path / "gray.png"), np.repeat(gray[:, :, None], 3, axis=2))
    assert np.array_equal(read_image(tmp_path / "alpha.png"), picture())


@pytest.mark.parametrize("data", [b"", b"no image", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_refused_by_name(data, tmp_path):
    (tmp_path / "x.jpg").write_bytes(data)
    with pytest.raises(ImageError, match=rf"x\.jpg: expected an image, received {len(data)} bytes"):
        read_image(tmp_path / "x.jpg")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(ImageError, match=r"none\.jpg: expected an image, .*No such file"):
        read_image(tmp_path / "none.jpg")
    with pytest.raises(ImageError, match="expected an image"):
        read_image(tmp_path)


@pytest.mark.parametrize("size", [(20_000, 20_000), (100_000, 100_000), (2**31, 2**31)])
def test_a_file_that_claims_a_giant_picture_is_refused(size):
    with pytest.raises(ImageError, match=rf"bomb\.png: expected a plate crop, received {size[0]}x{size[1]} pixels"):
        decode_image(png_header(*size), "bomb.png")


@pytest.mark.parametrize("kind", [".png", ".jpg", ".bmp"])
def test_a_claim_is_known_before_decoding(kind):
    _, data = cv2.imencode(kind, picture(30, 100))
    assert _claimed_size(data.tobytes()) == (100, 30)
    assert decode_image(data.tobytes(), "x").shape == (30, 100, 3)
    for length in range(0, len(data), 11):
        assert _claimed_size(data.tobytes()[:length]) in ((0, 0), (100, 30))


def test_other_formats_make_no_claim_and_are_checked_once_decoded(monkeypatch):
    _, data = cv2.imencode(".webp", picture(30, 100))
    assert _claimed_size(data.tobytes()) == (0, 0)
    monkeypatch.setattr(image_module, "MAX_PIXELS", 2999)
    with pytest.raises(ImageError, match="received 100x30 pixels"):
        decode_image(data.tobytes(), "x")


@given(st.binary(max_size=60), st.sampled_from([b"", b"\xff\xd8", b"BM", b"\x89PNG\r\n\x1a\n"]))
@settings(deadline=None)
def test_any_bytes_make_some_claim(data, start):
    assert len(_claimed_size(start + data)) == 2


def test_writing_needs_a_known_suffix_and_harms_nothing(tmp_path):
    write_image(tmp_path / "a.png", picture())
    with pytest.raises(ImageError, match=r"ending in \.jpg or \.png, received '\.xyz'"):
        write_image(tmp_path / "a.xyz", picture())
    with pytest.raises(ImageError, match="received ''"):
        write_image(tmp_path / "a", picture())
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("shape", [(24, 94, 3), (24, 94, 1), (32, 128, 3), (48, 96, 1)])
@pytest.mark.parametrize("image", [picture(), picture()[:, :, 0], picture()[:, :, :1], picture(7, 500), picture(400, 9),
                                   picture(1, 1), picture(24, 94)])  # fmt: skip
@pytest.mark.parametrize("convert_to_gray", [False, True])
def test_any_crop_becomes_the_networks_input(image, shape, convert_to_gray):
    prepared = Preprocessing(shape, True, convert_to_gray).prepare(image)
    assert prepared.shape == shape
    assert prepared.dtype == np.uint8
    if convert_to_gray:
        assert (prepared == prepared[:, :, :1]).all()


def test_a_crop_of_the_right_size_is_left_alone():
    assert np.array_equal(SYMMETRIC.prepare(picture(24, 94)), picture(24, 94))


def test_gray_is_the_same_on_one_and_three_channels():
    one, three = (Preprocessing((24, 94, channels), True, True).prepare(picture()) for channels in (1, 3))
    assert np.array_equal(np.repeat(one, 3, axis=2), three)
    color = np.zeros((24, 94, 3), np.uint8)
    color[:, :, 2] = 255  # red in BGR: 0.299
    assert (Preprocessing((24, 94, 1), True, False).prepare(color) == 76).all()


def test_shrinking_averages_and_does_not_alias():
    stripes = np.zeros((48, 188, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.abs(SYMMETRIC.prepare(stripes).astype(int) - 128).max() <= 1


@given(st.integers(24, 130), st.integers(94, 400), st.sampled_from([1, 3]), st.integers(0, 2**32))
@settings(deadline=None, max_examples=30)
def test_shrinking_is_the_exact_mean_with_halves_up(height, width, channels, seed):
    image = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    enlarged = np.repeat(np.repeat(image.astype(np.int64), 24, axis=0), 94, axis=1)  # each part is now whole pixels
    sums = enlarged.reshape(24, height, 94, width, channels).sum(axis=(1, 3))
    expected = (2 * sums + height * width) // (2 * height * width)
    assert np.array_equal(Preprocessing((24, 94, channels), True, False).prepare(image), expected)


def test_shrinking_a_photograph_loses_no_digit():
    white = np.full((480, 1880, 3), 255, np.uint8)
    white[::2] = 254
    assert (SYMMETRIC.prepare(white) == 255).all()  # halves are rounded up


@pytest.mark.parametrize(("preprocessing", "low"), [(SYMMETRIC, -128 / 127), (POSITIVE, 0.0)])
def test_value_range(preprocessing, low):
    values = preprocessing.normalize(ALL_PIXELS)
    assert values.dtype == np.float32
    assert preprocessing.value_range == pytest.approx((low, 1))
    assert (values[0], values[-1]) == pytest.approx((low, 1))
    assert values[preprocessing.zero_point] == 0


@given(st.integers(0, 255), st.sampled_from([SYMMETRIC, POSITIVE]))
@settings(deadline=None)
def test_pixels_come_back_from_real_values(pixel, preprocessing):
    value = preprocessing.normalize(np.array([pixel], np.uint8))[0]
    assert round(float(value) / preprocessing.scale) + preprocessing.zero_point == pixel


def test_the_contract_of_the_converter():
    # --mean_values=128 --std_dev_values=127: real = (q - 128) / 127
    assert (SYMMETRIC.zero_point, SYMMETRIC.scale) == (128, 1 / 127)
    assert SYMMETRIC.normalize(ALL_PIXELS) == pytest.approx((ALL_PIXELS.astype(float) - 128) / 127)
    assert POSITIVE.normalize(ALL_PIXELS) == pytest.approx(ALL_PIXELS / 255)
