"""A quantization-aware model as a chip computes it: biases in whole steps, sums in whole numbers.

Training leaves biases free. A file rounds them to int32, and on a narrow layer half of such a step tips one output in a
thousand to its neighbour; twenty layers on, a third of all activations differ. So they are rounded here once, for the
checkpoint, the graph and the files alike. Sums of rounded values in floats then still differ from sums of whole numbers
in their last digit, which tips a few outputs a plate: so a checkpoint that is measured computes in whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.image import Preprocessing
from lp_recognition.networks.quantization import NUM_BITS, ActivationQuantizer, IntegerArithmetic, QuantizableUnit

_STEPS = 2**NUM_BITS - 1
_WEIGHT_STEPS = 2 ** (NUM_BITS - 1) - 1


def round_biases(model: keras.Model, preprocessing: Preprocessing) -> None:
    """Rounds the biases of a quantization-aware model to whole steps, in place.

    Args:
        model: From `build_lprnet`, with ranges that were learnt; a float model is left as it is.
        preprocessing: Whose pixels are the first layer's input.
    """
    for unit, input_scale, _ in _quantized_units(model, preprocessing):
        bias = np.asarray(unit.folded()[1], np.float64)
        step = input_scale * _weight_scale(unit)
        if np.all(step > 0):
            # The bias is `beta` less a constant, so what is added to the one is added to the other.
            unit.beta.assign(np.asarray(unit.beta, np.float64) + np.rint(bias / step) * step - bias)


def compute_in_integers(model: keras.Model, preprocessing: Preprocessing) -> None:
    """Makes a quantization-aware model compute as its uint8 and int8 files do, to the last digit.

    Layers take and give real values as before, all of them multiples of a step. Within a layer the sum is one of whole
    numbers, which float32 holds exactly up to 2**24; then comes one rounding, as in the XNNPACK kernels of LiteRT.

    Args:
        model: From `build_lprnet`, with ranges that were learnt and biases that were rounded; no longer to be trained
            or exported. A float model is left as it is.
        preprocessing: Whose pixels are the first layer's input.
    """
    for unit, input_scale, quantizer in _quantized_units(model, preprocessing):
        kernel, bias = (np.asarray(values, np.float64) for values in unit.quantized_kernel())
        weight_scale, output_scale = _weight_scale(unit), _scale(quantizer)
        by_filter = np.reshape(weight_scale, (1, 1, -1, 1)) if unit.operation == "depthwise_conv" else weight_scale
        below = np.rint(-float(np.asarray(quantizer.range_min)) / output_scale)  # the zero point
        factor = np.float32(input_scale) * np.float32(weight_scale) / np.float32(output_scale)
        unit.compute_in_integers(
            IntegerArithmetic(
                input_scale=input_scale,
                kernel=np.rint(kernel / by_filter).astype(np.float32),
                bias=np.rint(bias / (input_scale * weight_scale)).astype(np.float32),
                multiplier=np.asarray(factor, np.float32),
                lowest=0.0 if unit.relu else -below,
                highest=_STEPS - below,
                output_scale=output_scale,
            )
        )


def _quantized_units(
    model: keras.Model, preprocessing: Preprocessing
) -> Iterator[tuple[QuantizableUnit, float, ActivationQuantizer]]:
    """Each unit, the scale of its input and the quantizer of its output, from the input on; none of a float model."""
    shared = next((layer for layer in model.layers if isinstance(layer, ActivationQuantizer)), None)
    scales: dict[str, float] = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            scales[layer.name] = preprocessing.scale
        elif isinstance(layer, ActivationQuantizer):
            scales[layer.name] = _scale(layer)
        elif isinstance(layer, QuantizableUnit):
            # The parts of the concatenation have its quantizer, the only one that is a layer of its own.
            quantizer = layer.output_quantizer or shared
            if layer.weight_quantizer is None or quantizer is None:
                return
            scales[layer.name] = _scale(quantizer)
            yield layer, _input_scale(layer, scales), quantizer
        else:  # pools, dropout, reshapes: values as they are
            scales[layer.name] = _input_scale(layer, scales)


def _input_scale(layer: Any, scales: dict[str, float]) -> float:
    source = layer.input[0] if isinstance(layer.input, list) else layer.input
    return scales[source._keras_history.operation.name]


def _scale(quantizer: ActivationQuantizer) -> float:
    return (float(np.asarray(quantizer.range_max)) - float(np.asarray(quantizer.range_min))) / _STEPS


def _weight_scale(unit: QuantizableUnit) -> NDArray[np.float64]:
    assert unit.weight_quantizer is not None
    kernel = unit.folded()[0]
    if unit.operation == "depthwise_conv" and unit.weight_quantizer.per_channel:
        kernel = keras.ops.swapaxes(kernel, 2, 3)
    return np.asarray(unit.weight_quantizer.limit(kernel), np.float64) / _WEIGHT_STEPS
