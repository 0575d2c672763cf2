"""Labelled plates without end: plate number `index` of a seed is always the same picture and text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from lp_recognition.plates.degradations import Degradations
from lp_recognition.plates.drawing import PlateDrawer
from lp_recognition.plates.fonts import FontError, check_built_in, check_font
from lp_recognition.plates.formats import FormatError, load_format
from lp_recognition.plates.glyph_pictures import check_folder
from lp_recognition.plates.lines import cut_line
from lp_recognition.plates.photograph import Camera
from lp_recognition.plates.strokes import SHAPES
from lp_recognition.plates.text import TextSource


@dataclass(frozen=True)
class Plate:
    """A drawn plate.

    Attributes:
        image: The crop, uint8 BGR `(h, w, 3)`.
        label: The text, e.g. `皖AY339S`.
        corners: float32 `(4, 2)`: x, y of the plate's corners in the crop, or of its line's, left-up, right-up,
            right-bottom, left-bottom; 0, 0 is the outer corner of the first pixel. They lie outside where the crop cuts
            the plate.
        format: The name of its format.
    """

    image: NDArray[np.uint8]
    label: str
    corners: NDArray[np.float32]
    format: str


class PlateGenerator:
    """Draws plates of one or several formats.

    `draw(index)` is a pure function of the arguments and the index: any process, in any order, draws the same. The
    object can be sent to worker processes; what it keeps between plates is only a cache.

    Args:
        formats: Names of shipped formats or paths of a user's own `.yaml`; a mapping gives each its weight.
        seed: Another seed is another endless set of plates.
        size: Height and width of the crops; None for natural ones, 150 to 300 pixels wide.
        font: A user's TrueType font for all glyphs; None for the built-in lettering.
        degradations: What happens to plates; None for the default.
        extra_fonts: TrueType fonts that share the work of the built-in one for characters of which the toolkit has no
            strokes, such as the Chinese ones; and folders of pictures, `<character>/<any name>.png`, that share it for
            whatever they show. Not together with `font`, which draws everything.
        single_lines: Of a plate of several lines, show one, as photographs' plates are cut for readers of one line.

    Raises:
        FormatError: a format is unknown or wrong, or a weight is not positive.
        FontError: a font cannot be read or lacks a glyph, a folder has no pictures of characters; or there are
            `extra_fonts` beside a `font`.
    """

    def __init__(
        self,
        formats: Sequence[str | Path] | Mapping[str, float],
        seed: int = 1,
        size: tuple[int, int] | None = (24, 94),
        font: str | Path | None = None,
        degradations: Degradations | None = None,
        extra_fonts: Sequence[str | Path] = (),
        single_lines: bool = False,
    ) -> None:
        if isinstance(formats, (str, Path)):
            formats = [formats]
        if not formats:
            raise FormatError("expected at least one plate format, received none")
        if seed < 0:
            raise FormatError(f"expected a seed of 0 or more, received {seed}")
        if size is not None and (min(size) < 8 or max(size) > 512):
            raise FormatError(f"expected a size (height, width) of 8 to 512 pixels, received {tuple(size)}")
        weights = formats if isinstance(formats, Mapping) else {}
        for name, weight in weights.items():
            if not weight > 0:
                raise FormatError(f"expected a positive weight for format `{name}`, received {weight}")
        self.formats = [load_format(name) for name in formats]
        self._weights = [float(weights.get(str(name), 1.0)) for name in formats]
        self.seed = seed
        self.size = size
        self.single_lines = single_lines
        degradations = degradations or Degradations()
        font = None if font is None else str(font)
        extra = [str(path) for path in extra_fonts]
        if font is None:
            without_strokes = [character for character in self.characters if character not in SHAPES]
            check_built_in(without_strokes)
            for path in extra:
                if Path(path).is_dir():
                    check_folder(path)
                else:
                    check_font(path, without_strokes)
        elif extra:
            raise FontError(f"{extra[0]}: expected no extra fonts beside {font}, which draws all glyphs; leave one out")
        else:
            check_font(font, self.characters)
        width = 420 if size is None else max(100, round(size[1] * 2.2))
        self._texts = [TextSource(plate_format) for plate_format in self.formats]
        self._drawers = [PlateDrawer(fmt, width, font, degradations, extra) for fmt in self.formats]
        self._camera = Camera(size, degradations)

    @property
    def characters(self) -> list[str]:
        """All characters that its labels may hold, sorted."""
        return sorted({character for plate_format in self.formats for character in plate_format.characters})

    @property
    def patterns(self) -> list[str]:
        """Regular expressions, one of which fully matches every label."""
        kind = "line_patterns" if self.single_lines else "patterns"
        return sorted({pattern for plate_format in self.formats for pattern in getattr(plate_format, kind)})

    def draw(self, index: int) -> Plate:
        """Draws plate number `index` (0 or more)."""
        if index < 0:
            raise IndexError(f"expected a plate number of 0 or more, received {index}")
        random = Random((self.seed << 64) | index)
        which = 0 if len(self.formats) == 1 else random.choices(range(len(self.formats)), self._weights)[0]
        text = self._texts[which].draw(random)
        drawing = self._drawers[which].draw(text, random)
        if self.single_lines and len(self.formats[which].lines) > 1:
            drawing, text = cut_line(drawing, text, self.formats[which], random)
        image, corners = self._camera.take(drawing, random)
        return Plate(image, text.label, corners, self.formats[which].name)
