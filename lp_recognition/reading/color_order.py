"""Noticing that red and blue of pictures are exchanged, where the colour of plates is known.

An array does not say whether it is BGR or RGB. Chinese plates do: most are blue, and blue taken for red looks like no
plate that a network has seen. A picture is a witness if it looks red, is read with little confidence, and with much
once its colours are exchanged. Of 2,460 real crops (blue, yellow, green and white) read by two shipped models, 46% and
56% are witnesses if their colours are exchanged, and 1 of 4,920 readings is one if they are not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.pixels import Image
from lp_recognition.texts.vocabulary import Vocabulary

#: Confidences of a witness: as it is, and with red and blue exchanged.
DOUBTFUL, SURE = 0.5, 0.9
#: The first pictures that are looked at, and the share of them that must be witnesses: below, they are the rare ones.
WATCHED_PICTURES = 100
WITNESS_SHARE = 0.25

WARNING = (
    "red and blue of the pictures seem exchanged: plates look red, and read well once they are blue; arrays are taken "
    'as BGR, unless the recognizer is made with color="rgb" (or "bgr", where it was)'
)

_PROVINCES = frozenset("京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新")
_NAMES = frozenset(("<Beijing>", "<Shanghai>", "<Anhui>"))


def has_blue_plates(vocabulary: Vocabulary) -> bool:
    """Whether the alphabet is that of Chinese plates."""
    return len((_PROVINCES | _NAMES).intersection(vocabulary.classes)) >= 3


def look_red(prepared: Image) -> NDArray[np.bool_]:
    """Which of uint8 BGR `(n, h, w, 3)` are more red than blue in their middle: bool `(n,)`."""
    height, width = prepared.shape[1:3]
    middle = prepared[:, height // 6 : height - height // 6, width // 12 : width - width // 12].astype(np.float32)
    means = middle.mean(axis=(1, 2))
    return np.asarray(means[:, 2] > means[:, 0])
