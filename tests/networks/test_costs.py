"""What a network costs, against counts made by hand."""

from __future__ import annotations

import pytest

from lp_recognition.networks.costs import LayerCost, format_costs, layer_costs
from lp_recognition.networks.lprnet import Architecture, build_lprnet


def costs_of(architecture: Architecture) -> dict[str, LayerCost]:
    return {cost.name: cost for cost in layer_costs(build_lprnet(architecture))}


def test_full_lprnet_costs_what_the_paper_says() -> None:
    costs = costs_of(Architecture((24, 94, 3), 71)).values()
    # Convolution by convolution: positions x kernel x inputs x outputs.
    blocks = [(22 * 92, 64, 128), (10 * 90, 128, 256), (10 * 90, 256, 256)]
    macs = 24 * 94 * 9 * 3 * 64
    macs += sum(n * (cin * out // 4 + 2 * 3 * (out // 4) ** 2 + out // 4 * out) for n, cin, out in blocks)
    macs += 88 * 4 * 256 * 256 + 88 * 13 * 256 * 71 + 88 * 71 * 128 + 88 * (71 + 128) * 71
    assert sum(cost.macs for cost in costs) == macs == 170_520_792


@pytest.mark.parametrize(
    ("name", "macs", "parameters", "weight_bytes", "activation_bytes"),
    [
        ("stem", 24 * 94 * 27 * 24, 27 * 24 + 24, 27 * 24 + 4 * 24, 24 * 94 * 24),
        ("stem_pool", 0, 0, 0, 11 * 46 * 24),
        ("block1_1_vertical", 11 * 46 * 3 * 16 * 16, 3 * 16 * 16 + 16, 3 * 16 * 16 + 64, 11 * 46 * 16),
        ("head", 42 * 2 * 128 * 96, 2 * 128 * 96 + 96, 2 * 128 * 96 + 4 * 96, 42 * 96),
        ("context", 42 * 43 * 71, 43 * 71 + 71, 43 * 71 + 4 * 71, 42 * 71),
    ],
)
def test_each_layer_of_the_small_network(
    name: str, macs: int, parameters: int, weight_bytes: int, activation_bytes: int
) -> None:
    architecture = Architecture(
        (24, 94, 3), 71, stem_filters=24, stem_pool_strides=(2, 2), block_filters=((64, 96), (128, 128)),
        head_filters=96, head_kernel_width=9, global_context="convolutional",
    )  # fmt: skip
    cost = costs_of(architecture)[name]
    counted = (cost.macs, cost.parameters, cost.weight_bytes, cost.activation_bytes)
    assert counted == (macs, parameters, weight_bytes, activation_bytes)


def test_table_ends_on_the_sums() -> None:
    costs = layer_costs(build_lprnet(Architecture((24, 94, 3), 11, width_multiplier=0.125)))
    last = format_costs(costs).splitlines()[-1]
    assert f"{sum(cost.macs for cost in costs):,}" in last
    assert f"{sum(cost.parameters for cost in costs):,}" in last
