"""How a plate that passes is drawn: by the colour of whether it is known, with its text and its record."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lp_recognition.evaluation.drawing import Mark, plate_caption
from lp_recognition.video.events import Event

#: A plate that is known, one that is not, and one that is not read yet; BGR.
KNOWN, UNKNOWN, UNREAD = (90, 190, 40), (40, 150, 255), (170, 170, 170)


def mark_of(corners: NDArray[np.float32], answer: Event | None, so_far: str = "") -> Mark:
    """How a plate is drawn.

    Args:
        corners: Where it is.
        answer: What was told of its passage last; None where nothing was.
        so_far: What stands over it where nothing was told.
    """
    if answer is None:
        return Mark(corners, so_far, UNREAD)
    caption = plate_caption(answer.text, answer.confidence)
    if answer.known is None:
        return Mark(corners, caption, UNKNOWN)
    about = " · ".join(filter(None, dict.fromkeys([answer.known.note, *answer.known.record.values()])))
    return Mark(corners, f"{caption}\n{about}".rstrip(), KNOWN)
