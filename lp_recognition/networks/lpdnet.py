"""LPDNet: a plate detector of convolutions alone, without anchors, for microcontrollers.

A chain of depthwise separable units (Howard et al., "MobileNets", arXiv 1704.04861) at strides 4, 8, 16, ...; from
each stride but the first a head says for every cell how sure it is of a plate there and where its four corners are.
There is no up-sampling and no addition: those are what the tool chains of chips disagree about. Large kernels at fine
strides give small plates their surroundings instead. What the output means is written in `boxes.cells`.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from lp_recognition.boxes.cells import CHANNELS
from lp_recognition.networks.quantization import ActivationQuantizer, QuantizableUnit, WeightQuantizer
from lp_recognition.settings.detection import DetectionConfig

#: A cell's score before any training: plates are rare, and a loss that begins among false alarms begins huge.
_FIRST_SCORE = 0.01


def build_lpdnet(
    config: DetectionConfig, *, quantization_aware: bool = False, precision: str = "float32", weight_decay: float = 0.0
) -> keras.Model:
    """Builds LPDNet, float or quantization-aware, with the same weights under the same names.

    Args:
        config: Its sizes.
        quantization_aware: Fake-quantize weights and every stored activation to 8 bits.
        precision: The dtype policy of Keras, for training in float.
        weight_decay: Factor of an L2 penalty on the kernels.

    Returns:
        A model from pictures, float32 `(batch, height, width, channels)` in the value range of the preprocessing, to
        float32 `(batch, cells, 9)`: the score's logit and eight offsets, as `boxes.cells` says.
    """
    weight_quantizer = WeightQuantizer(config.quantize_per_channel) if quantization_aware else None
    regularizer = keras.regularizers.L2(weight_decay / 2) if weight_decay else None

    def unit(name: str, filters: int, size: int = 1, stride: int = 1, **kwargs: Any) -> QuantizableUnit:
        operation = kwargs.pop("operation", "conv")
        # TensorFlow 2.21 never returns from a depthwise convolution in bfloat16 on a CPU.
        dtype = "float32" if operation == "depthwise_conv" else precision
        return QuantizableUnit(
            operation, filters, (size, size), strides=stride, weight_quantizer=weight_quantizer,
            kernel_regularizer=regularizer, name=name, dtype=dtype, **kwargs,
        )  # fmt: skip

    def separable(x: Any, name: str, filters: int, size: int, stride: int = 1) -> Any:
        x = unit(f"{name}_depthwise", 0, size, stride, operation="depthwise_conv")(x)
        return unit(f"{name}_pointwise", filters)(x)

    def width(filters: int) -> int:
        return max(8, 4 * round(filters * config.width_multiplier / 4))

    pictures = keras.Input(config.input_shape, name="input")
    x = unit("stem", width(config.stem_filters), 3, 2)(pictures)
    heads = []
    for stage, (filters, count) in enumerate(config.stages, start=1):
        size = 3 if stage == 1 else config.kernel_size
        if stage == 1:  # a full convolution where channels are few
            x = unit("stage1_1", width(filters), 3, 2)(x)
        else:
            x = separable(x, f"stage{stage}_1", width(filters), size, 2)
        for number in range(2, count + 1):
            x = separable(x, f"stage{stage}_{number}", width(filters), size)
        if stage > 1:
            # By its name a tower comes after all stages: converters compute what is alike in the order of names, and
            # a tower before the next stage would keep that stage's input in memory beside its own.
            y = separable(x, f"tower{stage}", width(config.head_filters), config.kernel_size)
            y = unit(f"cells{stage}", CHANNELS, batch_norm=False, relu=False, quantize_output=False)(y)
            heads.append(keras.layers.Reshape((-1, CHANNELS), dtype="float32", name=f"flat{stage}")(y))
    x = heads[0] if len(heads) == 1 else keras.layers.Concatenate(axis=1, name="concat", dtype="float32")(heads)
    if quantization_aware:
        x = ActivationQuantizer(name="output_quantizer", dtype="float32")(x)
    model = keras.Model(pictures, x, name="lpdnet")
    for stage in range(2, len(config.stages) + 1):
        beta = model.get_layer(f"cells{stage}").beta
        first = np.zeros(beta.shape, np.float32)
        first[0] = math.log(_FIRST_SCORE / (1 - _FIRST_SCORE))
        beta.assign(first)
    return model
