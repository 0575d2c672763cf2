"""Plates inside vehicles: any TFLite detector with the four usual outputs says where these are."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from tiny_photographs import photograph, tiny_detector

from lp_recognition.reading.detector import Detector
from lp_recognition.reading.vehicles import VehicleDetector
from lp_recognition.system.errors import ModelError

#: Top, left, bottom, right, class and score of what the tiny detector sees in every picture.
SEEN = [
    (0.5, 0.5, 0.9, 0.75, 2, 0.9),
    (0.0, 0.0, 0.4, 0.5, 0, 0.8),
    (0.1, 0.1, 0.2, 0.2, 2, 0.1),
    (0, 0, 1, 1, 2, 0.95),
]
BOXES, CLASSES, SCORES, COUNT = range(4)


def tiny_ssd(order: tuple[int, ...] = (BOXES, CLASSES, SCORES, COUNT), dtype: str = "uint8", count: int = 3) -> bytes:
    """A `.tflite` that gives SEEN, its count, and nothing if the first pixel of the picture is not pure red."""
    tf = pytest.importorskip("tensorflow")
    seen = np.array(SEEN, np.float32)
    red = {"uint8": (255, 0, 0), "int8": (127, -128, -128), "float32": (1, -1, -1)}[dtype]

    @tf.function(input_signature=[tf.TensorSpec((1, 32, 48, 3), getattr(tf, dtype), name="input")])
    def network(images):
        far = tf.reduce_max(tf.abs(tf.cast(images[0, 0, 0], tf.float32) - tf.constant(red, tf.float32)))
        is_red = tf.cast(far < 0.02, tf.float32)
        outputs = (seen[None, :, :4], seen[None, :, 4], seen[None, :, 5], np.array([count], np.float32))
        return [tf.constant(outputs[number]) * is_red for number in order]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()]).convert()


@pytest.fixture
def red() -> np.ndarray:
    return np.full((200, 400, 3), (0, 0, 255), np.uint8)


def opened(folder: Path, data: bytes, **options: object) -> VehicleDetector:
    (folder / "ssd.tflite").write_bytes(data)
    return VehicleDetector(folder / "ssd.tflite", **options)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
def test_vehicles_are_where_the_boxes_are_and_a_little_more(tmp_path, red, dtype):
    vehicles = opened(tmp_path, tiny_ssd(dtype=dtype))
    # 100 to 180 and 200 to 300 pixels, a tenth more on each side; the next cut at the picture's edge.
    assert vehicles.find(red) == [(190, 92, 120, 96), (0, 0, 220, 88)]
    assert vehicles.find(red[..., ::-1].copy()) == []  # blue: colours go in as RGB


def test_outputs_are_known_by_their_shapes_and_order(tmp_path, red):
    usual = opened(tmp_path, tiny_ssd()).find(red)
    assert opened(tmp_path, tiny_ssd((SCORES, BOXES, COUNT, CLASSES))).find(red) == usual
    with pytest.raises(ModelError, match=r"ssd\.tflite: expected the four outputs of detection post-processing"):
        opened(tmp_path, tiny_ssd((BOXES, BOXES, SCORES, COUNT)))
    with pytest.raises(ModelError, match=r"expected one input and 4 outputs, received 1 and 2"):
        opened(tmp_path, tiny_ssd((BOXES, SCORES)))


def test_only_the_classes_that_are_asked_for_are_vehicles(tmp_path, red):
    assert opened(tmp_path, tiny_ssd(), classes=[0]).find(red) == [(0, 0, 220, 88)]
    assert opened(tmp_path, tiny_ssd(), classes=[7]).find(red) == []


def test_what_stands_behind_the_count_is_none(tmp_path, red):
    assert opened(tmp_path, tiny_ssd(count=1)).find(red) == [(190, 92, 120, 96)]
    assert opened(tmp_path, tiny_ssd(count=4)).find(red)[0] == (0, 0, 400, 200)


def test_a_plate_too_small_in_the_whole_is_found_inside_a_vehicle(tmp_path):
    (tmp_path / "finder.tflite").write_bytes(tiny_detector())
    detector = Detector(tmp_path / "finder.tflite")
    street = np.full((640, 960, 3), 128, np.uint8)
    street[192:256, 288:384] = photograph([(1, 1, "BBBCCC")], scale=1)
    assert detector.detect(street) == []
    [found] = detector.detect(street, parts=[(0, 0, 96, 64), (288, 192, 96, 64)])
    left, top = 288 + 16, 192 + 8
    np.testing.assert_allclose(found.box, [left, top, left + 48, top + 24], atol=0.5)


def test_a_plate_found_twice_is_one(tmp_path):
    (tmp_path / "finder.tflite").write_bytes(tiny_detector())
    detector = Detector(tmp_path / "finder.tflite")
    picture = photograph([(1, 1, "BBBCCC")])
    [whole] = detector.detect(picture)
    [both] = detector.detect(picture, parts=[(0, 0, picture.shape[1], picture.shape[0])])
    np.testing.assert_allclose(both.corners, whole.corners, atol=0.5)
