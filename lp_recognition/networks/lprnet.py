"""LPRNet: a segmentation-free plate recogniser, convolutions alone, trained with CTC.

The network of Zherzdev and Gruzdev, "LPRNet: License Plate Recognition via Deep Neural Networks" (arXiv 1806.10447), in
the form of its reference implementation: batch normalization and ReLU after every layer but the last. Widths, the
stride of the first pool and the global context are settings, so that the smaller members of the family are built by
the same function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import keras
from keras import ops

from lp_recognition.networks.quantization import ActivationQuantizer, QuantizableUnit, WeightQuantizer
from lp_recognition.settings.recognition import RecognitionConfig, pooled_size

#: Logits so far below the best class of their time step are as good as minus infinity: a probability of 4e-11. In 8
#: bits they would take most of the range, and leave steps so coarse that classes tie.
_LOGIT_MARGIN = 24.0
#: TFLite-Micro joins no more tensors at once.
_MOST_PARTS = 10


@dataclass(frozen=True)
class Architecture:
    """The settings that make the network; see `config/default.py` for what each does."""

    input_shape: tuple[int, int, int]
    num_classes: int
    width_multiplier: float = 1.0
    stem_filters: int = 64
    stem_pool_strides: tuple[int, int] = (1, 1)
    block_filters: tuple[tuple[int, ...], ...] = ((128,), (256, 256))
    head_filters: int = 256
    head_kernel_width: int = 13
    global_context: Literal["fully_connected", "convolutional", "none"] = "fully_connected"
    rnn_cells_num: int = 128

    @classmethod
    def from_config(cls, config: RecognitionConfig, num_classes: int) -> Architecture:
        """Takes the network's settings out of a config."""
        names = [name for name in cls.__dataclass_fields__ if name != "num_classes"]
        return cls(num_classes=num_classes, **{name: getattr(config, name) for name in names})

    def width(self, filters: int) -> int:
        """The scaled number of filters: a multiple of 4, which the blocks divide by, and at least 8."""
        return max(8, 4 * round(filters * self.width_multiplier / 4))

    @property
    def time_steps(self) -> int:
        """Length of the logits' time axis: the width that is left after the pools."""
        return self._spatial()[1]

    @property
    def head_height(self) -> int:
        """Rows that are left after the pools, all seen by the head's first convolution."""
        return self._spatial()[0]

    def check(self) -> None:
        """Refuses an input that the pools leave nothing of.

        Raises:
            ValueError: the input is too small.
        """
        if self.head_height < 1 or self.time_steps < 2:
            raise ValueError(
                f"expected an input large enough for {len(self.block_filters) + 1} pools, received "
                f"{self.input_shape}, of which {self.head_height} x {self.time_steps} would be left"
            )

    def _spatial(self) -> tuple[int, int]:
        return pooled_size(self.input_shape, self.stem_pool_strides, len(self.block_filters))


def build_lprnet(
    architecture: Architecture,
    *,
    quantization_aware: bool = False,
    per_channel: bool = False,
    precision: str = "float32",
    dropout_rate: float = 0.5,
    weight_decay: float = 0.0,
    random_seed: int = 0,
) -> keras.Model:
    """Builds LPRNet, float or quantization-aware, with the same weights under the same names.

    Args:
        architecture: What to build.
        quantization_aware: Fake-quantize weights and every stored activation to 8 bits.
        per_channel: Quantize weights with one scale for each output channel.
        precision: The dtype policy of Keras. `mixed_bfloat16` computes in bfloat16 and keeps weights, statistics and
            logits in float32 (Kalamkar et al., arXiv 1905.12322); for training in float.
        dropout_rate: Share of the head's inputs that training drops, twice.
        weight_decay: Factor of an L2 penalty on the kernels.
        random_seed: Seed of the dropout.

    Returns:
        A model from images, float32 `(batch, height, width, channels)` in the value range of the preprocessing, to
        logits, float32 `(batch, time, classes)`, blank last.

    Raises:
        ValueError: the input is too small for the pools.
    """
    architecture.check()
    layers = _Layers(
        WeightQuantizer(per_channel) if quantization_aware else None,
        keras.regularizers.L2(weight_decay / 2) if weight_decay else None,
        precision,
    )

    def dropout(x: Any, number: int) -> Any:
        seed, name = random_seed + number, f"dropout_{number}"
        return keras.layers.Dropout(dropout_rate, seed=seed, name=name, dtype=precision)(x)

    width = architecture.width
    images = keras.Input(architecture.input_shape, name="input")
    x = layers.unit("stem", width(architecture.stem_filters), (3, 3))(images)
    x = layers.pool(x, architecture.stem_pool_strides, "stem_pool")
    for stage, filters_of_blocks in enumerate(architecture.block_filters, start=1):
        for block, filters in enumerate(filters_of_blocks, start=1):
            x = layers.small_basic_block(x, width(filters), f"block{stage}_{block}")
        x = layers.pool(x, (2, 1), f"pool{stage}")
    x = dropout(x, 1)
    x = layers.unit("head", width(architecture.head_filters), (architecture.head_height, 1), padding="valid")(x)
    x = dropout(x, 2)
    x = _with_context(x, architecture, layers)  # (batch, 1, time, channels)
    x = layers.unit("logits", architecture.num_classes, batch_norm=False, relu=False, output_margin=_LOGIT_MARGIN)(x)
    logits = Squeeze(name="Squeeze", dtype="float32")(x)  # (batch, time, classes)
    return keras.Model(images, logits, name="lprnet")


@dataclass(frozen=True)
class _Layers:
    """Makes the layers of one network, which share how they are quantized, regularized and computed."""

    weight_quantizer: WeightQuantizer | None
    regularizer: keras.regularizers.Regularizer | None
    precision: str

    def unit(
        self,
        name: str,
        filters: int,
        kernel_size: tuple[int, int] = (1, 1),
        *,
        operation: Literal["conv", "depthwise_conv", "dense"] = "conv",
        **options: Any,
    ) -> QuantizableUnit:
        return QuantizableUnit(
            operation, filters, kernel_size, weight_quantizer=self.weight_quantizer,
            kernel_regularizer=self.regularizer, name=name, **{"dtype": self.precision, **options},
        )  # fmt: skip

    def small_basic_block(self, x: Any, filters: int, name: str) -> Any:
        x = self.unit(f"{name}_reduce", filters // 4)(x)
        x = self.unit(f"{name}_vertical", filters // 4, (3, 1))(x)
        x = self.unit(f"{name}_horizontal", filters // 4, (1, 3))(x)
        return self.unit(f"{name}_expand", filters)(x)

    def pool(self, x: Any, strides: tuple[int, int], name: str) -> Any:
        return keras.layers.MaxPooling2D((3, 3), strides, name=name, dtype=self.precision)(x)


def _with_context(x: Any, architecture: Architecture, layers: _Layers) -> Any:
    """The class map, and beside it what the whole plate looks like, on the channels of one tensor."""
    num_classes, time_steps, precision = architecture.num_classes, architecture.time_steps, layers.precision
    shared = architecture.global_context != "none"
    classes = layers.unit("classes", num_classes, (1, architecture.head_kernel_width), quantize_output=not shared)(x)
    if not shared:
        return classes
    # On the chip the parts of a concatenation have its scale: one quantizer serves the whole and the class map in it.
    quantizer = ActivationQuantizer(name="context_quantizer") if layers.weight_quantizer is not None else None
    if quantizer is not None:
        classes = quantizer(classes, learn=False)
    if architecture.global_context == "fully_connected":
        flat = keras.layers.Flatten(name="flatten", dtype=precision)(classes)
        pattern = layers.unit("pattern", architecture.rnn_cells_num, operation="dense", quantize_output=False)(flat)
        context = RepeatOverTime(time_steps, name="repeat", dtype=precision)(pattern)
    else:
        # As wide as the sequence, so each step sees half of one to either side; odd, so that 'same' padding is even.
        kernel_width = 2 * (time_steps // 2) + 1
        context = layers.unit(
            "context", num_classes, (1, kernel_width), operation="depthwise_conv", quantize_output=False,
            dtype="float32",  # TensorFlow 2.21 never returns from a depthwise convolution in bfloat16 on a CPU
        )(classes)  # fmt: skip
    x = keras.layers.Concatenate(name="concat", dtype=precision)([classes, context])
    return x if quantizer is None else quantizer(x)


class Squeeze(keras.layers.Layer):
    """Drops the height axis, of size 1: `(batch, 1, time, classes)` to `(batch, time, classes)`."""

    def call(self, inputs: Any) -> Any:
        """Drops axis 1."""
        return ops.squeeze(inputs, 1)


class RepeatOverTime(keras.layers.Layer):
    """Repeats one vector at every time step: `(batch, n)` to `(batch, 1, time_steps, n)`.

    By concatenations, which every chip has and which copy 8-bit numbers as they are. A tile would be one operation, but
    TFLite-Micro has none, nor have LiteRT's reference kernels in 8 bits.
    """

    def __init__(self, time_steps: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.time_steps = time_steps

    def call(self, inputs: Any) -> Any:
        """Repeats the vectors end to end, then gives them a time axis."""
        return ops.reshape(_repeated(inputs, self.time_steps), (-1, 1, self.time_steps, inputs.shape[-1]))


def _repeated(x: Any, times: int) -> Any:
    """Vectors `(batch, n)`, so many times end to end: `(batch, times * n)`."""
    if times <= _MOST_PARTS:
        return ops.concatenate([x] * times, axis=1) if times > 1 else x
    many, rest = divmod(times, _MOST_PARTS)
    long = _repeated(ops.concatenate([x] * _MOST_PARTS, axis=1), many)
    return ops.concatenate([long, *[x] * rest], axis=1) if rest else long
