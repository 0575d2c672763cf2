"""Where a plate will be in the next frame: a Kalman filter over its place and size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: What a detector is off by: the middle in plate widths, width and height as shares of themselves.
_PLACE_ERROR, _SIZE_ERROR = 0.05, 0.1
#: How fast a plate may be when it is seen first, a standard deviation: widths a second, and e-folds of its size.
_FIRST_SPEED, _FIRST_GROWTH = 6.0, 1.0
#: How much that changes within a second. A car that comes near seems to speed up, for all grows with it.
_SPEED_CHANGE, _GROWTH_CHANGE = 8.0, 1.0


class Motion:
    """A plate moving in a picture, at a speed that changes slowly (Kalman 1960; as in SORT, arXiv 1602.00763).

    Place and size are filtered each on its own: the middle in pixels; width and height as logarithms, for a plate that
    comes nearer grows by a factor, not by a number of pixels. Time is in seconds, so that frames may come unevenly.

    Args:
        measured: Middle x, y, width and height of the plate, in pixels.
    """

    def __init__(self, measured: NDArray[np.float64]) -> None:
        # Rows: x, y, log width, log height. Columns: the value, and its change a second.
        self._mean = np.stack([_to_state(measured), np.zeros(4)], axis=1)
        self._covariance = np.zeros((4, 2, 2))
        self._covariance[:, 0, 0] = self._errors() ** 2
        self._covariance[:, 1, 1] = np.square(self._in_widths(_FIRST_SPEED, _FIRST_GROWTH))

    @property
    def place(self) -> NDArray[np.float64]:
        """Middle x, y, width and height, in pixels."""
        return np.concatenate([self._mean[:2, 0], np.exp(self._mean[2:, 0])])

    @property
    def velocity(self) -> tuple[float, float]:
        """Pixels a second, to the right and down."""
        return float(self._mean[0, 1]), float(self._mean[1, 1])

    def predict(self, seconds: float) -> None:
        """Moves on in time."""
        step = np.array([[1.0, seconds], [0.0, 1.0]])
        noise = np.array([[seconds**3 / 3, seconds**2 / 2], [seconds**2 / 2, seconds]])
        strength = np.square(self._in_widths(_SPEED_CHANGE, _GROWTH_CHANGE))
        self._mean[:2] = self._mean[:2] @ step.T
        # A plate that is not seen does not grow or shrink without end.
        self._mean[2:, 0] += self._mean[2:, 1] * (1 - np.exp(-seconds))
        self._mean[2:, 1] *= np.exp(-seconds)
        self._covariance = step @ self._covariance @ step.T + strength[:, None, None] * noise

    def correct(self, measured: NDArray[np.float64]) -> None:
        """Takes in where the plate was found; as for the constructor."""
        off = _to_state(measured) - self._mean[:, 0]
        gain = self._covariance[:, :, 0] / (self._covariance[:, 0, 0] + self._errors() ** 2)[:, None]
        self._mean = self._mean + gain * off[:, None]
        self._covariance = self._covariance - gain[:, :, None] * self._covariance[:, None, 0, :]

    def _errors(self) -> NDArray[np.float64]:
        return self._in_widths(_PLACE_ERROR, _SIZE_ERROR)

    def _in_widths(self, place: float, size: float) -> NDArray[np.float64]:
        width = np.exp(self._mean[2, 0])
        return np.array([place * width, place * width, size, size])


def _to_state(measured: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([measured[:2], np.log(np.maximum(measured[2:], 1.0))])
