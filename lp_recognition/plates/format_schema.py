"""What a plate format may say: its closed schema.

A format says everything that is fixed about a plate: its size in millimetres, its colours, where glyphs stand and how
large they are, and which texts it may carry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lp_recognition.plates.strokes import SHAPES


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Color = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
Millimetres = Annotated[float, Field(gt=0, le=2000)]
Size = tuple[Millimetres, Millimetres]
Position = tuple[float, float]
Rectangle = tuple[float, float, Millimetres, Millimetres]
Probability = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(gt=0)]
Character = Annotated[str, Field(min_length=1, max_length=1)]


class Alphabet(_Closed):
    """The characters that may stand at a place of the text.

    Attributes:
        characters: The characters, each once.
        box_mm: Width and height of a glyph; the format's own `box_mm` where it is left out.
        frequencies: How often characters are seen on real plates; a key may name several characters that are equally
            frequent, e.g. `{"0123456789": 6}`; characters that are not named count 1.
        frequency_share: The share of plates drawn by these frequencies; on the others all characters are alike, so that
            a model learns rare ones too.
        raise_mm: How far above the middle of its line the glyph stands.
        ink: The colour of its glyphs where it is not the plate's.
    """

    characters: str = Field(min_length=1)
    box_mm: Size | None = None
    ink: Color | None = None
    frequencies: dict[str, Weight] = {}
    frequency_share: Probability = 1.0
    raise_mm: float = 0.0

    @model_validator(mode="after")
    def _check(self) -> Alphabet:
        repeated = sorted({c for c in self.characters if self.characters.count(c) > 1})
        if repeated:
            raise ValueError(f"expected each character once, received {''.join(repeated)!r} more than once")
        if any(character.isspace() for character in self.characters):
            raise ValueError("expected characters of a label, received a space")
        unknown = sorted({c for key in self.frequencies for c in key} - set(self.characters))
        if unknown:
            raise ValueError(f"frequencies name {''.join(unknown)!r}, which `characters` does not hold")
        return self

    def weights(self) -> list[float]:
        """The weight of each of `characters`, in their order, by the stated frequencies."""
        table = {character: weight for key, weight in self.frequencies.items() for character in key}
        return [table.get(character, 1.0) for character in self.characters]


class Mark(_Closed):
    """Something that is drawn between characters and is no part of the label.

    Attributes:
        shape: `dot`, `ring`, `dash`, `bar` (a line from edge to edge), `seals` (two round stickers, one above the
            other), `gap` (nothing: a wider space).
        size_mm: Its width and height.
        colors: The colours of seals.
        advance_mm: How much of the line it takes, gaps included: the distance between its neighbours' boxes.
        raise_mm: How far above the middle of its line it stands.
        probability: How often it is drawn; its place is kept in any case.
    """

    shape: Literal["dot", "ring", "dash", "bar", "seals", "gap"]
    size_mm: Size = (10.0, 10.0)
    colors: tuple[Color, ...] = ("#d8d8d4", "#c0c4c8", "#b8402c", "#3c8a50", "#d08030", "#3a62b8")
    advance_mm: Millimetres
    raise_mm: float = 0.0
    probability: Probability = 1.0


class Line(_Closed):
    """One line of text: its middle (from the plate's left upper corner) and the gap between two glyph boxes."""

    center_mm: Position
    gap_mm: float


class Layout(_Closed):
    """One form of the text: each character of `pattern` names an alphabet or a mark; `/` begins the next line."""

    pattern: str
    weight: Weight = 1.0


class Paint(_Closed):
    """The colours of a plate: `background` is one colour or two (a gradient from the upper to the lower edge)."""

    background: tuple[Color] | tuple[Color, Color]
    ink: Color
    border: Color | None = None
    weight: Weight = 1.0

    @field_validator("background", mode="before")
    @classmethod
    def _single(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class Border(_Closed):
    """The line around the plate: its distance from the edge and its width."""

    inset_mm: float = Field(ge=0)
    width_mm: Millimetres
    probability: Probability = 1.0


class Lettering(_Closed):
    """How glyphs look.

    Attributes:
        stroke_mm: The width of a stroke for the format's own glyph box; smaller and larger boxes follow in proportion.
        roundness: How far corners that may be rounded are: 1 gives half circles.
        shapes: The usual shape of characters that have several (see `strokes.py`); others are drawn now and then.
        slant: Horizontal lean, as a fraction of the height.
    """

    stroke_mm: Millimetres
    roundness: tuple[Probability, Probability] = (0.75, 1.0)
    shapes: dict[Character, str] = {}
    slant: tuple[float, float] = (-0.02, 0.02)

    @model_validator(mode="after")
    def _check(self) -> Lettering:
        for character, shape in self.shapes.items():
            if character not in SHAPES:
                raise ValueError(f"shapes: expected a letter or digit, received {character!r}")
            if shape not in SHAPES[character]:
                choices = ", ".join(SHAPES[character])
                raise ValueError(f"shapes: {character!r} has no shape {shape!r}; choose one of {choices}")
        return self


class Panel(_Closed):
    """A filled rectangle, e.g. the blue band of the European Union. `box_mm` is left, top, width, height."""

    kind: Literal["panel"]
    box_mm: Rectangle
    color: Color
    probability: Probability = 1.0


class Words(_Closed):
    """Small print that no label holds: a country's name or code. One of `texts` is drawn to fill the box."""

    kind: Literal["words"]
    box_mm: Rectangle
    texts: tuple[str, ...] = Field(min_length=1)
    color: Color | Literal["ink"] = "ink"
    probability: Probability = 1.0


class Stars(_Closed):
    """The ring of twelve stars."""

    kind: Literal["stars"]
    box_mm: Rectangle
    color: Color
    probability: Probability = 1.0


class Stripes(_Closed):
    """Bands of colour from top to bottom: a small flag."""

    kind: Literal["stripes"]
    box_mm: Rectangle
    colors: tuple[Color, ...] = Field(min_length=1)
    probability: Probability = 1.0


class Disc(_Closed):
    """A round sticker or seal, drawn in one of `colors`."""

    kind: Literal["disc"]
    center_mm: Position
    diameter_mm: Millimetres
    colors: tuple[Color, ...] = Field(min_length=1)
    probability: Probability = 1.0


Badge = Annotated[Panel | Words | Stars | Stripes | Disc, Field(discriminator="kind")]


class Format(_Closed):
    """One kind of plate. All positions are in millimetres from the plate's left upper corner.

    Attributes:
        name: The name of its file.
        country: The country, for people.
        description: What it is, for people.
        default: Whether it is drawn when no format is named; others are drawn on request.
        size_mm: Width and height of the plate.
        corner_mm: Radius of its corners.
        box_mm: Width and height of a glyph.
        paints: Its colours; one is drawn for each plate.
        border: The line around it, or none.
        lettering: How its glyphs look.
        alphabets: What may stand at a place of the text, by a one-character name.
        marks: What is drawn between characters, by a one-character name.
        lines: Where the lines of text stand.
        layouts: The forms of the text.
        badges: Bands, flags, small print and stickers.
        bolts_mm: Where bolts may be.
        example: One text, as a label.
    """

    name: str
    country: str
    description: str
    default: bool = True
    size_mm: Size
    corner_mm: float = Field(default=8.0, ge=0)
    box_mm: Size
    paints: tuple[Paint, ...] = Field(min_length=1)
    border: Border | None = None
    lettering: Lettering
    alphabets: dict[Character, Alphabet]
    marks: dict[Character, Mark] = {}
    lines: tuple[Line, ...] = Field(min_length=1)
    layouts: tuple[Layout, ...] = Field(min_length=1)
    badges: tuple[Badge, ...] = ()
    bolts_mm: tuple[Position, ...] = ()
    example: str

    @model_validator(mode="after")
    def _check(self) -> Format:
        both = sorted(set(self.alphabets) & set(self.marks))
        if both:
            raise ValueError(f"{both[0]!r} names an alphabet and a mark; choose another name for one of them")
        for layout in self.layouts:
            self._check_layout(layout)
        if not any(re.fullmatch(pattern, self.example) for pattern in self.patterns):
            raise ValueError(f"example: {self.example!r} is no text of this format; it fits none of its layouts")
        return self

    def _check_layout(self, layout: Layout) -> None:
        where = f"layouts: pattern {layout.pattern!r}"
        if not any(name in self.alphabets for name in layout.pattern):
            raise ValueError(f"{where} can draw nothing: it names no alphabet; there are {', '.join(self.alphabets)}")
        known = {*self.alphabets, *self.marks, "/"}
        for name in layout.pattern:
            if name not in known:
                raise ValueError(f"{where} holds {name!r}, which names neither an alphabet nor a mark")
        rows = layout.pattern.split("/")
        if len(rows) != len(self.lines):
            raise ValueError(f"{where} has {len(rows)} lines, but `lines` places {len(self.lines)}")
        for row, line in zip(rows, self.lines, strict=True):
            width = self.row_width_mm(row, line)
            if line.center_mm[0] - width / 2 < 0 or line.center_mm[0] + width / 2 > self.size_mm[0]:
                raise ValueError(
                    f"{where}: {row!r} is {width:g} mm wide, which does not fit a plate of {self.size_mm[0]:g} mm "
                    f"around {line.center_mm[0]:g} mm; make `box_mm`, `gap_mm` or `advance_mm` smaller"
                )

    def box_of(self, name: str) -> Size:
        """Width and height in millimetres of the glyphs of an alphabet."""
        return self.alphabets[name].box_mm or self.box_mm

    def row_width_mm(self, row: str, line: Line) -> float:
        """The width of one line of a pattern."""
        width, previous = 0.0, ""
        for name in row:
            if name in self.marks:
                width += self.marks[name].advance_mm
            else:
                width += self.box_of(name)[0] + (line.gap_mm if previous in self.alphabets else 0.0)
            previous = name
        return width

    def spans_mm(self, row: str, line: Line) -> list[tuple[float, float]]:
        """Left and right edge of each character of one line of a pattern, from the plate's left edge."""
        start = line.center_mm[0] - self.row_width_mm(row, line) / 2
        ends = [start + self.row_width_mm(row[: i + 1], line) for i, name in enumerate(row) if name in self.alphabets]
        widths = [self.box_of(name)[0] for name in row if name in self.alphabets]
        return [(end - width, end) for end, width in zip(ends, widths, strict=True)]

    def row_span_mm(self, row: str, line: Line) -> tuple[float, float]:
        """Where the characters of one line of a pattern begin and end, from the plate's upper edge."""
        middles = [(line.center_mm[1] - self.alphabets[n].raise_mm, n) for n in row if n in self.alphabets]
        return (
            min(middle - self.box_of(name)[1] / 2 for middle, name in middles),
            max(middle + self.box_of(name)[1] / 2 for middle, name in middles),
        )

    @property
    def characters(self) -> list[str]:
        """All characters its texts may hold, sorted."""
        names = {name for layout in self.layouts for name in layout.pattern if name in self.alphabets}
        return sorted({character for name in names for character in self.alphabets[name].characters})

    @property
    def longest(self) -> int:
        """Characters of its longest text."""
        return max(sum(name in self.alphabets for name in layout.pattern) for layout in self.layouts)

    @property
    def patterns(self) -> list[str]:
        """One regular expression a layout, for `re.fullmatch` on a label."""
        found = []
        for layout in self.layouts:
            found.append(self._pattern(layout.pattern))
        return sorted(set(found))

    @property
    def line_patterns(self) -> list[str]:
        """As `patterns`, one a line of a layout."""
        return sorted({pattern for lines in self.patterns_by_line for pattern in lines})

    @property
    def patterns_by_line(self) -> list[tuple[str, ...]]:
        """As `patterns`, each as those of its lines, from the top."""
        return sorted({tuple(map(self._pattern, layout.pattern.split("/"))) for layout in self.layouts})

    def _pattern(self, names: str) -> str:
        return "".join(_character_class(self.alphabets[n].characters) for n in names if n in self.alphabets)


def setting_names() -> Iterator[str]:
    """The names of all settings, for whoever misspelt one."""
    for model in (Format, Alphabet, Mark, Line, Layout, Paint, Border, Lettering, Panel, Words, Stars, Stripes, Disc):
        yield from model.model_fields


def _character_class(characters: str) -> str:
    return re.escape(characters) if len(characters) == 1 else "[" + re.escape("".join(sorted(characters))) + "]"
