"""Plates of several formats, with texts by chance, drawn about as wide as they will be seen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from lp_recognition.plates.degradations import Degradations
from lp_recognition.plates.drawing import Drawing, PlateDrawer
from lp_recognition.plates.formats import FormatError, load_format
from lp_recognition.plates.text import Text, TextSource

#: Plates are drawn this wide, whichever is nearest above what the picture shows, and averaged down.
_WIDTHS = (72, 144, 288)


class Assortment:
    """Draws plates of one or several formats.

    Args:
        formats: Names of shipped formats or paths of a user's own `.yaml`; a mapping gives each its weight.
        degradations: What happens to the plates themselves: lettering, dirt, bolts.

    Attributes:
        formats: The formats, in their order.

    Raises:
        FormatError: a format is unknown or wrong, or a weight is not positive.
    """

    def __init__(self, formats: Sequence[str | Path] | Mapping[str, float], degradations: Degradations) -> None:
        if not formats:
            raise FormatError("expected at least one plate format, received none")
        weights = formats if isinstance(formats, Mapping) else {}
        self._weights = [float(weights.get(str(name), 1.0)) for name in formats]
        if min(self._weights) <= 0:
            raise FormatError(f"expected positive weights of formats, received {dict(weights)}")
        self.formats = [load_format(name) for name in formats]
        self._degradations = degradations
        self._texts = [TextSource(plate_format) for plate_format in self.formats]
        self._drawers: dict[tuple[int, int], PlateDrawer] = {}

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: no cache."""
        return {**self.__dict__, "_drawers": {}}

    def choose(self, random: Random) -> int:
        """The number of a format."""
        return random.choices(range(len(self.formats)), self._weights)[0]

    def choose_alike(self, aspect: float, tolerance: float, random: Random) -> int | None:
        """The number of a format whose width over height differs at most by a factor; None where there is none.

        Args:
            aspect: Width over height that is wanted.
            tolerance: The greatest factor between the two, 1 or more.
            random: Decides among those that do.
        """
        apart = [abs(math.log(form.size_mm[0] / form.size_mm[1] / aspect)) for form in self.formats]
        alike = [number for number, distance in enumerate(apart) if distance <= math.log(tolerance)]
        if not alike:
            return None
        return random.choices(alike, [self._weights[number] for number in alike])[0]

    def draw(self, which: int, shown: float, random: Random) -> tuple[Drawing, Text]:
        """Draws a plate of format number `which` that will be seen `shown` pixels wide."""
        width = next((wide for wide in _WIDTHS if wide >= shown), _WIDTHS[-1])
        drawer = self._drawers.get((which, width))
        if drawer is None:
            drawer = PlateDrawer(self.formats[which], width, None, self._degradations)
            self._drawers[which, width] = drawer
        text = self._texts[which].draw(random)
        return drawer.draw(text, random), text
