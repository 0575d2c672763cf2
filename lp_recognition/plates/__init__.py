"""Drawn plates: formats as data, lettering, and everything that happens between plate and crop."""

from lp_recognition.plates.degradations import Degradations
from lp_recognition.plates.fonts import FontError
from lp_recognition.plates.format_schema import Format
from lp_recognition.plates.formats import FormatError, list_formats, load_format
from lp_recognition.plates.generator import Plate, PlateGenerator
from lp_recognition.plates.repainting import Repainter

__all__ = [
    "Degradations",
    "FontError",
    "Format",
    "FormatError",
    "Plate",
    "PlateGenerator",
    "Repainter",
    "list_formats",
    "load_format",
]
