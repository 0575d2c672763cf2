"""The forms in which a target takes operators: what a list of operators in `targets.yaml` cannot say.

A form looks at a network and tells what breaks it. Those about NNTool are what GAP8's own tool, version 4.1, was seen
to refuse or to compute wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lp_recognition.deployment.layers import Layer, Network, Tensor

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
_SAME = 0  # TFLite's number of 'same' padding


@dataclass(frozen=True)
class Finding:
    """What keeps a network from a target, or costs it accuracy there.

    Attributes:
        problem: What is wrong; it names the layer.
        fix: What to change.
        layer: Number of the layer; None where it is the whole network.
        is_warning: It runs, but not as well as it could.
    """

    problem: str
    fix: str
    layer: int | None = None
    is_warning: bool = False


def _static_shapes(network: Network) -> Iterator[Finding]:
    for layer in network.layers:
        if any(size < 0 for tensor in layer.outputs for size in tensor.shape[1:]):
            yield Finding(
                f"{place(layer)}: the shape {layer.outputs[0].shape} is open",
                "convert with a fixed input shape",
                layer.number,
            )
            return  # what follows is open for the same reason


def _batch_1(network: Network) -> Iterator[Finding]:
    for tensor in network.inputs:
        if tensor.shape and tensor.shape[0] != 1:
            yield Finding(
                f"the input `{tensor.name}` of shape {tensor.shape}: the batch is not 1",
                "convert with a batch size of 1; a chip takes one image at a time",
            )


def _at_most_4_dimensions(network: Network) -> Iterator[Finding]:
    for layer in network.layers:
        large = [tensor for tensor in tensors(layer) if len(tensor.shape) > 4]
        if large:
            yield Finding(
                f"{place(layer)}: a tensor of {len(large[0].shape)} dimensions, {large[0].shape}",
                "keep to 4 dimensions; repeat by concatenations, not by UpSampling2D",
                layer.number,
            )


def _no_custom_operators(network: Network) -> Iterator[Finding]:
    for layer in network.layers:
        if layer.is_custom:
            kind = "a Flex operator of TensorFlow" if layer.operator.startswith("Flex") else "a custom operator"
            yield Finding(
                f"{place(layer)}: {layer.operator} is {kind}, which no chip has",
                "build the layer of TFLite's own operators",
                layer.number,
            )


def _average_pool_without_padding(network: Network) -> Iterator[Finding]:
    for layer in network.layers:
        if layer.operator == "AVERAGE_POOL_2D" and _padding(layer) > 0:
            yield Finding(
                f"{place(layer)}: an average pool with padding, which NNTool counts among the pixels: wrong by 100 "
                "output steps and more, without a word",
                "pool with padding='valid'",
                layer.number,
            )


def _flat_fully_connected(network: Network) -> Iterator[Finding]:
    for layer in network.layers:
        if layer.operator == "FULLY_CONNECTED" and layer.activations and not _is_flat(layer.activations[0]):
            yield Finding(
                f"{place(layer)}: a fully connected layer on a tensor of shape {layer.activations[0].shape}, which "
                "NNTool computes wrong",
                "flatten before it, or make it a 1x1 convolution",
                layer.number,
            )


def _pad_before_convolution(network: Network) -> Iterator[Finding]:
    for layer in network.layers:
        if layer.operator in ("PAD", "PADV2"):
            takers = _takers(network, layer)
            if not takers or any(taker.operator not in _CONVOLUTIONS for taker in takers):
                names = ", ".join(taker.operator for taker in takers) or "nothing"
                yield Finding(
                    f"{place(layer)}: padding before {names}",
                    "pad right before a convolution alone, or use its own padding='same'",
                    layer.number,
                )


def _plain_slices(network: Network) -> Iterator[Finding]:
    for layer in network.layers:
        if layer.operator in ("SLICE", "STRIDED_SLICE"):
            constants = [t for t in layer.inputs[1:] if t is not None and t.is_constant]
            begin = constants[0].values() if constants else None
            strides = constants[2].values() if layer.operator == "STRIDED_SLICE" and len(constants) > 2 else None
            if begin is None or any(begin) or (strides is not None and any(strides != 1)):
                yield Finding(
                    f"{place(layer)}: a slice with an offset or a stride, which NNTool computes wrong",
                    "take the part by the strides of a convolution or pool",
                    layer.number,
                )


def _no_half_pixel_resize(network: Network) -> Iterator[Finding]:
    for layer in network.layers:
        if layer.operator.startswith("RESIZE_") and layer.options.get("halfPixelCenters"):
            yield Finding(
                f"{place(layer)}: a resize by pixel centres, which NNTool computes wrong",
                "resize the image before the network, or with half_pixel_centers=False",
                layer.number,
            )


def _one_type(network: Network) -> Iterator[Finding]:
    kinds = {tensor.dtype for layer in network.layers for tensor in (*layer.activations, *layer.outputs)}
    if {"UINT8", "INT8"} <= kinds:
        layer = next(
            layer for layer in network.layers if len({t.dtype for t in (*layer.activations, *layer.outputs)}) > 1
        )
        yield Finding(
            f"{place(layer)}: goes from {layer.activations[0].dtype.lower()} to {layer.outputs[0].dtype.lower()}",
            "the whole file must be of one kind: export it with --tflite uint8",
            layer.number,
        )


def _uint8_at_the_ends_alone(network: Network) -> Iterator[Finding]:
    inside = [
        layer
        for layer in network.layers
        if layer.operator != "QUANTIZE" and any(tensor.dtype == "UINT8" for tensor in tensors(layer))
    ]
    if inside:
        more = f", as do {len(inside) - 1} more layers" if len(inside) > 1 else ""
        yield Finding(
            f"{place(inside[0])}: computes with uint8{more}; TFLite-Micro computes with int8",
            "export the file with --tflite int8 (uint8 is for GAP8)",
            inside[0].number,
        )


def _symmetric_activations(network: Network) -> Iterator[Finding]:
    """NNTool makes all activations symmetric; what is signed but not symmetric, or padded later, loses resolution."""
    padded = [
        layer
        for layer in network.layers
        if layer.operator in _CONVOLUTIONS and _padding(layer) > 0 and any(_is_unsigned(t) for t in layer.activations)
    ]
    signed = [layer for layer in network.layers if any(_lost_bits(tensor) > 0.2 for tensor in layer.outputs)]
    if padded:
        names = ", ".join(layer.name for layer in padded[:3]) + (", ..." if len(padded) > 3 else "")
        yield Finding(
            f"{len(padded)} padded convolutions take ReLU outputs ({names}): NNTool halves their resolution",
            "nothing must be done; judge by the plates that NNTool's own emulation reads",
            is_warning=True,
        )
    for layer in signed:
        if layer.operator != "RESHAPE":
            lost = max(_lost_bits(tensor) for tensor in layer.outputs)
            yield Finding(
                f"{place(layer)}: its output is signed and not symmetric ({layer.outputs[0].quantization}): NNTool "
                f"makes it symmetric, which costs {lost:.1f} of its 8 bits",
                "nothing must be done for the logits; inside the network, a ReLU keeps the resolution",
                layer.number,
                is_warning=True,
            )


def place(layer: Layer) -> str:
    """A layer for a message: its number and name."""
    return f"layer {layer.number} `{layer.name}`"


def tensors(layer: Layer) -> list[Tensor]:
    """The tensors that are computed with: not shapes and axes."""
    constants = [tensor for tensor in layer.inputs if tensor is not None and tensor.is_constant and tensor.scales]
    return [*layer.activations, *constants, *layer.outputs]


def _takers(network: Network, layer: Layer) -> list[Layer]:
    given = {tensor.index for tensor in layer.outputs}
    return [other for other in network.layers if any(tensor.index in given for tensor in other.activations)]


def _padding(layer: Layer) -> int:
    """Rows and columns of padding that 'same' adds to a convolution or pool of this shape."""
    if layer.options.get("padding") != _SAME or not layer.activations:
        return 0
    sizes = layer.activations[0].shape[1:3]
    strides = (layer.options["strideH"], layer.options["strideW"])
    kernels: tuple[int, ...]
    if "filterHeight" in layer.options:
        kernels = (layer.options["filterHeight"], layer.options["filterWidth"])
    else:
        weights = layer.inputs[1]
        kernels = weights.shape[1:3] if weights is not None else (1, 1)
    return sum(
        max((-(-size // stride) - 1) * stride + kernel - size, 0)
        for size, stride, kernel in zip(sizes, strides, kernels, strict=True)
    )


def _is_flat(tensor: Tensor) -> bool:
    return tensor.elements == abs(tensor.shape[-1])


def _limits(tensor: Tensor) -> tuple[float, float] | None:
    """Real values that the smallest and the largest integer stand for."""
    if len(tensor.scales) != 1 or tensor.dtype not in ("UINT8", "INT8"):
        return None
    low, high = (0, 255) if tensor.dtype == "UINT8" else (-128, 127)
    return (low - tensor.zero_points[0]) * tensor.scales[0], (high - tensor.zero_points[0]) * tensor.scales[0]


def _is_unsigned(tensor: Tensor) -> bool:
    limits = _limits(tensor)
    return limits is not None and limits[0] == 0


def _lost_bits(tensor: Tensor) -> float:
    """How much of 8 bits a signed tensor loses when its range is made symmetric."""
    limits = _limits(tensor)
    if limits is None or limits[0] >= 0:
        return 0.0
    low, high = limits
    return math.log2(2 * max(-low, high) / (high - low))


#: The forms by the names that targets give them.
FORMS: dict[str, Callable[[Network], Iterator[Finding]]] = {
    "static_shapes": _static_shapes,
    "batch_1": _batch_1,
    "at_most_4_dimensions": _at_most_4_dimensions,
    "no_custom_operators": _no_custom_operators,
    "average_pool_without_padding": _average_pool_without_padding,
    "flat_fully_connected": _flat_fully_connected,
    "pad_before_convolution": _pad_before_convolution,
    "plain_slices": _plain_slices,
    "no_half_pixel_resize": _no_half_pixel_resize,
    "one_type": _one_type,
    "uint8_at_the_ends_alone": _uint8_at_the_ends_alone,
    "symmetric_activations": _symmetric_activations,
}
