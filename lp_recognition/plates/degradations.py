"""What may happen to a plate and its photograph: every range in one place, every family with its own switch."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from lp_recognition.system.errors import UserError, did_you_mean


def _ordered(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError(f"expected a range [low, high], received {list(value)}")
    return value


#: A range, low to high.
Range = Annotated[tuple[float, float], AfterValidator(_ordered)]


class Family(BaseModel):
    """One kind of degradation: `probability` is the share of plates it happens to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    probability: float = Field(ge=0, le=1)

    def happens(self, random: Random) -> bool:
        """Whether it happens to this plate."""
        return random.random() < self.probability


class Lettering(Family):
    """Another face than the format's plainest: shapes, width, weight, roundness, slant, built-in fonts."""

    probability: float = 0.97
    faces: int = Field(default=96, ge=1)


class Placement(Family):
    """Glyphs out of line, in pixels of a plate 200 pixels wide; the whole line shifted, in millimetres."""

    probability: float = 0.8
    jitter_px: Range = (-0.8, 0.8)
    shift_mm: Range = (-5, 5)


class Ink(Family):
    """Ink that is more or less than the format says: strokes thickened or thinned, in pixels of a plate 200 wide."""

    probability: float = 0.4
    spread_px: Range = (-1, 1)


class Paintwork(Family):
    """Colours that are off the format's: faded, aged, another batch of paint. A step per channel, of 255."""

    probability: float = 0.9
    background: Range = (-26, 26)
    ink: Range = (-18, 18)
    fade: Range = (0, 0.2)


class Holder(Family):
    """The frame around the plate, often with the dealer's name under it. Widths are fractions of the plate's height."""

    probability: float = 0.45
    side: Range = (0.02, 0.1)
    below: Range = (0.03, 0.28)
    words_probability: float = 0.6


class Bolts(Family):
    """Bolts and their holes: the diameter in millimetres."""

    probability: float = 0.6
    diameter_mm: Range = (9, 20)


class Embossing(Family):
    """Light and shade at the edges of pressed glyphs: the height of the step, of 255."""

    probability: float = 0.35
    strength: Range = (0.15, 0.6)


class Dirt(Family):
    """Dust, mud and worn-off ink in patches."""

    probability: float = 0.2
    strength: Range = (0.1, 0.65)


class Scratches(Family):
    """Thin lines across the plate."""

    probability: float = 0.08
    count: Range = (1, 4)


class Stickers(Family):
    """Something stuck on the plate where no glyph stands, or over a corner."""

    probability: float = 0.05
    diameter_mm: Range = (15, 30)


class Tilt(Family):
    """Rotation in the picture, in degrees."""

    probability: float = 0.75
    degrees: Range = (-13, 13)


class Shear(Family):
    """Lean of the uprights, as a fraction of the height."""

    probability: float = 0.6
    lean: Range = (-0.35, 0.35)


class Perspective(Family):
    """The camera's place: turned aside and above, in degrees, at a distance in plate widths."""

    probability: float = 0.7
    yaw: Range = (-45, 45)
    pitch: Range = (-28, 28)
    distance: Range = (2.0, 8.0)


class Framing(Family):
    """How much car is around the plate, as a fraction of its width and height on each side.

    One of three: close (`close`), some (`loose`), or much car (`wide` at the sides, `wide_above` above and below), by
    `weights`. Without this family the crop is the plate's bounding box.
    """

    probability: float = 1.0
    weights: tuple[float, float, float] = (0.6, 0.28, 0.12)
    close: Range = (-0.015, 0.05)
    loose: Range = (0.0, 0.2)
    wide: Range = (0.05, 0.5)
    wide_above: Range = (0.05, 0.8)


class Rectified(Family):
    """A crop that was straightened by detected corners: no tilt is left, but each corner is off by a fraction of the
    plate's width and height."""

    probability: float = 0.3
    corner: Range = (-0.035, 0.045)


class Cut(Family):
    """Sides cut into the plate: how deep, as a fraction of the way from the plate's edge to its text.

    Each side is cut with `side_probability`; crops made around the text, not the plate, lack most of its edge.
    """

    probability: float = 0.18
    depth: Range = (0.2, 1.1)
    side_probability: float = Field(default=0.6, ge=0, le=1)


class Surroundings(Family):
    """Car paint, bumper edges, grilles, lettering and lamps around the plate; else plain gray."""

    probability: float = 0.95


class Shadow(Family):
    """The edge of a shadow across the plate: how much light is left in it."""

    probability: float = 0.15
    light: Range = (0.3, 0.8)


class Gradient(Family):
    """Light that changes across the crop, as a factor from one side to the other."""

    probability: float = 0.35
    light: Range = (0.55, 1.0)


class Glare(Family):
    """A bright reflection: its strength, of 255."""

    probability: float = 0.08
    strength: Range = (40, 200)


class Exposure(Family):
    """Brightness as a factor, contrast around the middle as a factor, haze added, of 255."""

    probability: float = 0.8
    brightness: Range = (0.55, 1.85)
    contrast: Range = (0.55, 1.3)
    gamma: Range = (0.6, 1.35)


class LowLight(Family):
    """Dusk and night: a small part of the light is left."""

    probability: float = 0.08
    brightness: Range = (0.12, 0.4)


class Infrared(Family):
    """Gray pictures: infra-red lamps and black-and-white cameras."""

    probability: float = 0.06


class Cast(Family):
    """White balance gone wrong: a factor per channel, and the saturation as a factor."""

    probability: float = 0.7
    channel: Range = (0.72, 1.34)
    saturation: Range = (0.45, 1.45)


class Defocus(Family):
    """Blur of the lens: the standard deviation in pixels of a crop 94 wide."""

    probability: float = 0.4
    sigma: Range = (0.25, 0.95)


class Motion(Family):
    """Blur of motion: its length in pixels of a crop 94 wide, in any direction."""

    probability: float = 0.1
    length: Range = (1.5, 3.5)


class Rescale(Family):
    """Few pixels on the sensor: the width of the crop there, as a fraction of the finished crop (0.32 is 30 of 94)."""

    probability: float = 0.5
    fraction: Range = (0.32, 1.5)


class Noise(Family):
    """Noise of the sensor: the standard deviation, of 255."""

    probability: float = 0.55
    sigma: Range = (1, 13)


class Sharpening(Family):
    """The halo of a camera's sharpening, as a factor of the detail added."""

    probability: float = 0.15
    amount: Range = (0.4, 1.6)


class Jpeg(Family):
    """Blocks of JPEG compression: its quality."""

    probability: float = 0.45
    quality: Range = (12, 70)


#: What a good camera on a good day does not do.
_FLAWS = ("glare", "low_light", "defocus", "motion", "rescale", "noise", "jpeg")


class Degradations(BaseModel):
    """All families; `Degradations()` is the default, `Degradations().without("jpeg", "noise")` lacks some.

    Attributes:
        good_share: The share of good photographs, which are spared glare, low light, blur, noise, compression and lack
            of pixels. Flaws come together: independent ones alone would leave hardly any plate without.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    good_share: float = Field(default=0.35, ge=0, le=1)
    lettering: Lettering = Lettering()
    placement: Placement = Placement()
    ink: Ink = Ink()
    paintwork: Paintwork = Paintwork()
    holder: Holder = Holder()
    bolts: Bolts = Bolts()
    embossing: Embossing = Embossing()
    dirt: Dirt = Dirt()
    scratches: Scratches = Scratches()
    stickers: Stickers = Stickers()
    tilt: Tilt = Tilt()
    shear: Shear = Shear()
    perspective: Perspective = Perspective()
    framing: Framing = Framing()
    rectified: Rectified = Rectified()
    cut: Cut = Cut()
    surroundings: Surroundings = Surroundings()
    shadow: Shadow = Shadow()
    gradient: Gradient = Gradient()
    glare: Glare = Glare()
    exposure: Exposure = Exposure()
    low_light: LowLight = LowLight()
    infrared: Infrared = Infrared()
    cast: Cast = Cast()
    defocus: Defocus = Defocus()
    motion: Motion = Motion()
    rescale: Rescale = Rescale()
    noise: Noise = Noise()
    sharpening: Sharpening = Sharpening()
    jpeg: Jpeg = Jpeg()

    @classmethod
    def names(cls) -> list[str]:
        """The names of the families, in the order in which they act."""
        return [name for name in cls.model_fields if name != "good_share"]

    @classmethod
    def none(cls) -> Degradations:
        """No degradation at all: the plate as it is painted, filling the crop."""
        return cls().without(*cls.names())

    @classmethod
    def sparing(cls, names: Iterable[str]) -> Degradations:
        """The default without the families named, or without any where `all` is among the names.

        Raises:
            UserError: there is no family of that name.
        """
        names = tuple(names)
        return cls.none() if "all" in names else cls().without(*names)

    def without(self, *names: str) -> Degradations:
        """A copy in which some families never happen.

        Raises:
            UserError: there is no family of that name.
        """
        return self.model_copy(update={name: self._family(name, 0.0) for name in self._known(names)})

    def only(self, *names: str) -> Degradations:
        """A copy in which no other families happen than these.

        Raises:
            UserError: there is no family of that name.
        """
        kept = set(self._known(names))
        return self.without(*(name for name in self.names() if name not in kept))

    def good_photograph(self) -> Degradations:
        """What happens to plates on a good photograph."""
        return self.without(*_FLAWS)

    def _family(self, name: str, probability: float) -> Family:
        family: Family = getattr(self, name)
        return family.model_copy(update={"probability": probability})

    def _known(self, names: Iterable[str]) -> list[str]:
        for name in names:
            if name not in self.names():
                hint = did_you_mean(name, self.names()) or f" Choose from {', '.join(self.names())}."
                raise UserError(f"unknown degradation `{name}`.{hint}")
        return list(names)
