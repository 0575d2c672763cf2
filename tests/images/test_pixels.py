"""Pixels of any depth and transparency become 8-bit BGR: opaque ones of 8 bits as they are, and ink shows."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lp_recognition.images.image import decode_image
from lp_recognition.images.pixels import to_bgr, turn

BGR = np.random.default_rng(0).integers(0, 256, (30, 100, 3), dtype=np.uint8)
OPACITY = np.tile(np.arange(100, dtype=np.uint8) * 2, (30, 1))


def on_white(colors: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """Colours over white in real numbers."""
    share = opacity[:, :, None] / 255
    return colors * share + 255 * (1 - share)


def encoded(kind: str, image: np.ndarray) -> bytes:
    done, data = cv2.imencode(kind, image)
    assert done
    return data.tobytes()


def decoded(kind: str, image: np.ndarray) -> np.ndarray:
    return decode_image(encoded(kind, image), "x")


def png(width: int, height: int, depth: int, color: int, rows: bytes, **chunks: bytes) -> bytes:
    """A PNG of given rows, each with its filter byte before it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    more = b"".join(chunk(kind.encode(), data) for kind, data in chunks.items())
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", [".png", ".bmp", ".webp", ".tiff", ".ppm", ".ras"])
def test_opaque_pixels_of_8_bits_are_left_alone(kind):
    data = (
        encoded(kind, BGR) if kind != ".webp" else cv2.imencode(kind, BGR, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()
    )
    assert np.array_equal(decode_image(data, "x"), BGR)


@pytest.mark.parametrize("quality", [30, 95])
def test_a_jpeg_is_what_opencv_makes_of_it(quality):
    data = cv2.imencode(".jpg", BGR, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    assert np.array_equal(decode_image(data.tobytes(), "x"), cv2.imdecode(data, cv2.IMREAD_COLOR))


@pytest.mark.parametrize("kind", [".png", ".bmp", ".webp", ".tiff", ".pam"])
def test_full_opacity_changes_nothing(kind):
    image = np.dstack([BGR, np.full_like(OPACITY, 255)])
    if kind == ".pam":
        image = image[:, :, [2, 1, 0, 3]]  # OpenCV writes PAM as the array has it
        assert np.array_equal(decode_image(pam(image, 255), "x"), BGR)
        return
    options = [cv2.IMWRITE_WEBP_QUALITY, 101] if kind == ".webp" else []
    assert np.array_equal(decode_image(cv2.imencode(kind, image, options)[1].tobytes(), "x"), BGR)


def pam(image: np.ndarray, maximum: int) -> bytes:
    height, width, channels = image.shape
    kind = {1: "GRAYSCALE", 2: "GRAYSCALE_ALPHA", 3: "RGB", 4: "RGB_ALPHA"}[channels]
    header = f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {channels}\nMAXVAL {maximum}\nTUPLTYPE {kind}\nENDHDR\n"
    return header.encode() + (image.astype(">u2") if maximum > 255 else image).tobytes()


def bmp(bgra: np.ndarray) -> bytes:
    """A bitmap with a mask for opacity, which not every OpenCV writes."""
    height, width = bgra.shape[:2]
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    info = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, 0, 0, 0, 0, 0) + masks + b"BGRs" + bytes(48)
    return b"BM" + struct.pack("<IHHI", 122 + bgra.size, 0, 0, 122) + info + bgra[::-1].tobytes()


@pytest.mark.parametrize("encode", [bmp, lambda bgra: encoded(".png", bgra)])
def test_transparent_pixels_lie_on_white(encode):
    image = decode_image(encode(np.dstack([BGR, OPACITY])), "x")
    assert np.abs(image - on_white(BGR, OPACITY)).max() <= 0.5


def test_black_ink_on_a_transparent_ground_can_be_read():
    ink = np.zeros((30, 100, 4), np.uint8)
    ink[10:20, 40:60, 3] = 255
    lossless = cv2.imencode(".webp", ink, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()
    for data in (encoded(".png", ink), encoded(".tiff", ink), bmp(ink), lossless):
        image = decode_image(data, "x")
        assert (image[10:20, 40:60] == 0).all()
        image[10:20, 40:60] = 255
        assert (image == 255).all()


def test_transparency_of_16_bits():
    image = decoded(".png", np.dstack([BGR, OPACITY]).astype(np.uint16) * 257)
    assert np.abs(image - on_white(BGR, OPACITY)).max() <= 1


def test_gray_with_opacity():
    gray = BGR[:, :, 0]
    samples = np.dstack([gray, OPACITY])
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    expected = on_white(np.repeat(gray[:, :, None], 3, axis=2), OPACITY)
    for data in (png(100, 30, 8, 4, rows), pam(samples, 255)):
        assert np.abs(decode_image(data, "x") - expected).max() <= 0.5


def test_a_color_of_the_palette_can_be_transparent():
    rows = b"".join(b"\0" + bytes([0, 1, 2, 3]) for _ in range(2))
    palette = bytes([0, 0, 0, 10, 20, 30, 0, 0, 0, 40, 50, 60])
    image = decode_image(png(4, 2, 8, 3, rows, PLTE=palette, tRNS=bytes([0, 255, 128])), "x")
    assert image[0].tolist() == [[255] * 3, [30, 20, 10], [127] * 3, [60, 50, 40]]


@pytest.mark.parametrize(
    ("depth", "row", "key", "expected"),
    [
        (8, bytes([0, 7, 9]), 7, [0, 255, 9]),
        (4, bytes([0x07, 0x90]), 7, [0, 255, 9 * 17]),
        (1, bytes([0b01100000]), 1, [0, 255, 255]),
        (16, struct.pack(">3H", 0, 700, 65535), 700, [0, 255, 255]),
    ],
)
def test_a_gray_can_stand_for_transparency(depth, row, key, expected):
    image = decode_image(png(3, 1, depth, 0, b"\0" + row, tRNS=struct.pack(">H", key)), "x")
    assert image[0, :, 0].tolist() == expected


def test_a_color_can_stand_for_transparency():
    image = decode_image(png(2, 1, 8, 2, b"\0" + bytes([1, 2, 3, 4, 5, 6]), tRNS=struct.pack(">3H", 1, 2, 3)), "x")
    assert image[0].tolist() == [[255] * 3, [6, 5, 4]]


def test_a_bitmap_whose_fourth_byte_nobody_filled_is_opaque():
    assert np.array_equal(decode_image(bmp(np.dstack([BGR, np.zeros_like(OPACITY)])), "x"), BGR)


@pytest.mark.parametrize("kind", [".png", ".tiff"])
@pytest.mark.parametrize("bits", [8, 9, 10, 12, 14, 16])
def test_a_camera_of_fewer_bits_is_shown_in_its_range(kind, bits):
    image = BGR.copy()
    image[0, 0] = 255
    deep = image.astype(np.uint16) << (bits - 8)
    assert np.array_equal(decoded(kind, deep), image)
    assert np.array_equal(decoded(kind, deep[:, :, 0])[:, :, 1], image[:, :, 0])


def test_opacity_may_fill_16_bits_where_colors_fill_10():
    deep = np.dstack([BGR.astype(np.uint16) << 2, np.full((30, 100), 65535, np.uint16)])
    assert np.array_equal(decoded(".png", deep), BGR)
    tens = np.dstack([BGR.astype(np.uint16) << 2, np.full((30, 100), 1023, np.uint16)])
    assert np.array_equal(decoded(".png", tens), BGR)


@pytest.mark.parametrize("kind", [".tiff", ".pfm"])
def test_real_values_go_from_0_to_1_or_to_their_largest(kind):
    real = BGR.astype(np.float32) / 255
    if kind == ".pfm" or cv2.__version__ >= "5":  # OpenCV 4 writes the logarithms of real colours
        assert np.array_equal(decoded(kind, real), BGR)
        assert np.array_equal(decoded(kind, 4 * real), BGR)
    assert np.array_equal(decoded(kind, real[:, :, 0])[:, :, 2], BGR[:, :, 0])


def test_values_that_are_no_numbers_harm_nobody():
    real = np.array([[np.nan, np.inf, -np.inf, -3, 0.5, 1]], np.float32)
    assert to_bgr(real)[0, :, 0].tolist() == [0, 255, 0, 0, 128, 255]
    assert not to_bgr(np.full((2, 2), np.nan, np.float32)).any()
    assert not to_bgr(np.full((2, 2), -5, np.int32)).any()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("maximum", [1, 100, 255, 1023, 65535])
def test_the_largest_value_of_a_netpbm_file_is_white(channels, maximum):
    samples = np.full((2, 3, channels), maximum, np.uint16)
    assert (decode_image(pam(samples if maximum > 255 else samples.astype(np.uint8), maximum), "x") == 255).all()


def test_netpbm_files_are_rgb():
    rgb = np.array([[[200, 100, 50]]], np.uint8)
    text = b"P3\n# a comment\n1 1\n255\n200 100 50"
    for data in (pam(rgb, 255), b"P6 1 1\n255\n" + rgb.tobytes(), text, text + b"\n", encoded(".ppm", rgb[:, :, ::-1])):
        assert decode_image(data, "x").tolist() == [[[50, 100, 200]]]
    assert decode_image(b"P5 1 1 100\n" + bytes([50]), "x").tolist() == [[[127] * 3]]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 4]), st.integers(1, 60), st.integers(1, 60))
def test_bands_join_without_a_seam(seed, channels, height, width):
    pixels = np.random.default_rng(seed).integers(0, 65536, (height, width, channels), dtype=np.uint16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lp_recognition.images.pixels._BAND", 100)
        in_bands = to_bgr(pixels)
    assert np.array_equal(in_bands, to_bgr(pixels))
    assert np.array_equal(to_bgr(np.ascontiguousarray(pixels[::-1]))[::-1], to_bgr(pixels))


# ---- Orientation ---------------------------------------------------------------------------------------------------


def exif(orientation: int, order: str = "<") -> bytes:
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return start + struct.pack(order + "HHHIHHI", 1, 274, 3, 1, orientation, 0, 0)


def oriented(kind: str, orientation: int, order: str = "<") -> tuple[bytes, np.ndarray]:
    """A file with that orientation, and its pixels as they lie in it."""
    block = exif(orientation, order)
    if kind == "jpg":
        data = encoded(".jpg", BGR)
        segment = b"\xff\xe1" + struct.pack(">H", len(block) + 8) + b"Exif\0\0" + block
        return data[:2] + segment + data[2:], cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if kind == "png":
        rows = b"".join(b"\0" + row.tobytes() for row in BGR[:, :, ::-1])
        return png(100, 30, 8, 2, rows, eXIf=block), BGR
    pixels = cv2.imencode(".webp", BGR, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()[12:]
    size = struct.pack("<I", 99)[:3] + struct.pack("<I", 29)[:3]
    body = b"WEBPVP8X" + struct.pack("<II", 10, 8) + size + pixels + b"EXIF" + struct.pack("<I", len(block)) + block
    return b"RIFF" + struct.pack("<I", len(body)) + body, BGR


UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_format_is_turned_upright(kind, orientation, order):
    data, stored = oriented(kind, orientation, order)
    assert np.array_equal(decode_image(data, "x"), UPRIGHT[orientation](stored))


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_tiff_is_turned_upright(orientation, dtype):
    data = bytearray(encoded(".tiff", BGR.astype(dtype) * dtype(257 if dtype == np.uint16 else 1)))
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, start)
    entries = [bytes(data[start + 2 + 12 * i : start + 14 + 12 * i]) for i in range(count)]
    entries = [entry for entry in entries if struct.unpack(order + "H", entry[:2])[0] != 274]
    entries.append(struct.pack(order + "HHIHH", 274, 3, 1, orientation, 0))
    entries.sort(key=lambda entry: struct.unpack(order + "H", entry[:2])[0])
    struct.pack_into(order + "I", data, 4, len(data))
    data += struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)
    assert np.array_equal(decode_image(bytes(data), "x"), UPRIGHT[orientation](BGR))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_a_senseless_orientation_turns_nothing(orientation):
    data, stored = oriented("jpg", orientation)
    assert np.array_equal(decode_image(data, "x"), stored)


@pytest.mark.parametrize("keep", range(0, 26, 3))
def test_a_broken_exif_block_turns_nothing(keep):
    data, stored = oriented("jpg", 6)
    position = data.index(b"Exif\0\0") + 6
    broken = data[:position] + exif(6)[:keep].ljust(len(exif(6)), b"\0") + data[position + len(exif(6)) :]
    assert decode_image(broken, "x").shape in (stored.shape, (100, 30, 3))


def test_turned_pictures_lie_in_memory_as_others_do():
    assert all(turn(BGR, orientation).flags.c_contiguous for orientation in range(1, 9))
