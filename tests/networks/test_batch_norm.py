"""Batch normalization: the fused form and the general one are the same function."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from lp_recognition.networks import batch_norm

FORMS = [batch_norm._fused, batch_norm._with_products]


def normalized(form, images, dtype="float32"):
    """What a form returns, and the gradients of some function of its output."""
    inputs = tf.Variable(images)
    gamma, beta = tf.Variable([0.5, 2.0, -1.0]), tf.Variable([1.0, 0.0, -3.0])
    with tf.GradientTape() as tape:
        outputs, mean, variance = form(tf.cast(inputs, dtype), gamma, beta, 1e-3)
        loss = tf.reduce_sum(tf.sin(tf.cast(outputs, "float32")))
    return outputs, mean, variance, *tape.gradient(loss, [inputs, gamma, beta])


def some_inputs(*shape):
    return np.random.default_rng(0).normal(2, 3, shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(2, 5, 7, 3), (4, 3), (1, 1, 2, 3)])
@pytest.mark.parametrize("form", FORMS)
def test_it_is_the_definition(form, shape):
    images = some_inputs(*shape)
    outputs, mean, variance, *_ = normalized(form, images)
    axes = tuple(range(len(shape) - 1))
    np.testing.assert_allclose(mean, images.mean(axes), rtol=1e-5)
    np.testing.assert_allclose(variance, images.var(axes), rtol=1e-4, atol=1e-5)
    expected = (images - images.mean(axes)) / np.sqrt(images.var(axes) + 1e-3) * [0.5, 2.0, -1.0] + [1.0, 0.0, -3.0]
    np.testing.assert_allclose(outputs, expected, atol=1e-4)


@pytest.mark.parametrize("shape", [(2, 5, 7, 3), (4, 3)])
def test_both_forms_have_the_same_gradients(shape):
    images = some_inputs(*shape)
    for fused, plain in zip(*(normalized(form, images)[3:] for form in FORMS), strict=True):
        np.testing.assert_allclose(fused, plain, atol=2e-4)


@pytest.mark.parametrize("form", FORMS)
def test_statistics_of_bfloat16_are_float32(form):
    """The variance of 8 bits of mantissa, as a difference of squares, would be mostly rounding."""
    images = 10 + some_inputs(8, 6, 20, 3)
    outputs, mean, variance, *_ = normalized(form, images, "bfloat16")
    assert (outputs.dtype, mean.dtype, variance.dtype) == (tf.bfloat16, tf.float32, tf.float32)
    rounded = tf.cast(tf.cast(images, "bfloat16"), "float32").numpy()
    np.testing.assert_allclose(mean, rounded.mean((0, 1, 2)), rtol=1e-3)
    np.testing.assert_allclose(variance, rounded.var((0, 1, 2)), rtol=1e-2)
