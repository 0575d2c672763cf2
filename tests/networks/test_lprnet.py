"""The network: its shapes and sizes, its family, and the same weights float and quantized."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
from tiny_models import tiny_config

from lp_recognition.networks.costs import format_costs, layer_costs
from lp_recognition.networks.lprnet import Architecture, RepeatOverTime, build_lprnet
from lp_recognition.networks.quantization import make_constant
from lp_recognition.settings.recognition import load_config

PAPER = Architecture((24, 94, 3), num_classes=71)
TINY = Architecture((24, 94, 3), num_classes=5, width_multiplier=0.1, stem_pool_strides=(2, 2), head_kernel_width=5)
CONTEXTS = ["fully_connected", "convolutional", "none"]


def some_images(shape: tuple[int, int, int], count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (count, *shape)).astype(np.float32)


def test_the_network_of_the_paper():
    model = build_lprnet(PAPER)
    assert model.output_shape == (None, 88, 71)
    assert PAPER.time_steps == 88
    assert model.count_params() == pytest.approx(1.43e6, rel=0.01)
    costs = layer_costs(model)
    assert sum(cost.macs for cost in costs) == pytest.approx(170e6, rel=0.01)
    by_name = {cost.name: cost for cost in costs}
    # Counted by hand: 3x3x3x64 weights at each of 24x94 positions.
    assert by_name["stem"].macs == 24 * 94 * 3 * 3 * 3 * 64
    assert by_name["pattern"].macs == 88 * 71 * 128
    assert by_name["pattern"].weight_bytes == 88 * 71 * 128 + 4 * 128
    assert by_name["pattern"].macs < 0.006 * sum(cost.macs for cost in costs)
    assert by_name["pattern"].parameters > 0.5 * sum(cost.parameters for cost in costs)


def test_the_table_of_costs_ends_on_its_sums():
    costs = layer_costs(build_lprnet(TINY))
    table = format_costs(costs)
    assert len(table.splitlines()) == len(costs) + 3
    last = table.splitlines()[-1]
    assert f"{sum(cost.macs for cost in costs):,}" in last
    assert f"{max(cost.activation_bytes for cost in costs):,} at most" in last


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("shape", [(24, 94, 1), (24, 94, 3), (32, 120, 3), (48, 60, 1), (31, 77, 3)])
def test_time_and_classes_of_any_size(shape, context):
    architecture = dataclasses.replace(TINY, input_shape=shape, global_context=context)
    logits = build_lprnet(architecture)(some_images(shape), training=False)
    assert logits.shape == (2, architecture.time_steps, 5)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


@pytest.mark.parametrize(
    ("shape", "strides", "steps", "height"),
    [
        ((24, 94, 3), (1, 1), 88, 4),  # 94 less three pools of 3 without padding; 24 -> 22 -> 10 -> 4
        ((24, 94, 3), (2, 2), 42, 2),
        ((24, 94, 3), (1, 2), 42, 4),
        ((24, 94, 3), (2, 1), 88, 2),
        ((32, 128, 3), (1, 1), 122, 6),
    ],
)
def test_what_the_pools_leave(shape, strides, steps, height):
    architecture = dataclasses.replace(PAPER, input_shape=shape, stem_pool_strides=strides)
    assert (architecture.time_steps, architecture.head_height) == (steps, height)


def test_every_step_sees_the_whole_height():
    architecture = dataclasses.replace(TINY, input_shape=(32, 94, 3))
    kernel = next(w for w in build_lprnet(architecture).weights if w.path == "head/kernel")
    assert kernel.shape[:2] == (architecture.head_height, 1)


@pytest.mark.parametrize("multiplier", [0.1, 0.25, 0.5, 1.0, 2.0])
def test_widths_are_multiples_of_four(multiplier):
    architecture = dataclasses.replace(PAPER, width_multiplier=multiplier)
    for filters in (64, 128, 256, 24, 96):
        width = architecture.width(filters)
        assert width % 4 == 0
        assert width >= 8
        assert abs(width - filters * multiplier) <= max(2, 8 - filters * multiplier)


def test_a_narrower_network_costs_less():
    def macs(multiplier: float) -> int:
        model = build_lprnet(dataclasses.replace(TINY, width_multiplier=multiplier))
        return sum(cost.macs for cost in layer_costs(model))

    assert macs(0.1) < macs(0.25) < macs(0.5)


@pytest.mark.parametrize("context", CONTEXTS)
def test_float_and_quantized_have_the_same_weights(context):
    architecture = dataclasses.replace(TINY, global_context=context)

    def weights(quantized: bool) -> dict[str, tuple[int, ...]]:
        model = build_lprnet(architecture, quantization_aware=quantized)
        return {weight.path: tuple(weight.shape) for weight in model.weights}

    floating, quantized = weights(False), weights(True)
    assert len(floating) == len({*floating})
    ranges = {name for name in quantized if name not in floating}
    assert {name.rpartition("/")[2] for name in ranges} == {"range_min", "range_max", "batches_seen"}
    assert {name: shape for name, shape in quantized.items() if name not in ranges} == floating


def test_the_unseen_range_of_each_stored_activation():
    """One range for each operation a chip stores; the parts of the concatenation share theirs."""
    model = build_lprnet(dataclasses.replace(TINY, global_context="convolutional"), quantization_aware=True)
    quantizers = {weight.path.rpartition("/")[0] for weight in model.weights if weight.path.endswith("range_min")}
    units = {layer.name for layer in model.layers if hasattr(layer, "kernel")}
    assert quantizers == {f"{unit}/output_quantizer" for unit in units - {"classes", "context"}} | {"context_quantizer"}


@pytest.mark.parametrize(
    ("shape", "strides", "left"),
    [((8, 94, 3), (1, 1), "0 x 88"), ((12, 94, 3), (2, 2), "0 x 42"), ((24, 7, 3), (1, 1), "4 x 1")],
)
def test_too_small_an_input_says_what_is_left(shape, strides, left):
    with pytest.raises(
        ValueError, match=rf"expected an input large enough for 3 pools, received .* {left} would be left"
    ):
        build_lprnet(dataclasses.replace(PAPER, input_shape=shape, stem_pool_strides=strides))


@pytest.mark.parametrize("quantized", [False, True])
def test_images_of_a_batch_do_not_see_each_other(quantized):
    model = build_lprnet(TINY, quantization_aware=quantized)
    if quantized:
        model(some_images(TINY.input_shape, 8), training=True)
    images = some_images(TINY.input_shape, 4)
    together = np.asarray(model(images, training=False))
    alone = np.concatenate([np.asarray(model(image[None], training=False)) for image in images])
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("context", CONTEXTS)
def test_the_context_shows_a_step_what_is_far_from_it(context):
    """A change near the middle reaches the first logits through the context alone."""
    keras.utils.set_random_seed(1)  # by chance every ReLU of the context may be at zero
    model = build_lprnet(dataclasses.replace(TINY, global_context=context))
    images = some_images(TINY.input_shape, 1)
    changed = images.copy()
    changed[:, :, 32:42] *= -1
    first = [np.asarray(model(values, training=False))[0, 0] for values in (images, changed)]
    assert np.array_equal(*first) == (context == "none")


@pytest.mark.parametrize("steps", [1, 2, 3, 9, 10, 11, 20, 42, 88, 100, 101, 122])
def test_a_vector_is_repeated_at_each_step(steps):
    repeated = np.asarray(RepeatOverTime(steps)(np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)))
    assert repeated.tolist() == [[[[1, 2]] * steps], [[[3, 4]] * steps]]


@pytest.mark.parametrize("context", CONTEXTS)
def test_bfloat16_computes_nearly_the_same_with_the_same_weights(context):
    architecture = dataclasses.replace(TINY, global_context=context)
    exact, mixed = (build_lprnet(architecture, precision=precision) for precision in ("float32", "mixed_bfloat16"))
    assert [(w.path, w.dtype) for w in mixed.weights] == [(w.path, "float32") for w in exact.weights]
    mixed.set_weights(exact.get_weights())
    images = some_images(TINY.input_shape, 8)
    logits, expected = (np.asarray(model(images, training=False)) for model in (mixed, exact))
    assert logits.dtype == np.float32
    assert 0 < float(np.sqrt(np.mean((logits - expected) ** 2))) < 0.05 * float(expected.std())
    assert np.asarray(mixed(images, training=True)).dtype == np.float32
    assert mixed.get_layer("head").compute_dtype == "bfloat16"
    assert keras.config.dtype_policy().name == "float32"  # of whatever is built next


def test_dropout_is_seeded():
    images = some_images(TINY.input_shape)
    outputs = []
    for seed in (1, 1, 2):
        model = build_lprnet(TINY, random_seed=seed)
        for weight in model.weights:  # the same weights, whatever their random start was
            weight.assign(np.random.default_rng(0).normal(0.1, 0.1, weight.shape) ** 2)
        outputs.append(np.asarray(model(images, training=True)))
    assert np.array_equal(outputs[0], outputs[1])
    assert not np.array_equal(outputs[0], outputs[2])


@pytest.mark.parametrize("quantized", [False, True])
@pytest.mark.parametrize("context", CONTEXTS)
def test_constants_compute_the_same(context, quantized):
    model = build_lprnet(dataclasses.replace(TINY, global_context=context), quantization_aware=quantized)
    images = some_images(TINY.input_shape)
    model(images, training=True)
    expected = np.asarray(model(images, training=False))
    make_constant(model)
    np.testing.assert_allclose(np.asarray(model(images, training=False)), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["default", "ccpd", "czech", "gap8"])
def test_networks_of_the_configs(name):
    config = load_config(f"config/{name}.py") if name != "default" else load_config("config")
    architecture = Architecture.from_config(config, 71)
    assert architecture.input_shape == config.input_shape
    assert architecture.time_steps >= 2 * config.max_lp_length - 1  # room for equal neighbours
    macs = sum(cost.macs for cost in layer_costs(build_lprnet(architecture)))
    assert macs < 18e6 if name == "gap8" else macs < 172e6


def test_architecture_of_a_config_leaves_nothing_out():
    config = tiny_config(global_context="fully_connected", rnn_cells_num=12, head_filters=40, stem_filters=32)
    architecture = Architecture.from_config(config, 9)
    for name in Architecture.__dataclass_fields__:
        if name != "num_classes":
            assert getattr(architecture, name) == getattr(config, name)
    assert architecture.num_classes == 9
