"""What a network costs, layer by layer, before it is trained: MACs, parameters, bytes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from lp_recognition.networks.quantization import QuantizableUnit
from lp_recognition.system.tables import format_table

# Layers that a file for the chip does not have.
_FREE = ("InputLayer", "Dropout", "ActivationQuantizer")


@dataclass(frozen=True)
class LayerCost:
    """The cost of one layer as a chip runs it, batch normalization folded away.

    Attributes:
        name: The layer.
        operation: What it does.
        output_shape: `(height, width, channels)` or `(channels,)`.
        macs: Multiply-accumulates for one image.
        parameters: Weights and biases after folding.
        weight_bytes: Of an 8-bit file: one for each weight, four for each bias.
        activation_bytes: Of the output in 8 bits.
    """

    name: str
    operation: str
    output_shape: tuple[int, ...]
    macs: int
    parameters: int
    weight_bytes: int
    activation_bytes: int


def layer_costs(model: Any) -> list[LayerCost]:
    """The cost of each layer of a network that computes or moves data, in order."""
    return [_cost(layer) for layer in model.layers if type(layer).__name__ not in _FREE]


def cost_in_short(model: Any) -> str:
    """`4.1 million MACs, 105,000 parameters`."""
    costs = layer_costs(model)
    macs, parameters = (sum(getattr(cost, name) for cost in costs) for name in ("macs", "parameters"))
    return f"{macs / 1e6:.1f} million MACs, {parameters:,} parameters"


def format_costs(costs: list[LayerCost]) -> str:
    """A Markdown table of the layers and their sums."""
    rows: list[tuple[object, ...]] = []
    for cost in costs:
        counts = (cost.macs, cost.parameters, cost.weight_bytes, cost.activation_bytes)
        shape = "x".join(map(str, cost.output_shape))
        rows.append((cost.name, cost.operation, shape, *(f"{count:,}" for count in counts)))
    totals = [f"{sum(getattr(c, name) for c in costs):,}" for name in ("macs", "parameters", "weight_bytes")]
    largest = f"{max(c.activation_bytes for c in costs):,} at most"
    header = ("layer", "operation", "output", "MACs", "parameters", "weight bytes", "activation bytes")
    return format_table(header, [*rows, ("in all", "", "", *totals, largest)])


def _cost(layer: Any) -> LayerCost:
    shape = tuple(int(size) for size in layer.output.shape[1:])
    operation, macs, weights, biases = type(layer).__name__, 0, 0, 0
    if isinstance(layer, QuantizableUnit):
        weights, biases = math.prod(layer.kernel.shape), layer.filters
        positions = math.prod(shape[:-1])
        operation = layer.operation
        if operation != "dense":
            operation += " {}x{}".format(*layer.kernel_size)
        # Each weight is used once at each position of the output.
        macs = weights * positions
    elif operation == "MaxPooling2D":
        operation = "max_pool {}x{}, strides {},{}".format(*layer.pool_size, *layer.strides)
    return LayerCost(layer.name, operation, shape, macs, weights + biases, weights + 4 * biases, math.prod(shape))
