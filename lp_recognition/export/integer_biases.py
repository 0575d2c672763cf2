"""Biases as a chip has them: whole numbers of steps, input scale times weight scale.

Training leaves them free. A file rounds them to int32, and on a narrow layer half of such a step tips one output in a
thousand to its neighbour; twenty layers on, a third of all activations differ. So they are rounded here once, for the
checkpoint, the graph and the files alike, and the checkpoint computes what the file computes.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from lp_recognition.image import Preprocessing
from lp_recognition.quantization import NUM_BITS, ActivationQuantizer, QuantizableUnit

_STEPS = 2**NUM_BITS - 1
_WEIGHT_STEPS = 2 ** (NUM_BITS - 1) - 1


def round_biases(model: keras.Model, preprocessing: Preprocessing) -> None:
    """Rounds the biases of a quantization-aware model to whole steps, in place.

    Args:
        model: From `build_lprnet`, with ranges that were learnt; a float model is left as it is.
        preprocessing: Whose pixels are the first layer's input.
    """
    scales: dict[str, float] = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            scales[layer.name] = preprocessing.scale
        elif isinstance(layer, ActivationQuantizer):
            scales[layer.name] = _scale(layer)
        elif isinstance(layer, QuantizableUnit):
            if layer.weight_quantizer is None:
                return
            _round_bias(layer, _input_scale(layer, scales))
            if layer.output_quantizer is not None:
                scales[layer.name] = _scale(layer.output_quantizer)
        else:  # pools, dropout, reshapes: values as they are
            scales[layer.name] = _input_scale(layer, scales)


def _input_scale(layer: Any, scales: dict[str, float]) -> float:
    source = layer.input[0] if isinstance(layer.input, list) else layer.input
    # A part of a concatenation has no scale of its own: that of the whole, which a quantizer behind it sets.
    return scales.get(source._keras_history.operation.name, 0.0)


def _scale(quantizer: ActivationQuantizer) -> float:
    return (float(np.asarray(quantizer.range_max)) - float(np.asarray(quantizer.range_min))) / _STEPS


def _round_bias(unit: QuantizableUnit, input_scale: float) -> None:
    kernel, bias = (np.asarray(values, np.float64) for values in unit.folded())
    step = input_scale * _weight_limit(unit, kernel) / _WEIGHT_STEPS
    if np.all(step > 0):
        # The bias is `beta` less a constant, so what is added to the one is added to the other.
        unit.beta.assign(np.asarray(unit.beta, np.float64) + np.rint(bias / step) * step - bias)


def _weight_limit(unit: QuantizableUnit, kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    assert unit.weight_quantizer is not None
    if unit.operation == "depthwise_conv" and unit.weight_quantizer.per_channel:
        kernel = np.swapaxes(kernel, 2, 3)
    return np.asarray(unit.weight_quantizer.limit(kernel), np.float64)
