"""License plate recognition with LPRNet, small enough for a microcontroller.

`from lp_recognition import Alpr` finds and reads the plates of photographs, `Recognizer` reads crops of them, with the
light install; everything else is imported from its module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lp_recognition.reading.alpr import Alpr
    from lp_recognition.reading.recognizer import Recognizer

__all__ = ["Alpr", "Recognizer", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Imports `Alpr` and `Recognizer` when they are first asked for, so that `--help` need not wait for OpenCV."""
    if name == "Alpr":
        from lp_recognition.reading.alpr import Alpr

        return Alpr
    if name == "Recognizer":
        from lp_recognition.reading.recognizer import Recognizer

        return Recognizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
