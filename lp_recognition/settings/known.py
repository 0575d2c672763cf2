"""How a reading is taken for a known plate: the settings of matching."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lp_recognition.settings.loading import Section


class KnownConfig(Section):
    """What a reading may differ in from a known plate, and still be taken for it.

    Attributes:
        edits: What the edits between the two may cost together: characters that are replaced, lost or added cost 1
            each. The default allows two look-alikes and no other edit: a plate that differs in one character is
            another car's, and a gate shall stay closed for it.
        lookalike_cost: What a character costs that is read as one that looks like it.
        lookalikes: The groups of characters that do, by the alphabet that they are of; the names are for people, and
            all groups count.
    """

    edits: Annotated[float, Field(ge=0, le=4)] = 0.5
    lookalike_cost: Annotated[float, Field(gt=0, le=1)] = 0.25
    lookalikes: dict[str, tuple[str, ...]] = Field(default={"latin": ("0OD", "1I", "8B", "5S", "2Z", "6G")})
