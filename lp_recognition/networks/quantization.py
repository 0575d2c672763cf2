"""Quantization-aware layers: 8-bit fake quantization, ranges learnt in training, batch normalization folded.

A quantizer is an argument of a layer and `None` means float. A unit here is what a chip runs as one operation: a
convolution or a fully connected layer, with its bias and ReLU. Batch normalization is folded into the kernel *before*
the weight quantizer sees it, so that what is trained is what the chip computes. The scheme is that of Jacob et al.,
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference" (arXiv 1712.05877).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from lp_recognition.networks.batch_norm import normalize

NUM_BITS = 8
_RANGE_MOMENTUM = 0.99
_SMALLEST_RANGE = 1e-6
_EPSILON = 1e-3
_STATISTICS_MOMENTUM = 0.99


class WeightQuantizer:
    """Symmetric 8-bit fake quantization of a kernel: steps -127 to 127 with zero exact, as uint8 and int8 files need.

    Args:
        per_channel: One scale for each output channel (the last axis), in place of one for the whole tensor.
    """

    def __init__(self, per_channel: bool = False) -> None:
        self.per_channel = per_channel

    def limit(self, kernel: Any) -> Any:
        """The largest magnitude of `kernel`, float32: a scalar, or `(out,)` per channel."""
        axes = tuple(range(len(kernel.shape) - 1)) if self.per_channel else None
        return ops.maximum(ops.max(ops.abs(kernel), axis=axes), _SMALLEST_RANGE)

    def __call__(self, kernel: Any, limit: Any | None = None) -> Any:
        """Rounds `kernel`, float32 with the output channels last, to its 8-bit grid."""
        # The range follows the weights but is no path for gradients: only the weights learn.
        limit = ops.stop_gradient(self.limit(kernel)) if limit is None else limit
        return keras.quantizers.fake_quant_with_min_max_vars(
            kernel, -limit, limit, num_bits=NUM_BITS, narrow_range=True, axis=-1 if self.per_channel else None
        )


class ActivationQuantizer(keras.layers.Layer):
    """Asymmetric 8-bit fake quantization of activations; the range is a moving average over training batches.

    Zero is always inside the range and exact. The first batches are averaged evenly, so that the range fits from the
    first step on; before any, a tensor is quantized by its own range.

    Args:
        margin: None for the range of all values. A number is for logits, of which only the largest of each vector
            matter: the range then begins so far below the smallest of these maxima, and what is lower is clipped.
    """

    def __init__(self, margin: float | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.margin = margin

    def build(self, input_shape: Any = None) -> None:
        """Makes the range, in real values, and the number of batches it was learnt from."""
        self.range_min = self.add_weight(name="range_min", shape=(), initializer="zeros", trainable=False)
        self.range_max = self.add_weight(name="range_max", shape=(), initializer="zeros", trainable=False)
        self.batches_seen = self.add_weight(name="batches_seen", shape=(), initializer="zeros", trainable=False)
        self.constant_range: tuple[float, float] | None = None

    def call(self, inputs: Any, training: bool | None = False, learn: bool = True) -> Any:
        """Quantizes float32 of any shape.

        Args:
            inputs: The tensor.
            training: Learn the range from the inputs before quantizing them.
            learn: False leaves the range alone also in training: for a tensor that is seen again inside another.
        """
        if self.constant_range is not None:
            low, high = self.constant_range
        else:
            low = ops.min(inputs)
            if self.margin is not None:
                low = ops.maximum(low, ops.min(ops.max(inputs, axis=-1)) - self.margin)
            low = ops.stop_gradient(ops.minimum(low, 0.0))
            high = ops.stop_gradient(ops.maximum(ops.max(inputs), _SMALLEST_RANGE))
            if training and learn:
                momentum = ops.minimum(self.batches_seen / (self.batches_seen + 1.0), _RANGE_MOMENTUM)
                self.range_min.assign(momentum * self.range_min + (1.0 - momentum) * low)
                self.range_max.assign(momentum * self.range_max + (1.0 - momentum) * high)
                self.batches_seen.assign(self.batches_seen + 1.0)
            unseen = ops.equal(self.batches_seen, 0.0)
            low = ops.where(unseen, low, ops.convert_to_tensor(self.range_min))
            high = ops.where(unseen, high, ops.convert_to_tensor(self.range_max))
        return keras.quantizers.fake_quant_with_min_max_vars(inputs, low, high, num_bits=NUM_BITS)

    def compute_output_spec(self, inputs: Any, training: bool | None = False, learn: bool = True) -> Any:
        """The shape stays as it is."""
        return keras.KerasTensor(inputs.shape, inputs.dtype)

    def make_constant(self) -> None:
        """Fixes the range as numbers, for export."""
        self.constant_range = (float(np.asarray(self.range_min)), float(np.asarray(self.range_max)))


@dataclass(frozen=True)
class IntegerArithmetic:
    """What a chip computes for one unit: whole numbers, as float32 holds them exactly, and one rounding at the end.

    Attributes:
        input_scale: The real value of one step of the input.
        kernel: float32 of the kernel's shape: steps, -127 to 127.
        bias: float32 `(filters,)`: steps of input scale times weight scale.
        multiplier: float32: steps of the sum to steps of the output; a scalar, or `(filters,)`.
        lowest: The smallest output, in steps from zero.
        highest: The largest output, in steps from zero.
        output_scale: The real value of one step of the output.
    """

    input_scale: float
    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]
    multiplier: NDArray[np.float32]
    lowest: float
    highest: float
    output_scale: float


class QuantizableUnit(keras.layers.Layer):
    """Kernel, folded batch normalization, bias and ReLU as one operation, float or quantized.

    In float training, batch statistics normalize. With a weight quantizer the moving statistics do, folded into the
    kernel and no longer updated: a quantization-aware run therefore starts from weights trained in float.

    Args:
        operation: `conv`, `depthwise_conv` (over `(batch, height, width, channels)`) or `dense` (over `(batch, n)`).
        filters: Output channels; ignored by `depthwise_conv`.
        kernel_size: `(height, width)` of a convolution.
        strides: Positions from output to output of a convolution, in both directions.
        padding: `same` or `valid`.
        batch_norm: Normalize; else the unit has a plain bias.
        relu: Clip at zero.
        weight_quantizer: `None` for float. A `dense` unit has one scale for its kernel in any case.
        quantize_output: Fake-quantize the output by a range of its own; needs a weight quantizer. False where the
            output shares its range with another tensor, which a quantizer outside knows.
        output_margin: The margin of the output's quantizer.
        kernel_regularizer: As in Keras.
    """

    def __init__(
        self,
        operation: Literal["conv", "depthwise_conv", "dense"],
        filters: int,
        kernel_size: tuple[int, int] = (1, 1),
        *,
        strides: int = 1,
        padding: str = "same",
        batch_norm: bool = True,
        relu: bool = True,
        weight_quantizer: WeightQuantizer | None = None,
        quantize_output: bool = True,
        output_margin: float | None = None,
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.operation = operation
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.batch_norm = batch_norm
        self.relu = relu
        if operation == "dense" and weight_quantizer is not None:
            # The converter transposes the kernel and refuses one that has a scale for each channel.
            weight_quantizer = WeightQuantizer(per_channel=False)
        self.weight_quantizer = weight_quantizer
        self.kernel_regularizer = kernel_regularizer
        self.output_quantizer = (
            ActivationQuantizer(output_margin, name="output_quantizer")
            if weight_quantizer is not None and quantize_output
            else None
        )
        self._constants: tuple[Any, Any, Any] | None = None
        self._integers: IntegerArithmetic | None = None

    def build(self, input_shape: Any) -> None:
        """Makes the weights, under the same names with and without quantizers."""
        channels = int(input_shape[-1])
        if self.operation == "depthwise_conv":
            self.filters = channels
        shape = {
            "conv": (*self.kernel_size, channels, self.filters),
            "depthwise_conv": (*self.kernel_size, channels, 1),
            "dense": (channels, self.filters),
        }[self.operation]
        # Always float32, cast where they are used: normalization and folding are not for half the digits.
        add_weight = functools.partial(self.add_weight, autocast=False)
        self.kernel = add_weight(
            name="kernel", shape=shape, initializer="he_normal", regularizer=self.kernel_regularizer
        )
        self.beta = add_weight(name="beta", shape=(self.filters,), initializer="zeros")
        if self.batch_norm:
            self.gamma = add_weight(name="gamma", shape=(self.filters,), initializer="ones")
            self.moving_mean = add_weight(
                name="moving_mean", shape=(self.filters,), initializer="zeros", trainable=False
            )
            self.moving_variance = add_weight(
                name="moving_variance", shape=(self.filters,), initializer="ones", trainable=False
            )
        if self.output_quantizer is not None:
            self.output_quantizer.build()

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """Applies the unit to float32 `inputs` (or bfloat16, in float); returns their dtype with `filters` channels."""
        if self._integers is not None:
            return self._call_in_integers(inputs, self._integers)
        if self.batch_norm and training and self.weight_quantizer is None:
            outputs = self._normalize(self._apply(inputs, self.kernel))
        else:
            kernel, bias = self.quantized_kernel()
            outputs = self._apply(inputs, kernel) + ops.cast(bias, self.compute_dtype)
        if self.relu:
            outputs = ops.relu(outputs)
        if self.output_quantizer is not None:
            outputs = self.output_quantizer(outputs, training=training)
        return outputs

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """The shape of the output, which Keras asks for before any tensor flows."""
        if self.operation == "dense":
            return (*input_shape[:-1], self.filters)
        spatial = [
            size if size is None else -(-(size if self.padding == "same" else size - kernel + 1) // self.strides)
            for size, kernel in zip(input_shape[1:3], self.kernel_size, strict=True)
        ]
        return (input_shape[0], *spatial, self.filters)

    def folded(self) -> tuple[Any, Any]:
        """The kernel and bias of one operation: batch normalization by the moving statistics folded in, float32."""
        if not self.batch_norm:
            return ops.convert_to_tensor(self.kernel), ops.convert_to_tensor(self.beta)
        factor = self.gamma * ops.rsqrt(self.moving_variance + _EPSILON)
        shape = (1, 1, self.filters, 1) if self.operation == "depthwise_conv" else (self.filters,)
        return self.kernel * ops.reshape(factor, shape), self.beta - self.moving_mean * factor

    def make_constant(self) -> None:
        """Fixes the folded kernel, its limit and the bias as numbers: plain constants of an exported graph."""
        kernel, bias = self.folded()
        limit = self.weight_quantizer.limit(kernel) if self.weight_quantizer is not None else None
        limit = None if limit is None else ops.convert_to_numpy(limit)
        self._constants = (ops.convert_to_numpy(kernel), ops.convert_to_numpy(bias), limit)
        if self.output_quantizer is not None:
            self.output_quantizer.make_constant()

    def compute_in_integers(self, integers: IntegerArithmetic) -> None:
        """Computes from now on as a chip does, to the last digit; the unit can no longer be trained or exported."""
        self._integers = integers

    def _call_in_integers(self, inputs: Any, integers: IntegerArithmetic) -> Any:
        steps = ops.round(inputs / integers.input_scale)
        sums = self._apply(steps, ops.convert_to_tensor(integers.kernel)) + integers.bias
        outputs = ops.round(sums * integers.multiplier)  # halves to even, as the kernels of processors do
        return ops.clip(outputs, integers.lowest, integers.highest) * integers.output_scale

    def quantized_kernel(self) -> tuple[Any, Any]:
        """The folded kernel on its 8-bit grid, in real values, and the bias; float where there is no quantizer."""
        kernel, bias, limit = self._constants if self._constants is not None else (*self.folded(), None)
        if self.weight_quantizer is not None:
            # A depthwise kernel has its channels on axis 2; the quantizer wants the output channels last.
            depthwise = self.operation == "depthwise_conv" and self.weight_quantizer.per_channel
            if depthwise:
                kernel = ops.swapaxes(kernel, 2, 3)
            kernel = self.weight_quantizer(kernel, None if limit is None or depthwise else limit)
            if depthwise:
                kernel = ops.swapaxes(kernel, 2, 3)
        return kernel, bias

    def _apply(self, inputs: Any, kernel: Any) -> Any:
        kernel = ops.cast(kernel, self.compute_dtype)
        if self.operation == "dense":
            return ops.matmul(inputs, kernel)
        if self.operation == "depthwise_conv":
            return ops.depthwise_conv(inputs, kernel, strides=self.strides, padding=self.padding)
        return ops.conv(inputs, kernel, strides=self.strides, padding=self.padding)

    def _normalize(self, outputs: Any) -> Any:
        gamma, beta = ops.convert_to_tensor(self.gamma), ops.convert_to_tensor(self.beta)
        outputs, mean, variance = normalize(outputs, gamma, beta, _EPSILON)
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(_STATISTICS_MOMENTUM * moving + (1.0 - _STATISTICS_MOMENTUM) * value)
        return outputs


def make_constant(model: keras.Model) -> None:
    """Folds every unit of a model into plain numbers, for export; the model can no longer be trained."""
    for layer in model.layers:
        if isinstance(layer, (QuantizableUnit, ActivationQuantizer)):
            layer.make_constant()
