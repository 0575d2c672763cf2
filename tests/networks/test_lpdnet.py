"""LPDNet: the same weights in float and 8 bits, its cells, its loss."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from lp_recognition.boxes.targets import (
    BOX,
    COMPLETE,
    CORNER_WEIGHT,
    CORNERS,
    HAS_PLATE,
    HEIGHT,
    TARGETS,
    UNDECIDED,
)
from lp_recognition.networks.costs import layer_costs
from lp_recognition.networks.detection_losses import DetectionLoss
from lp_recognition.networks.lpdnet import build_lpdnet
from lp_recognition.settings.detection import DetectionConfig

TINY = DetectionConfig(
    input_shape=(64, 96, 1), stem_filters=8, stages=((8, 1), (8, 2), (12, 1)), head_filters=8, kernel_size=3
)


def test_float_and_quantized_have_the_same_weights_and_cells():
    plain, quantized = build_lpdnet(TINY), build_lpdnet(TINY, quantization_aware=True)
    ranges = ("range_min", "range_max", "batches_seen")
    assert [w.path for w in plain.weights] == [w.path for w in quantized.weights if not w.path.endswith(ranges)]
    assert plain.output_shape == (None, TINY.grids.count, 9)
    assert TINY.grids.shapes == ((8, 12), (4, 6))


def test_an_untrained_network_is_sure_of_nothing():
    keras.utils.set_random_seed(1)
    output = np.asarray(build_lpdnet(TINY)(np.zeros((1, 64, 96, 1), np.float32)))
    np.testing.assert_allclose(output[0, :, 0], np.log(0.01 / 0.99), atol=1e-4)


def test_the_chip_sized_network_is_as_small_as_it_says():
    costs = layer_costs(build_lpdnet(DetectionConfig()))
    assert sum(cost.macs for cost in costs) < 150e6
    assert sum(cost.parameters for cost in costs) < 500_000
    sizes = [240 * 320, *(cost.activation_bytes for cost in costs)]
    assert max(first + second for first, second in itertools.pairwise(sizes)) <= 256 * 1024


def targets(cells: int = 3, **columns: object) -> np.ndarray:
    """Targets of one picture in which the first cell has a plate, four strides wide and one high."""
    array = np.zeros((1, cells, TARGETS), np.float32)
    array[..., COMPLETE] = 1
    array[0, 0, HAS_PLATE] = array[0, 0, CORNER_WEIGHT] = array[0, 0, HEIGHT] = 1
    array[0, 0, BOX] = (-2, -0.5, 2, 0.5)
    array[0, 0, CORNERS] = (-2, -0.5, 2, -0.5, 2, 0.5, -2, 0.5)
    for name, value in columns.items():
        array[0, :, {"undecided": UNDECIDED, "complete": COMPLETE}[name]] = value
    return array


def outputs(scores: list[float], shift: float = 0.0) -> np.ndarray:
    array = np.zeros((1, len(scores), 9), np.float32)
    array[0, :, 0] = scores
    array[0, 0, 1:] = np.array((-2, -0.5, 2, -0.5, 2, 0.5, -2, 0.5)) + shift
    return array


def loss(truth: np.ndarray, output: np.ndarray, part: str | None = None) -> float:
    return float(ops.convert_to_numpy(DetectionLoss(part=part)(truth, output)))


def test_the_right_answer_costs_nothing():
    assert loss(targets(), outputs([12, -12, -12])) == pytest.approx(0, abs=1e-4)


def test_each_part_by_hand():
    moved = outputs([0, -12, -12], shift=0.5)  # half a height to the right and down
    assert loss(targets(), moved, "corners") == pytest.approx(0.5 - 0.05)
    shared = 3.5 * 0.5
    union, around = 8 - shared, 4.5 * 1.5
    generalized = shared / union - (around - union) / around
    assert loss(targets(), moved, "box") == pytest.approx(1 - generalized, rel=1e-5)
    iou = shared / union  # what the score shall be; it is 0.5
    assert loss(targets(), moved, "score") == pytest.approx((iou - 0.5) ** 2 * np.log(2), rel=1e-3)


def test_false_alarms_cost_where_all_plates_are_known():
    alarm = outputs([12, 3, -12])
    assert loss(targets(), alarm, "score") > 1
    assert loss(targets(undecided=1), alarm, "score") == pytest.approx(0, abs=1e-4)
    assert loss(targets(complete=0), alarm, "score") == pytest.approx(0, abs=1e-4)  # it may be one that nobody noted
    doubtful = outputs([12, -1, -12])
    assert loss(targets(complete=0), doubtful, "score") == pytest.approx(loss(targets(), doubtful, "score"))


def test_boxes_without_corners_train_the_box_alone():
    truth = targets()
    truth[..., CORNER_WEIGHT] = 0
    moved = outputs([12, -12, -12], shift=0.5)
    assert loss(truth, moved, "corners") == 0
    assert loss(truth, moved, "box") > 0


def test_gradients_are_finite_everywhere():
    keras.utils.set_random_seed(3)
    model = build_lpdnet(TINY, quantization_aware=True)
    model.compile("sgd", DetectionLoss(), jit_compile=False)
    truth = np.concatenate([targets(TINY.grids.count), np.zeros((1, TINY.grids.count, TARGETS), np.float32)])
    pictures = np.random.default_rng(0).normal(0, 1, (2, 64, 96, 1)).astype(np.float32)
    assert np.isfinite(model.train_on_batch(pictures, truth))
    assert all(np.isfinite(np.asarray(weight)).all() for weight in model.weights)
