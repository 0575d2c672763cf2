"""Finding image files that end too early.

Decoders differ in what they do with half a file: some refuse it, some return a picture whose lower part is gray. A crop
of that gray part with a label would poison a training set, so the end of the file is looked for before decoding.
"""

from __future__ import annotations

_JPEG_START, _JPEG_SCAN, _JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"
_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"


def is_truncated(data: bytes) -> bool:
    """Whether JPEG or PNG bytes lack their end; other formats are left to their decoder.

    The pixels of a JPEG follow its last start-of-scan marker, and neither marker can stand inside pixels, so a whole
    file has an end marker after the last scan. (A thumbnail in the header has markers of its own, but before it.)
    """
    if data.startswith(_JPEG_START):
        if data.endswith(_JPEG_END) and _JPEG_SCAN in data:  # the quick way for nearly all files
            return False
        return data.rfind(_JPEG_END) < data.rfind(_JPEG_SCAN) or _JPEG_SCAN not in data
    return data.startswith(_PNG_START) and _PNG_END not in data
