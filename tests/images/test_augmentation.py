"""Augmentation of crops: of any size, gray or in color, and the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lp_recognition.images import augmentation

SIZE = (24, 94)
KINDS = {
    "photometric": augmentation.photometric,
    "geometric": lambda image, rng: augmentation.geometric(image, rng, SIZE),
    "blur_and_noise": augmentation.blur_and_noise,
}
KIND = pytest.mark.parametrize("kind", KINDS)


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def plate(height: int = 24, width: int = 94, channels: int = 3) -> np.ndarray:
    """Dark bars on a light ground, which any of the changes leaves to be seen."""
    row = np.where(np.arange(width) * 12 // width % 2, 40, 215).astype(np.uint8)
    return np.broadcast_to(row[None, :, None], (height, width, channels)).copy()


@KIND
@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 120), width=st.integers(1, 300), channels=st.sampled_from([1, 3]), seed=st.integers(0, 10**6)
)
def test_any_crop_gives_a_crop(kind, height, width, channels, seed):
    image = noise(height, width, channels, seed)
    before = image.copy()
    changed = KINDS[kind](image, np.random.default_rng(seed))
    assert changed.dtype == np.uint8
    assert changed.shape == ((*SIZE, channels) if kind == "geometric" else image.shape)
    assert np.array_equal(image, before)  # which other epochs take from memory
    assert np.array_equal(changed, KINDS[kind](image, np.random.default_rng(seed)))


@KIND
@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 50, 1), (50, 1, 3)])
def test_a_crop_of_one_row_or_column(kind, shape):
    for seed in range(60):
        assert KINDS[kind](np.zeros(shape, np.uint8), np.random.default_rng(seed)).dtype == np.uint8


@KIND
def test_chance_is_wide(kind):
    results = {KINDS[kind](plate(), np.random.default_rng(seed)).tobytes() for seed in range(40)}
    assert len(results) > 25


@KIND
@pytest.mark.parametrize("channels", [1, 3])
def test_the_text_stays_legible(kind, channels):
    """The bars are still where they were, give or take a shift: the plate is changed, not destroyed."""
    for seed in range(60):
        changed = KINDS[kind](plate(channels=channels), np.random.default_rng(seed)).astype(float).mean(axis=(0, 2))
        signal = plate().astype(float).mean(axis=(0, 2)) - 127.5
        shifted = [np.corrcoef(np.roll(signal, shift), changed)[0, 1] for shift in range(-9, 10)]
        assert max(shifted) > 0.5


def test_photometric_changes_keep_the_order_of_brightness():
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    for seed in range(50):
        changed = augmentation.photometric(ramp, np.random.default_rng(seed)).astype(int)
        assert (np.diff(changed, axis=1) >= 0).all()


def test_photometric_changes_of_gray_stay_gray():
    for seed in range(20):
        changed = augmentation.photometric(plate(channels=1), np.random.default_rng(seed))
        assert changed.shape == (24, 94, 1)
        assert len(np.unique(changed)) <= 2


def test_geometric_changes_are_around_no_change():
    """On average over many draws a plate is where it was, and no larger or smaller."""
    image = np.zeros((48, 188, 1), np.uint8)
    image[12:36, 47:141] = 255
    mean = np.mean([augmentation.geometric(image, np.random.default_rng(seed), SIZE) for seed in range(300)], axis=0)[
        ..., 0
    ]
    ys, xs = np.indices(SIZE)
    assert (mean * xs).sum() / mean.sum() == pytest.approx(46.5, abs=1.0)
    assert (mean * ys).sum() / mean.sum() == pytest.approx(11.5, abs=0.6)
    assert mean.sum() / 255 == pytest.approx(12 * 47, rel=0.06)


def test_shrinking_takes_all_pixels_in():
    """A fine checkerboard, four times too large, becomes even gray and no moiré."""
    board = (np.indices((96, 376)).sum(axis=0) % 2 * 255).astype(np.uint8)[:, :, None]
    for seed in range(10):
        changed = augmentation.geometric(board, np.random.default_rng(seed), SIZE)
        assert np.abs(changed.astype(int) - 127).max() < 60


def test_noise_is_around_zero():
    gray = np.full((24, 94, 3), 128, np.uint8)
    changed = np.stack([augmentation.blur_and_noise(gray, np.random.default_rng(seed)) for seed in range(200)])
    assert changed.mean() == pytest.approx(128, abs=0.5)
    noisy = changed.std(axis=(1, 2, 3))
    assert 0.3 < (noisy > 0.5).mean() < 0.7
    assert noisy.max() < 40
