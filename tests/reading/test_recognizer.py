"""The Recognizer: a picture whose text is known, through every kind of file, and what does not fit."""

from __future__ import annotations

import copy as copy_module
import multiprocessing
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tiny_plates import CONFIG, plate
from tiny_tflite import tiny_tflite

from lp_recognition import Recognizer
from lp_recognition.images.image import write_image
from lp_recognition.model_files.interpreter import pixel_values
from lp_recognition.reading import color_order
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


@pytest.mark.parametrize(("beam_width", "text"), [(1, ""), (2, "A")])
def test_it_reads_as_its_beam_is_wide(folder, monkeypatch, beam_width, text):
    """Two steps, A 0.4 and blank 0.6 at each: the best path is blank, and the most probable text is A, with 0.64."""
    recognizer = Recognizer(folder / "uint8.tflite", config=CONFIG, beam_width=beam_width)
    logits = np.full((1, 2, recognizer.vocabulary.num_classes), -50, np.float32)
    logits[..., recognizer.vocabulary.encode("A")[0]], logits[..., recognizer.vocabulary.blank_index] = np.log(
        (0.4, 0.6)
    )
    monkeypatch.setattr(Recognizer, "predict", lambda self, images: logits)
    assert recognizer.read(plate("AB")).text == text


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


def pixels_of(recognizer: Recognizer) -> np.ndarray:
    return pixel_values(recognizer.ends[0], recognizer.config.preprocessing)


def test_pixels_go_into_a_file_of_their_own_quantization_as_they_are(folder):
    pixels = np.arange(256)
    symmetric = Recognizer(folder / "uint8.tflite", config=CONFIG)
    assert pixels_of(symmetric).tolist() == pixels.tolist()
    signed = Recognizer(folder / "int8.tflite", config=CONFIG)
    assert pixels_of(signed).tolist() == (pixels - 128).tolist()
    positive = Recognizer(folder / "positive.tflite", config=CONFIG.with_values(symmetric_range=False))
    assert pixels_of(positive).tolist() == pixels.tolist()


def test_a_file_of_another_quantization_gets_the_nearest_values(folder):
    """[0, 1] images in a file whose input is [-1, 1]: half of its steps, and the same real values."""
    recognizer = Recognizer(folder / "uint8.tflite", config=CONFIG.with_values(symmetric_range=False))
    taken = recognizer._model.inputs[0]
    assert taken.dequantize(pixels_of(recognizer)) == pytest.approx(np.arange(256) / 255, abs=taken.scale / 2 + 1e-6)


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
    with pytest.raises(ImageError, match=f"expected a file, an image of Pillow, or .*received {received}"):
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


def test_rgb_arrays_read_as_bgr_arrays_do(folder):
    image = np.random.default_rng(0).integers(0, 256, (24, 48, 3), dtype=np.uint8)
    bgr = Recognizer(folder / "uint8.tflite", config=CONFIG)
    rgb = Recognizer(folder / "uint8.tflite", config=CONFIG, color="rgb")
    assert rgb.read(image[:, :, ::-1]) == bgr.read(image)
    assert rgb.read(image[:, :, 0]) == bgr.read(image[:, :, 0])


def test_files_know_their_colors(folder, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (24, 48, 3), dtype=np.uint8)
    write_image(tmp_path / "x.png", image)
    readings = [
        Recognizer(folder / "uint8.tflite", config=CONFIG, color=color).read(tmp_path / "x.png")
        for color in ("bgr", "rgb")
    ]
    assert readings == [Recognizer(folder / "uint8.tflite", config=CONFIG).read(image)] * 2


BLUE = np.full((24, 48, 3), (200, 80, 20), np.uint8)
RED = np.ascontiguousarray(BLUE[:, :, ::-1])


@pytest.fixture
def chinese(folder, monkeypatch):
    """A recognizer that is sure of blue plates, and doubts all others."""
    monkeypatch.setattr(color_order, "_PROVINCES", frozenset("京AB"))
    recognizer = Recognizer(folder / "uint8.tflite", config=CONFIG)

    def readings(prepared: np.ndarray) -> list[Reading]:
        return [Reading("A", 0.95 if image[0, 0, 0] > image[0, 0, 2] else 0.2, (0.9,)) for image in prepared]

    monkeypatch.setattr(recognizer, "_readings", readings)
    return recognizer


def test_exchanged_colors_are_told_once(chinese, recwarn):
    for _ in range(3):
        chinese.read_many([RED, RED])
    assert [str(warning.message)[:48] for warning in recwarn] == ["red and blue of the pictures seem exchanged: pla"]
    assert recwarn[0].filename == __file__


def test_pictures_in_order_files_and_gray_ones_are_not_told(chinese, recwarn, tmp_path):
    write_image(tmp_path / "red.png", RED)
    chinese.read_many([BLUE, BLUE, RED[:, :, 0], tmp_path / "red.png"] * 3)
    chinese.read(np.full((24, 48, 3), 90, np.uint8))
    assert not list(recwarn)


def test_a_red_plate_among_many_blue_ones_is_not_told(chinese, recwarn):
    chinese.read_many([BLUE] * 9 + [RED])
    chinese.read_many([BLUE] * 100 + [RED] * 300)  # no more than the first hundred are looked at
    assert not list(recwarn)


def test_a_plate_that_nobody_can_read_is_not_told(chinese, recwarn, monkeypatch):
    monkeypatch.setattr(chinese, "_readings", lambda prepared: [Reading("", 0.1, ())] * len(prepared))
    chinese.read_many([RED] * 50)
    assert not list(recwarn)


def test_colors_of_other_countries_are_not_known(folder, recwarn, monkeypatch):
    recognizer = Recognizer(folder / "uint8.tflite", config=CONFIG)
    monkeypatch.setattr(recognizer, "_readings", lambda prepared: 1 / 0 if (prepared[0] == BLUE).all() else
                        [Reading("A", 0.2, ())] * len(prepared))  # fmt: skip
    recognizer.read(RED)
    assert not list(recwarn)


def test_another_order_of_colors_is_refused(folder):
    with pytest.raises(ValueError, match="expected the color order 'bgr' or 'rgb', received 'RGB'"):
        Recognizer(folder / "uint8.tflite", config=CONFIG, color="RGB")


def test_arrays_may_lie_in_memory_in_any_way(recognizer):
    image = plate("京A_BC_")
    expected = recognizer.read(image)
    padded = np.zeros((48, 96, 4), np.uint8)
    padded[::2, ::2, :3] = image
    frozen = image.copy()
    frozen.flags.writeable = False
    mirrored = np.ascontiguousarray(image[::-1, ::-1, ::-1])
    for same in (padded[::2, ::2, :3], np.asfortranarray(image), frozen, mirrored[::-1, ::-1, ::-1]):
        assert recognizer.read(same) == expected


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (1, 500, 3), (500, 1), (1, 60_000), (60_000, 1, 1), (2, 3, 3)])
def test_pictures_of_any_size_are_read(recognizer, shape):
    assert recognizer.read(np.full(shape, 128, np.uint8)).text is not None


@pytest.mark.parametrize("shape", [(1, 70_000), (70_000, 1, 3)])
def test_absurd_arrays_are_refused(recognizer, shape):
    with pytest.raises(ImageError, match=r"expected a smaller image, received .*70000.* pixels; shrink it"):
        recognizer.read(np.zeros(shape, np.uint8))


def test_a_photograph_needs_little_beside_itself(recognizer):
    """A view of one row as many: 48 million pixels that take no memory, where 8 bytes a sample would take 1.2 GB."""
    row = np.random.default_rng(0).integers(0, 256, (1, 8000, 3), dtype=np.uint8)
    wide = np.broadcast_to(row, (1000, 8000, 3))
    assert recognizer.read(wide) == recognizer.read(np.broadcast_to(row, (24, 8000, 3)))


@pytest.mark.parametrize("kind", ["float32", "int8"])
def test_threads_may_share_a_recognizer(folder, kind):
    recognizer = Recognizer(folder / f"{kind}.tflite", config=CONFIG)
    pictures = [plate(text) for text in ("京A_BC_", "A_____", "ABCABC", "_B____")] * 50
    expected = [recognizer.read(picture) for picture in pictures]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            assert list(pool.map(recognizer.read, pictures)) == expected


def test_a_pickled_recognizer_and_a_copy_read_the_same(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(folder)
    recognizer = Recognizer("uint8.tflite", config=CONFIG, beam_width=3, color="rgb")
    monkeypatch.chdir(tmp_path)  # the file is found from elsewhere, too
    for copy in (pickle.loads(pickle.dumps(recognizer)), copy_module.deepcopy(recognizer)):
        assert copy.read(plate("京A_BC_")) == recognizer.read(plate("京A_BC_"))
        assert (copy.config, copy.beam_width, copy.color) == (CONFIG, 3, "rgb")


def test_a_recognizer_goes_to_other_processes(folder):
    recognizer = Recognizer(folder / "uint8.tflite", config=CONFIG)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(recognizer.read, plate("京A_BC_")).result(120).text == "京ABC"


def test_the_board_check_runs_here_too(folder):
    command = [sys.executable, "tests/board_check.py", folder / "uint8.tflite", folder / "config.yaml"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
    assert "numpy" in result.stdout
    assert "text" in result.stdout
