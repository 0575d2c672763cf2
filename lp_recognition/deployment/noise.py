"""How much of each layer's signal is left in 8 bits: its ratio to the quantization noise, against float activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lp_recognition.deployment.layers import read_network
from lp_recognition.model_files.interpreter import open_interpreter
from lp_recognition.system.tables import format_table

#: Below this ratio of signal to quantization noise, in decibels, a layer has fallen apart.
FALLEN_APART_DB = 10.0


@dataclass(frozen=True)
class LayerNoise:
    """How far a layer's quantized activations are from the float ones.

    Attributes:
        name: The layer.
        decibels: 10 log10(sum of squares of the signal / sum of squares of the difference).
    """

    name: str
    decibels: float


def signal_to_noise(signal: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """The ratio of a signal to its difference from another, in decibels; infinite where they are equal."""
    noise = float(np.square(signal - other, dtype=np.float64).sum())
    power = float(np.square(signal, dtype=np.float64).sum())
    if noise == 0:
        return float("inf")
    return float(10 * np.log10(power / noise)) if power > 0 else float("-inf")


def noise_verdict(layers: Sequence[LayerNoise]) -> str:
    """One sentence: the first layer that falls apart, or that none does and where most is lost."""
    for layer in layers:
        if layer.decibels < FALLEN_APART_DB:
            return (
                f"the first layer that falls apart is `{layer.name}`: {layer.decibels:.1f} dB, less than "
                f"{FALLEN_APART_DB:.0f} dB"
            )
    worst = min(layers, key=lambda layer: layer.decibels)
    return f"no layer falls apart; the lowest is `{worst.name}` with {worst.decibels:.1f} dB"


def noise_table(noise: Mapping[str, Sequence[LayerNoise]]) -> str:
    """One table: a row for each layer, a column for each file; `-` where a file has no such layer."""
    by_file = [{layer.name: f"{layer.decibels:.1f}" for layer in layers} for layers in noise.values()]
    names = dict.fromkeys(name for layers in by_file for name in layers)
    return format_table(("layer", *noise), [(name, *(layers.get(name, "-") for layers in by_file)) for name in names])


def layer_noise(data: bytes, source: str, images: NDArray[np.float32], network: Any) -> tuple[LayerNoise, ...]:
    """Runs a file layer by layer beside the float network it was made of.

    Args:
        data: The `.tflite`.
        source: Its name, for messages.
        images: Normalized, float32 `(n, height, width, channels)`.
        network: The Keras model, without quantizers, whose layers have the file's names.

    Returns:
        The layers that both have, in the order of running.
    """
    import keras
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    outputs = {layer.name: layer.output for layer in network.layers if not isinstance(layer, keras.layers.InputLayer)}
    signals = keras.Model(network.input, outputs)(images, training=False)
    layers = [layer for layer in read_network(data, source).layers if layer.name in signals]
    interpreter = Interpreter(
        model_content=data,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    taken = open_interpreter(data, 1).inputs[0]
    # Where one layer of the network became several of the file, the last one gives what the layer gives.
    tensors = {layer.name: layer.outputs[0] for layer in layers}
    activations: dict[str, list[NDArray[np.float32]]] = {name: [] for name in tensors}
    for image in images:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], taken.quantize(image[None]))
        interpreter.invoke()
        for name, tensor in tensors.items():
            values = interpreter.get_tensor(tensor.index).astype(np.float32)
            if tensor.scales:
                values = (values - tensor.zero_points[0]) * np.float32(tensor.scales[0])
            activations[name].append(values)
    return tuple(
        LayerNoise(
            name, signal_to_noise(np.asarray(signals[name]), np.concatenate(values).reshape(signals[name].shape))
        )
        for name, values in activations.items()
    )
