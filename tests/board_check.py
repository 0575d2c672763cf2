"""Reads a drawn picture through the Recognizer and prints the text and the versions of the libraries.

    python tests/board_check.py model.tflite config.yaml

For an environment like a board's, with an old tflite-runtime, NumPy and OpenCV. It ends with status 1 if keras or
tensorflow came along, if a picture is not read the same from memory and from a file, or if a file does not give the
very pixels, or the error, that it gives everywhere (`PIXELS`).
"""

from __future__ import annotations

import base64
import struct
import sys
import tempfile
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cv2
import numpy as np

from lp_recognition import Recognizer
from lp_recognition.evaluation.drawing import draw_reading
from lp_recognition.images.image import decode_image, write_image
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import ImageError

#: A picture of 12 x 8, encoded.
JPEG = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIyYn"
    "KSopGR8tMC0oMCUoKSj/2wBDAQcHBwoIChMKChMoGhYaKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgo"
    "KCgoKCgoKCj/wAARCAAIAAwDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAb/xAAbEAABBAMAAAAAAAAAAAAAAAAAAgcj"
    "oQQFMv/EABUBAQEAAAAAAAAAAAAAAAAAAAID/8QAHBEAAQMFAAAAAAAAAAAAAAAAAAMEBQYSEzEy/9oADAMBAAIRAxEAPwCT0jZc"
    "wUWuI2UCYKAI07Mu8fQIx8tbs//Z"
)
#: What files give on every stack; an error, where they are not here.
PIXELS = {
    "png": "(8, 12, 3) 7806a1e8",
    "png with opacity": "(8, 12, 3) 18dd85eb",
    "gray png with opacity": "(8, 12, 3) b050eb39",
    "png of 10 bits": "(8, 12, 3) 2a813dfa",
    "png, turned": "(12, 8, 3) a6340f7d",
    "jpeg": "(8, 12, 3) 8ed3f55d",
    "jpeg, turned": "(12, 8, 3) 01174f63",
    "bmp": "(8, 12, 3) 7806a1e8",
    "ppm": "(8, 12, 3) 7806a1e8",
    "ppm of 0 to 100": "(8, 12, 3) 6059f3a5",
    "pam with opacity": "(8, 12, 3) 18dd85eb",
    "pfm": "(8, 12, 3) 7806a1e8",
}


def drawn_plate() -> np.ndarray:
    """A blue plate with white lettering, uint8 BGR."""
    image = np.full((48, 188, 3), (150, 60, 20), np.uint8)
    cv2.putText(image, "A12345", (10, 36), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (240, 240, 240), 3, cv2.LINE_AA)
    return image


def picture_files() -> dict[str, bytes]:
    """Files of many kinds, whole, turned, transparent, deep, cut off and damaged, made here byte for byte."""
    rows = [[(7 * x * x + 31 * y + 11 * c) % 256 for x in range(12) for c in range(4)] for y in range(8)]
    bgra = np.array(rows, np.uint8).reshape(8, 12, 4)
    rgb = bgra[:, :, 2::-1]
    deep = rgb.astype(">u2") << 2

    def png(depth: int, color: int, samples: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
        pixels = zlib.compress(b"".join(b"\0" + row.tobytes() for row in samples))
        header = struct.pack(">IIBBBBB", 12, 8, depth, color, 0, 0, 0)
        made = b"\x89PNG\r\n\x1a\n"
        for kind, data in ((b"IHDR", header), *chunks, (b"IDAT", pixels), (b"IEND", b"")):
            made += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        return made

    exif = b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 274, 3, 1, 6, 0, 0)
    jpeg = base64.b64decode(JPEG)
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif
    bmp = struct.pack("<IiiHHIIiiII", 40, 12, -8, 1, 32, 0, 0, 0, 0, 0, 0) + bgra.tobytes()
    pam = b"P7\nWIDTH 12\nHEIGHT 8\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
    files = {
        "png": png(8, 2, rgb),
        "png with opacity": png(8, 6, bgra[:, :, [2, 1, 0, 3]]),
        "gray png with opacity": png(8, 4, bgra[:, :, 2:]),
        "png of 10 bits": png(16, 2, deep),
        "png, turned": png(8, 2, rgb, (b"eXIf", exif)),
        "png with a wrong checksum": png(8, 2, rgb)[:-1] + b"x",
        "jpeg": jpeg,
        "jpeg, turned": jpeg[:2] + segment + jpeg[2:],
        "bmp": b"BM" + struct.pack("<IHHI", 54 + bgra.size, 0, 0, 54) + bmp,
        "ppm": b"P6 12 8 255\n" + rgb.tobytes(),
        "ppm of 0 to 100": b"P6 12 8 100\n" + (rgb % 101).tobytes(),
        "pam with opacity": pam + bgra[:, :, [2, 1, 0, 3]].tobytes(),
        "pfm": b"PF\n12 8\n-1\n" + (rgb[::-1] / np.float32(255)).astype("<f4").tobytes(),
        "jpeg 2000": b"\0\0\0\x0cjP  \r\n\x87\n",
    }
    return files | {f"half of a {kind}": data[: len(data) * 6 // 10] for kind, data in files.items()}


def pixels_of(files: dict[str, bytes]) -> dict[str, str]:
    """What each file gives: a digest of its pixels, or `error`."""
    found = {}
    for name, data in files.items():
        try:
            image = decode_image(data, name)
            found[name] = f"{image.shape} {zlib.crc32(np.ascontiguousarray(image).tobytes()):08x}"
        except ImageError:
            found[name] = "error"
    return found


def main(model: str, config: str) -> int:
    """Reads, compares and prints; returns the status."""
    recognizer = Recognizer(model, config=config)
    image = drawn_plate()
    reading = recognizer.read(image)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plate.png"
        write_image(path, image)
        from_file = recognizer.read(path)
        picture = draw_reading(image, reading.text, reading.confidence, reading.confidences)
        write_image(Path(folder) / "picture.png", picture)
    Recognizer(model, config=config, beam_width=5).read(image)
    by_patterns = RecognitionConfig.model_validate(recognizer.config.model_dump() | {"lpr_patterns": "[A-D]{2}"})
    fitting = Recognizer(model, config=by_patterns, patterns=True).read(image)

    print(f"python {sys.version.split()[0]}, numpy {np.__version__}, opencv {cv2.__version__}")
    print(f"interpreter {recognizer.runtime}")
    print(f"text '{reading.text}', confidence {reading.confidence:.4f}")
    problems = [f"{name} was imported" for name in ("tensorflow", "keras") if name in sys.modules]
    if from_file != reading:
        problems.append(f"from a file it reads {from_file}, from memory {reading}")
    if len(fitting.text) != 2:
        problems.append(f"by the pattern [A-D]{{2}} it reads '{fitting.text}'")
    found = pixels_of(picture_files())
    expected = {name: PIXELS.get(name, "error") for name in found}
    problems += [f"{name} gives {found[name]}, not {expected[name]}" for name in found if found[name] != expected[name]]
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
