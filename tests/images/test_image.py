"""Images: reading in spite of strange names and hostile bytes, preprocessing, and the 8-bit contract."""

from __future__ import annotations

import os
import pickle
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lp_recognition.images import image as image_module
from lp_recognition.images.image import Preprocessing, decode_image, read_image, write_image
from lp_recognition.images.memory import MemoryBudget
from lp_recognition.system.errors import ImageError

SYMMETRIC = Preprocessing((24, 94, 3), symmetric_range=True, convert_to_gray=False)
POSITIVE = Preprocessing((24, 94, 3), symmetric_range=False, convert_to_gray=False)
ALL_PIXELS = np.arange(256, dtype=np.uint8)


def picture(height: int = 30, width: int = 100, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


#: How files of each format begin.
STARTS = [
    b"", b"\xff\xd8\xff", b"BM", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBPVP8X", b"II*\0\x08\0\0\0", b"MM\0*", b"GIF89a",
    b"P4 ", b"P6 3 3 255\n", b"P2 3 3 9\n", b"P7\nWIDTH 3\nHEIGHT 3\n", b"Pf\n3 3\n-1\n", b"#?RGBE\n",
    b"\x59\xa6\x6a\x95",
]  # fmt: skip


def encoded(kind: str, image: np.ndarray) -> bytes:
    """An image as a file; GIF, which not every OpenCV can write, by hand."""
    if kind == ".gif":
        return gif(image[:, :, 0] >> 1)
    if kind in (".hdr", ".pfm"):
        image = image.astype(np.float32) / 255
    done, data = cv2.imencode(kind, image)
    assert done
    return data.tobytes()


def gif(indices: np.ndarray) -> bytes:
    """Gray of 128 steps, not compressed: codes of 8 bits, and a clear code before the table makes them longer."""
    height, width = indices.shape
    palette = bytes(np.repeat(np.arange(0, 256, 2, dtype=np.uint8), 3))
    rows = indices.tobytes()
    codes = b"".join(b"\x80" + rows[start : start + 100] for start in range(0, len(rows), 100)) + b"\x81"
    blocks = b"".join(bytes([len(codes[at : at + 255])]) + codes[at : at + 255] for at in range(0, len(codes), 255))
    size = struct.pack("<HH", width, height)
    return b"GIF89a" + size + b"\xf6\0\0" + palette + b",\0\0\0\0" + size + b"\0\x07" + blocks + b"\0;"


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


def test_gray_files_are_read_as_bgr(tmp_path):
    gray = picture()[:, :, 0]
    cv2.imwrite(str(tmp_path / "gray.png"), gray)
    assert np.array_equal(read_image(tmp_path / "gray.png"), np.repeat(gray[:, :, None], 3, axis=2))


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
    with pytest.raises(ImageError, match=rf"bomb\.png: expected a smaller image, received {size[0]}x{size[1]} pixels"):
        decode_image(png_header(*size), "bomb.png")


def test_the_bound_is_that_of_all_formats(monkeypatch):
    monkeypatch.setattr(image_module, "MAX_PIXELS", 2999)
    for kind in (".png", ".jpg", ".bmp", ".webp", ".tiff", ".ppm", ".pam", ".pfm", ".hdr", ".ras", ".gif"):
        data = encoded(kind, picture(30, 100))
        with pytest.raises(ImageError, match="x: expected a smaller image, received 100x30 pixels; shrink it"):
            decode_image(data, "x")


def test_a_long_and_narrow_picture_is_refused():
    with pytest.raises(ImageError, match="received 1x65536 pixels"):
        decode_image(png_header(1, 65_536), "x")


def test_the_memory_is_bounded_as_well_as_the_pixels(monkeypatch):
    monkeypatch.setattr(image_module, "DECODING", MemoryBudget(100_000))
    data = encoded(".png", np.zeros((100, 160, 3), np.uint8))  # twice 48,000 bytes, and those of the file
    assert decode_image(data, "x").shape == (100, 160, 3)
    deep = encoded(".png", np.zeros((100, 160, 3), np.uint16))
    with pytest.raises(ImageError, match="received 160x100 pixels as PNG, which takes 0 MB to decode"):
        decode_image(deep, "x")


def test_a_large_file_is_refused_unread(monkeypatch, tmp_path):
    monkeypatch.setattr(image_module, "DECODING", MemoryBudget(1_000_000))
    with (tmp_path / "large.jpg").open("wb") as file:  # a hole: it takes no room
        file.write(b"\xff\xd8\xff\xe1\xff\xff")
        file.truncate(1 << 40)
    with pytest.raises(ImageError, match=r"large\.jpg: expected a smaller image, received a file of 1,099,511,627,776"):
        read_image(tmp_path / "large.jpg")
    with (tmp_path / "text.jpg").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ImageError, match=r"text\.jpg: expected an image, received 1099511627776 bytes"):
        read_image(tmp_path / "text.jpg")


def test_a_header_beyond_the_first_bytes_is_found(tmp_path):
    image = picture()
    jpeg = encoded(".jpg", image)
    comments = (b"\xff\xfe\xff\xff" + bytes(65_533)) * 2
    (tmp_path / "x.jpg").write_bytes(jpeg[:2] + comments + jpeg[2:])
    assert np.array_equal(read_image(tmp_path / "x.jpg"), decode_image(jpeg, "x"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "x.jpg")
    with pytest.raises(ImageError, match=r"x\.jpg: expected an image, received a pipe or a device; save it to a file"):
        read_image(tmp_path / "x.jpg")


@pytest.mark.parametrize("kind", [".jpg", ".png", ".bmp", ".webp", ".tiff", ".gif", ".ppm", ".pam", ".hdr", ".ras"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_part_of_a_file_is_refused_in_every_format(kind, share):
    data = encoded(kind, picture())
    if kind == ".gif" and cv2.__version__ < "5":
        return
    assert decode_image(data, "x").shape == (30, 100, 3)
    with pytest.raises(ImageError, match="x: expected an image, received"):
        decode_image(data[: int(share * len(data))], "x")


@pytest.mark.parametrize(
    ("data", "received"),
    [
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\x76\x2f\x31\x01\x02\0\0\0", "OpenEXR"),
        (b"\0\0\0\x20ftypavif\0\0\0\0", "AVIF or HEIC"),
    ],
)
def test_a_format_that_not_every_opencv_reads_safely_is_named(data, received):
    with pytest.raises(ImageError, match=f"x: expected a JPEG, PNG, .*received {received}; save it as PNG or JPEG"):
        decode_image(data, "x")


def test_an_animation_is_not_one_picture():
    png = encoded(".png", picture())
    control = struct.pack(">II", 2, 0)
    chunk = struct.pack(">I", 8) + b"acTL" + control + struct.pack(">I", zlib.crc32(b"acTL" + control))
    with pytest.raises(ImageError, match="x: expected one picture, received an animated PNG; save a frame"):
        decode_image(png[:33] + chunk + png[33:], "x")


def test_a_png_with_a_wrong_checksum_is_refused():
    data = bytearray(encoded(".png", picture()))
    data[-1] ^= 1  # of its last chunk, which OpenCV 5 does not look at
    with pytest.raises(ImageError, match="cannot decode"):
        decode_image(bytes(data), "x")


@given(st.binary(max_size=80), st.sampled_from(STARTS))
@settings(deadline=None, max_examples=300)
def test_any_bytes_are_an_image_or_an_error_of_the_users(data, start):
    try:
        assert decode_image(start + data, "x").dtype == np.uint8
    except ImageError as error:
        assert str(error).startswith("x: expected")


@given(st.sampled_from([".jpg", ".png", ".bmp", ".webp", ".tiff", ".ppm", ".pam", ".hdr", ".ras"]), st.data())
@settings(deadline=None, max_examples=100)
def test_a_damaged_file_is_an_image_or_an_error_and_the_same_each_time(kind, data):
    damaged = bytearray(encoded(kind, picture(9, 20)))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))

    def outcome() -> bytes:
        try:
            return decode_image(bytes(damaged), "x").tobytes()
        except ImageError as error:
            return str(error).encode()

    assert outcome() == outcome()


def test_the_error_of_an_image_comes_back_from_another_process():
    with pytest.raises(ImageError) as raised:
        decode_image(b"", "x.jpg")
    copy = pickle.loads(pickle.dumps(raised.value))
    assert (str(copy), copy.kind, copy.details) == (str(raised.value), "empty image", "0 bytes")


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


@pytest.mark.slow
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
