"""The Recognizer: a picture whose text is known, through every kind of file, and what does not fit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_plates import CONFIG, plate
from tiny_tflite import tiny_tflite

from lp_recognition import Recognizer
from lp_recognition.images.image import write_image
from lp_recognition.reading.recognizer import Reading, read_logits
from lp_recognition.settings.loading import save_settings
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import ConfigError, ImageError, ModelError
from lp_recognition.texts.vocabulary import Vocabulary

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session", params=["float32", "uint8", "int8"])
def kind(request):
    return request.param


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models 模型")
    for kind in ("float32", "uint8", "int8"):
        (folder / f"{kind}.tflite").write_bytes(tiny_tflite(kind))
    (folder / "positive.tflite").write_bytes(tiny_tflite("uint8", zero=0.0))
    (folder / "gray.tflite").write_bytes(tiny_tflite("uint8", (24, 48, 1)))
    save_settings(CONFIG, folder / "config.yaml")
    return folder


@pytest.fixture
def recognizer(folder, kind):
    return Recognizer(folder / f"{kind}.tflite", config=CONFIG)


@pytest.mark.parametrize("beam_width", [1, 4])
@pytest.mark.parametrize(
    ("picture", "text"),
    [
        ("京A_BC_", "京ABC"),
        ("A_A_AA", "AAA"),
        ("AAAAAA", "A"),
        ("______", ""),
        ("京京_京__", "京京"),
        ("ABCABC", "ABCABC"),
    ],
)
def test_reads_what_is_drawn(folder, kind, picture, text, beam_width):
    reading = Recognizer(folder / f"{kind}.tflite", config=CONFIG, beam_width=beam_width).read(plate(picture))
    assert reading.text == text
    assert len(reading.confidences) == len(text)
    assert all(0.9 < share <= 1 for share in reading.confidences)
    assert 0.9 < reading.confidence <= 1


def test_config_may_be_a_file(folder):
    by_file = Recognizer(str(folder / "uint8.tflite"), config=folder / "config.yaml")
    assert by_file.config == CONFIG
    assert by_file.read(plate("京A_BC_")) == Recognizer(folder / "uint8.tflite", config=CONFIG).read(plate("京A_BC_"))


def test_all_kinds_of_images_read_alike(recognizer, tmp_path):
    image = plate("京A_BC_")
    write_image(tmp_path / "京 A.png", image)
    expected = recognizer.read(image)
    for same in (image[:, :, 0], image[:, :, :1], tmp_path / "京 A.png", str(tmp_path / "京 A.png"), image[::-1]):
        assert recognizer.read(same) == expected
    assert recognizer.read(plate("京A_BC_", height=96, step=32)).text == "京ABC"  # shrunk
    assert recognizer.read(plate("京A_BC_", height=12, step=4)[:, ::1]).text == "京ABC"  # enlarged


def test_many_are_read_in_order_whatever_their_number(recognizer):
    pictures = [plate(text) for text in ("A_____", "_B____", "京_C___")] * 100  # more than are held at once
    readings = recognizer.read_many(iter(pictures))
    assert [reading.text for reading in readings] == ["A", "B", "京C"] * 100
    assert readings[:3] == [recognizer.read(picture) for picture in pictures[:3]]
    assert recognizer.read_many([]) == []


def test_logits_are_real_values_in_all_files(folder):
    images = np.stack([plate("京A_BC_"), plate("CBA___")])
    logits = {
        kind: Recognizer(folder / f"{kind}.tflite", config=CONFIG).predict(images)
        for kind in ("float32", "uint8", "int8")
    }
    for values in logits.values():
        assert values.shape == (2, 6, 5)
        assert values.dtype == np.float32
    assert np.array_equal(logits["uint8"], logits["int8"])
    step = Recognizer(folder / "uint8.tflite", config=CONFIG)._model.outputs[0].scale
    assert np.abs(logits["uint8"] - logits["float32"]).max() <= 1.5 * step  # weights are rounded too


def test_a_file_of_more_than_one_image_is_filled_up(tmp_path):
    tf = pytest.importorskip("tensorflow")

    @tf.function(input_signature=[tf.TensorSpec((4, 12, 24, 1), tf.float32)])
    def brightness(images):
        mean = tf.reduce_mean(images, axis=[1, 2, 3])
        return tf.stack([mean, -mean], axis=1)[:, None, :]

    path = tmp_path / "four.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([brightness.get_concrete_function()]).convert())
    recognizer = Recognizer(path, config=RecognitionConfig(input_shape=(12, 24, 1), alphabet="A"))
    images = np.stack([np.full((12, 24, 1), 25 * i, np.uint8) for i in range(10)])
    logits = recognizer.predict(images)
    assert logits.shape == (10, 1, 2)
    assert logits[:, 0, 0] == pytest.approx((25 * np.arange(10) - 128) / 127, abs=1e-5)


def test_pixels_go_into_a_file_of_their_own_quantization_as_they_are(folder):
    pixels = np.arange(256)
    symmetric = Recognizer(folder / "uint8.tflite", config=CONFIG)
    assert symmetric._pixel_values.tolist() == pixels.tolist()
    signed = Recognizer(folder / "int8.tflite", config=CONFIG)
    assert signed._pixel_values.tolist() == (pixels - 128).tolist()
    positive = Recognizer(folder / "positive.tflite", config=CONFIG.with_values(symmetric_range=False))
    assert positive._pixel_values.tolist() == pixels.tolist()


def test_a_file_of_another_quantization_gets_the_nearest_values(folder):
    """[0, 1] images in a file whose input is [-1, 1]: half of its steps, and the same real values."""
    recognizer = Recognizer(folder / "uint8.tflite", config=CONFIG.with_values(symmetric_range=False))
    taken = recognizer._model.inputs[0]
    assert taken.dequantize(recognizer._pixel_values) == pytest.approx(np.arange(256) / 255, abs=taken.scale / 2 + 1e-6)


def test_a_gray_model_takes_color_and_gray(folder):
    recognizer = Recognizer(folder / "gray.tflite", config=CONFIG.with_values(input_shape=(24, 48, 1)))
    assert recognizer.read(plate("京A_BC_")).text == recognizer.read(plate("京A_BC_")[:, :, 0]).text == "京ABC"


@pytest.mark.parametrize(
    ("image", "received"),
    [
        (np.zeros((24, 48, 4), np.uint8), r"uint8 of shape \(24, 48, 4\)"),
        (np.zeros((24, 48, 3), np.float32), r"float32 of shape \(24, 48, 3\)"),
        (np.zeros((0, 48, 3), np.uint8), r"uint8 of shape \(0, 48, 3\)"),
        (np.zeros((2, 24, 48, 3), np.uint8), r"uint8 of shape \(2, 24, 48, 3\)"),
        (np.zeros(5, np.uint8), r"uint8 of shape \(5,\)"),
        (None, "NoneType"),
        (b"bytes", "bytes"),
    ],
)
def test_what_is_no_image_is_refused(folder, image, received):
    with pytest.raises(ImageError, match=f"expected a file, or a uint8 image .*received {received}"):
        Recognizer(folder / "uint8.tflite", config=CONFIG).read(image)


def test_an_image_file_that_is_missing_or_broken_is_refused(folder, tmp_path):
    recognizer = Recognizer(folder / "uint8.tflite", config=CONFIG)
    with pytest.raises(ImageError, match=r"none\.png"):
        recognizer.read(tmp_path / "none.png")
    (tmp_path / "broken.png").write_bytes(b"x")
    with pytest.raises(ImageError, match=r"broken\.png"):
        recognizer.read_many([plate("A_____"), tmp_path / "broken.png"])


def test_predict_takes_prepared_images_alone(folder):
    recognizer = Recognizer(folder / "uint8.tflite", config=CONFIG)
    with pytest.raises(
        ValueError, match=r"uint8 images of shape \(n, 24, 48, 3\), received uint8 of shape \(1, 24, 94, 3\)"
    ):
        recognizer.predict(np.zeros((1, 24, 94, 3), np.uint8))
    with pytest.raises(ValueError, match="received float32"):
        recognizer.predict(np.zeros((1, 24, 48, 3), np.float32))
    assert recognizer.predict(np.zeros((0, 24, 48, 3), np.uint8)).shape == (0, 6, 5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"input_shape": (24, 94, 3)},
            r"uint8\.tflite: input_shape: expected \(24, 94, 3\) .*received .*\(1, 24, 48, 3\)",
        ),
        ({"input_shape": (24, 48, 1)}, r"input_shape: expected \(24, 48, 1\)"),
        (
            {"alphabet": "ABC"},
            r"uint8\.tflite: alphabet: expected 4 classes .*received .*\(1, 6, 5\); give the config\.yaml",
        ),
        ({"use_h_concat": True, "alphabet": "京沪AB"}, "alphabet: expected 4 classes"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_by_name(folder, changes, message):
    with pytest.raises(ModelError, match=message):
        Recognizer(folder / "uint8.tflite", config=CONFIG.with_values(**changes))


def test_a_model_that_is_no_reader_is_refused(tmp_path):
    tf = pytest.importorskip("tensorflow")

    @tf.function(input_signature=[tf.TensorSpec((1, 24, 48, 3), tf.float32)])
    def classifier(images):
        return tf.reduce_mean(images, axis=[1, 2])

    path = tmp_path / "x.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([classifier.get_concrete_function()]).convert())
    with pytest.raises(ModelError, match=r"logits of shape \(batch, time, classes\), received \(1, 3\)"):
        Recognizer(path, config=CONFIG)


def test_without_an_alphabet_it_asks_for_the_record(folder, tmp_path):
    with pytest.raises(ConfigError, match=r"alphabet: expected .* give the config\.yaml that was recorded"):
        Recognizer(folder / "uint8.tflite", config=RecognitionConfig(input_shape=(24, 48, 3)))
    (tmp_path / "x.py").write_text("input_shape = (24, 48, 3)\n")
    with pytest.raises(ConfigError, match=r"x\.py: alphabet"):
        Recognizer(folder / "uint8.tflite", config=tmp_path / "x.py")


def test_missing_files_and_foolish_beams(folder, tmp_path):
    with pytest.raises(ModelError, match="No such file"):
        Recognizer(tmp_path / "none.tflite", config=CONFIG)
    with pytest.raises(ConfigError, match="no such file"):
        Recognizer(folder / "uint8.tflite", config=tmp_path / "none.yaml")
    with pytest.raises(ValueError, match="at least 1, received 0"):
        Recognizer(folder / "uint8.tflite", config=CONFIG, beam_width=0)


def test_logits_of_any_model_become_readings():
    logits = np.log(np.array([[[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.7, 0.2, 0.1]]]))
    [reading] = read_logits(logits, Vocabulary(("<Beijing>", "A")))
    assert reading == Reading("<Beijing><Beijing>", pytest.approx(reading.confidence), pytest.approx((0.8, 0.7)))


def test_the_board_check_runs_here_too(folder):
    command = [sys.executable, "tests/board_check.py", folder / "uint8.tflite", folder / "config.yaml"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
    assert "numpy" in result.stdout
    assert "text" in result.stdout
