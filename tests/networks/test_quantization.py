"""Fake quantization: half a step, zero exact, ranges learnt in training alone, and folding."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from lp_recognition.networks.quantization import ActivationQuantizer, QuantizableUnit, WeightQuantizer

RNG = np.random.default_rng(3)
OPERATIONS = {"conv": (2, 6, 9, 4), "depthwise_conv": (2, 6, 9, 4), "dense": (2, 36)}


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def unit_of(operation: str, per_channel: bool | None = None, **options) -> QuantizableUnit:
    """A unit with weights and statistics that are no longer those of the start."""
    quantizer = None if per_channel is None else WeightQuantizer(per_channel)
    unit = QuantizableUnit(operation, 5, (3, 3), weight_quantizer=quantizer, **options)
    unit.build(OPERATIONS[operation])
    rng = np.random.default_rng(1)
    for weight in unit.weights:
        if weight.path.rpartition("/")[2] in ("gamma", "moving_variance"):
            weight.assign(rng.uniform(0.2, 2, weight.shape))
        elif weight.path.rpartition("/")[2] in ("kernel", "beta", "moving_mean"):
            weight.assign(rng.normal(0, 1, weight.shape))
    return unit


# ---- Weights -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_a_kernel_stays_within_half_a_step_of_itself(per_channel, scale):
    kernel = scale * normal(3, 3, 4, 6)
    quantizer = WeightQuantizer(per_channel)
    step = np.asarray(quantizer.limit(kernel)) / 127
    assert (np.abs(np.asarray(quantizer(kernel)) - kernel) <= step / 2 * 1.001).all()


@pytest.mark.parametrize("per_channel", [False, True])
def test_a_quantized_kernel_is_on_the_grid_of_eight_bits(per_channel):
    kernel = normal(3, 3, 4, 6)
    quantizer = WeightQuantizer(per_channel)
    steps = np.asarray(quantizer(kernel)) / (np.asarray(quantizer.limit(kernel)) / 127)
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)
    assert np.abs(np.rint(steps)).max() == 127  # narrow: -127 to 127, so that zero is in the middle
    assert (np.abs(np.rint(steps)).reshape(-1, 6).max(0) == 127).all() or not per_channel


def test_one_range_for_all_or_one_a_channel():
    kernel = normal(3, 3, 4, 6) * np.array([0.01, 0.1, 1, 1, 10, 100], np.float32)
    assert np.asarray(WeightQuantizer(False).limit(kernel)).shape == ()
    assert np.asarray(WeightQuantizer(True).limit(kernel)).shape == (6,)
    by_tensor = np.abs(np.asarray(WeightQuantizer(False)(kernel)) - kernel).max(axis=(0, 1, 2))
    by_channel = np.abs(np.asarray(WeightQuantizer(True)(kernel)) - kernel).max(axis=(0, 1, 2))
    assert by_channel[0] < by_tensor[0] / 100  # the small channel is lost beside the large one


@pytest.mark.parametrize("per_channel", [False, True])
def test_zeros_of_a_kernel_stay_zeros(per_channel):
    kernel = normal(3, 3, 4, 6)
    kernel[:, 1], kernel[..., 2] = 0, 0  # some in each channel, and one channel that is nothing else
    quantized = np.asarray(WeightQuantizer(per_channel)(kernel))
    assert np.isfinite(quantized).all()
    assert (quantized[kernel == 0] == 0).all()


# ---- Activations ---------------------------------------------------------------------------------------------------


def quantizer_that_saw(*batches: np.ndarray) -> ActivationQuantizer:
    quantizer = ActivationQuantizer()
    quantizer.build()
    for batch in batches:
        quantizer(batch, training=True)
    return quantizer


def range_of(quantizer: ActivationQuantizer) -> tuple[float, float]:
    return float(np.asarray(quantizer.range_min)), float(np.asarray(quantizer.range_max))


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (-0.3, 5.0), (-7.0, 0.2), (0.0, 6.0)])
def test_activations_stay_within_half_a_step_and_zero_is_exact(low, high):
    values = np.linspace(low, high, 1001, dtype=np.float32)
    quantizer = quantizer_that_saw(values)
    quantized = np.asarray(quantizer(np.append(values, np.float32(0))))
    step = (high - low) / 255
    assert quantized[-1] == 0
    # Zero is moved to the nearest step, which may take up to half a step off one end.
    inside = (values >= low + step / 2) & (values <= high - step / 2)
    assert np.abs(quantized[:-1] - values)[inside].max() <= step / 2 * 1.001
    assert np.abs(quantized[:-1] - values).max() <= step * 1.001
    assert len(np.unique(quantized)) <= 256


@pytest.mark.parametrize("value", [2.0, -2.0])
def test_zero_is_inside_the_range_of_values_far_from_it(value):
    quantizer = quantizer_that_saw(np.full((4, 4), value, np.float32))
    low, high = range_of(quantizer)
    assert low <= 0 < high
    assert np.asarray(quantizer(np.zeros(3, np.float32))).tolist() == [0, 0, 0]


def test_values_outside_of_the_range_are_clipped():
    quantizer = quantizer_that_saw(np.array([-1.0, 3.0], np.float32))
    quantized = np.asarray(quantizer(np.array([-100.0, 100.0], np.float32)))
    np.testing.assert_allclose(quantized, [-1, 3], atol=4 / 255)


def test_the_first_batches_are_averaged_evenly():
    quantizer = quantizer_that_saw(*(np.array([-high, high], np.float32) for high in (1.0, 2.0, 6.0)))
    np.testing.assert_allclose(range_of(quantizer), (-3, 3), rtol=1e-6)
    assert np.asarray(quantizer.batches_seen) == 3


def test_later_batches_move_the_range_by_a_hundredth():
    quantizer = quantizer_that_saw(np.array([-1.0, 1.0], np.float32))
    quantizer.batches_seen.assign(1000)
    quantizer(np.array([-2.0, 5.0], np.float32), training=True)
    np.testing.assert_allclose(range_of(quantizer), (-1.01, 1.04), rtol=1e-5)


@pytest.mark.parametrize("options", [{"training": False}, {}, {"training": True, "learn": False}])
def test_ranges_are_learnt_in_training_alone(options):
    quantizer = quantizer_that_saw(np.array([-1.0, 1.0], np.float32))
    before = [np.asarray(weight).copy() for weight in quantizer.weights]
    quantizer(np.array([-9.0, 9.0], np.float32), **options)
    assert [np.asarray(weight) for weight in quantizer.weights] == before


def test_before_any_batch_a_tensor_has_its_own_range():
    quantizer = quantizer_that_saw()
    values = normal(50) * 100
    quantized = np.asarray(quantizer(values))
    assert np.abs(quantized - values).max() <= (values.max() - values.min()) / 255
    assert range_of(quantizer) == (0, 0)


def test_constant_ranges_quantize_alike():
    quantizer = quantizer_that_saw(normal(100))
    values = normal(300)
    expected = np.asarray(quantizer(values))
    quantizer.make_constant()
    assert np.array_equal(np.asarray(quantizer(values)), expected)


# ---- Units ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", OPERATIONS)
def test_folded_computes_what_convolution_and_normalization_compute(operation):
    unit = unit_of(operation, relu=False)
    images = normal(*OPERATIONS[operation])
    plain = {
        "conv": lambda: ops.conv(images, unit.kernel, padding="same"),
        "depthwise_conv": lambda: ops.depthwise_conv(images, unit.kernel, padding="same"),
        "dense": lambda: ops.matmul(images, unit.kernel),
    }[operation]()
    normalized = ops.batch_normalization(
        plain, unit.moving_mean, unit.moving_variance, axis=-1, offset=unit.beta, scale=unit.gamma, epsilon=1e-3
    )
    np.testing.assert_allclose(np.asarray(unit(images)), np.asarray(normalized), atol=1e-5, rtol=1e-5)


def test_training_normalizes_as_keras_does():
    unit = unit_of("conv", relu=False)
    layer = keras.layers.BatchNormalization(momentum=0.99, epsilon=1e-3)
    images = normal(2, 6, 9, 4)
    convolved = ops.conv(images, unit.kernel, padding="same")
    layer.build(convolved.shape)
    for theirs, ours in (
        (layer.gamma, unit.gamma), (layer.beta, unit.beta), (layer.moving_mean, unit.moving_mean),
        (layer.moving_variance, unit.moving_variance),
    ):  # fmt: skip
        theirs.assign(ours)
    expected = np.asarray(layer(convolved, training=True))
    np.testing.assert_allclose(np.asarray(unit(images, training=True)), expected, atol=1e-4)
    np.testing.assert_allclose(np.asarray(unit.moving_mean), np.asarray(layer.moving_mean), atol=1e-5)
    np.testing.assert_allclose(np.asarray(unit.moving_variance), np.asarray(layer.moving_variance), atol=1e-5)


def test_a_unit_without_normalization_has_a_plain_bias():
    unit = unit_of("conv", batch_norm=False, relu=False)
    assert {weight.path.rpartition("/")[2] for weight in unit.weights} == {"kernel", "beta"}
    images = normal(2, 6, 9, 4)
    expected = np.asarray(ops.conv(images, unit.kernel, padding="same")) + np.asarray(unit.beta)
    np.testing.assert_allclose(np.asarray(unit(images, training=True)), expected, atol=1e-5)


@pytest.mark.parametrize("relu", [False, True])
def test_relu(relu):
    outputs = np.asarray(unit_of("conv", relu=relu)(normal(2, 6, 9, 4)))
    assert (outputs.min() >= 0) == relu


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_the_shape_promised_is_the_shape_given(operation, padding):
    unit = unit_of(operation, padding=padding)
    shape = OPERATIONS[operation]
    assert tuple(unit(normal(*shape)).shape) == unit.compute_output_shape(shape)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_kernel_is_quantized_after_folding(operation, per_channel):
    """One pixel through a unit gives the folded kernel as the chip has it: on the grid of 8 bits."""
    unit = unit_of(operation, per_channel, relu=False, quantize_output=False)
    kernel, bias = (np.asarray(value) for value in unit.folded())
    if operation == "dense":
        seen = np.asarray(unit(np.eye(36, dtype=np.float32))) - bias
        limit = np.abs(kernel).max()  # one scale in any case
    else:
        images = np.zeros((4, 3, 3, 4), np.float32)
        images[range(4), 1, 1, range(4)] = 1
        seen = (np.asarray(unit(images)) - bias)[:, ::-1, ::-1]  # a convolution shows its kernel mirrored
        if operation == "conv":
            seen = seen.transpose(1, 2, 0, 3)  # (height, width, in, out)
            limit = np.abs(kernel).max(axis=(0, 1, 2) if per_channel else None)
        else:
            seen = np.stack([seen[i, ..., i] for i in range(4)], -1)
            kernel = kernel[..., 0]
            limit = np.abs(kernel).max(axis=(0, 1) if per_channel else None)
    steps = seen / (limit / 127)
    np.testing.assert_allclose(steps, np.rint(steps), atol=2e-3)
    assert np.abs(seen - kernel).max() <= np.max(limit) / 127 / 2 * 1.01


@pytest.mark.parametrize("operation", OPERATIONS)
def test_quantized_is_near_float(operation):
    images = normal(*OPERATIONS[operation])
    floating, quantized = unit_of(operation), unit_of(operation, True)
    expected = np.asarray(floating(images))
    received = np.asarray(quantized(images, training=True))
    assert np.abs(received - expected).max() < 0.05 * np.abs(expected).max()
    assert not np.array_equal(received, expected)


def test_quantized_training_leaves_the_statistics_alone():
    unit = unit_of("conv", False)
    before = np.asarray(unit.moving_mean).copy(), np.asarray(unit.moving_variance).copy()
    unit(10 + normal(2, 6, 9, 4), training=True)
    assert np.array_equal(before, (np.asarray(unit.moving_mean), np.asarray(unit.moving_variance)))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="takes gradients by hand")
def test_gradients_pass_through_rounding():
    import tensorflow as tf

    floating, quantized = unit_of("conv", relu=False), unit_of("conv", False, relu=False)
    images = tf.constant(normal(2, 6, 9, 4))
    gradients = []
    for unit in (floating, quantized):
        quantize = {"training": False} if unit is floating else {"training": True}
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(unit(images, **quantize))
        gradients.append(tape.gradient(loss, [unit.kernel.value, unit.beta.value, unit.gamma.value]))
    for theirs, ours in zip(*gradients, strict=True):
        scale = np.abs(theirs).max()
        assert np.mean(np.abs(ours - theirs) > 0.1 * scale) < 0.1  # but where a range clips


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_constant_unit_computes_the_same(operation, per_channel):
    unit = unit_of(operation, per_channel)
    images = normal(*OPERATIONS[operation])
    unit(images, training=True)
    expected = np.asarray(unit(images))
    unit.make_constant()
    np.testing.assert_allclose(np.asarray(unit(images)), expected, atol=1e-5)


def test_a_margin_clips_what_is_far_below_the_best_of_its_vector():
    """Logits: the best class of each step keeps its place, and the range is not spent on what cannot be read."""
    logits = np.array([[[30.0, 2.0, -150.0], [-4.0, -20.0, -90.0]]], np.float32)
    plain, clipped = ActivationQuantizer(), ActivationQuantizer(margin=24.0)
    for quantizer in (plain, clipped):
        quantizer.build()
        quantizer(logits, training=True)
    assert float(np.asarray(plain.range_min)) == pytest.approx(-150)
    assert float(np.asarray(clipped.range_min)) == pytest.approx(-28)
    assert float(np.asarray(clipped.range_max)) == pytest.approx(30)
    ours = np.asarray(clipped(logits))
    step = 58 / 255
    inside = logits >= -28
    assert np.abs(ours - logits)[inside].max() <= step / 2 * 1.01
    np.testing.assert_allclose(ours[~inside], -28, atol=step)


def test_a_margin_never_widens_a_range():
    quantizer = ActivationQuantizer(margin=24.0)
    quantizer.build()
    quantizer(np.array([[3.0, 1.0, -2.0]], np.float32), training=True)
    assert float(np.asarray(quantizer.range_min)) == pytest.approx(-2)
