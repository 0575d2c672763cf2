"""Opening `.tflite` files: what they say of themselves, what they compute, and every way to be broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_tflite import tiny_tflite

from lp_recognition.images.image import Preprocessing
from lp_recognition.model_files import interpreter
from lp_recognition.model_files.interpreter import TensorInfo, image_predictor, open_interpreter, pixel_values
from lp_recognition.system.errors import ModelError
from lp_recognition.system.native_log import quiet_log

UINT8 = TensorInfo("x", (4,), np.dtype(np.uint8), 1 / 127, 128)
INT8 = TensorInfo("x", (4,), np.dtype(np.int8), 0.5, -3)
FLOAT = TensorInfo("x", (4,), np.dtype(np.float32), 0.0, 0)


@pytest.fixture(scope="session", params=["float32", "uint8", "int8"])
def kind(request):
    return request.param


@pytest.fixture(scope="session")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("模型 x") / "tiny.tflite"
    path.write_bytes(tiny_tflite())
    return path


def test_a_file_tells_its_ends(kind):
    model = open_interpreter(tiny_tflite(kind))
    [taken], [given_] = model.inputs, model.outputs
    assert (taken.shape, given_.shape) == ((1, 24, 48, 3), (1, 6, 5))
    assert taken.dtype == given_.dtype == np.dtype(kind)
    assert taken.is_quantized is given_.is_quantized is (kind != "float32")
    if kind == "uint8":
        assert (taken.scale, taken.zero_point) == (pytest.approx(1 / 127, rel=1e-3), 128)


def test_black_and_white_are_read_as_such(kind):
    model = open_interpreter(tiny_tflite(kind), num_threads=2)
    for value, expected in ((-1.0, 0), (-0.5, 1), (0.0, 2), (1.0, 4)):
        images = model.inputs[0].quantize(np.full((1, 24, 48, 3), value, np.float32))
        logits = model.outputs[0].dequantize(model.run(images))
        assert logits.dtype == np.float32
        assert (logits.argmax(axis=2) == expected).all()


def test_results_are_copies(kind):
    model = open_interpreter(tiny_tflite(kind))
    first = model.run(model.inputs[0].quantize(np.zeros((1, 24, 48, 3), np.float32)))
    kept = first.copy()
    model.run(model.inputs[0].quantize(np.ones((1, 24, 48, 3), np.float32)))
    assert np.array_equal(first, kept)


@given(st.floats(-1.007, 1.0), st.sampled_from([UINT8, INT8]))
@settings(deadline=None)
def test_quantizing_is_within_half_a_step(value, info):
    values = np.array([value], np.float32)
    assert abs(info.dequantize(info.quantize(values)) - values).max() <= info.scale / 2 + 1e-6


def test_quantizing_clips():
    assert UINT8.quantize(np.array([-9.0, 0.0, 9.0])).tolist() == [0, 128, 255]
    assert INT8.quantize(np.array([-900.0, 0.0, 900.0])).tolist() == [-128, -3, 127]
    assert (
        FLOAT.quantize(np.array([-9.5, 9.5])).tolist()
        == FLOAT.dequantize(np.array([-9.5, 9.5])).tolist()
        == [-9.5, 9.5]
    )


def test_another_shape_or_type_is_refused():
    model = open_interpreter(tiny_tflite())
    with pytest.raises(
        ValueError, match=r"expected uint8 of shape \(1, 24, 48, 3\), received uint8 of shape \(2, 24, 48, 3\)"
    ):
        model.run(np.zeros((2, 24, 48, 3), np.uint8))
    with pytest.raises(ValueError, match="received float32"):
        model.run(np.zeros((1, 24, 48, 3), np.float32))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "received an empty one"),
        (b"\x1c\0\0\0", "does not begin as such"),
        (b"no model at all, but long enough", r"does not begin as such \('TFL3'\)"),
        (b"\x1c\0\0\0TFL3", r"cut off or broken \(8 bytes\)"),
        (b"\xff\xff\xff\xffTFL3" + bytes(100), "cut off or broken"),
        (b"\x08\0\0\0TFL3" + b"\xff" * 100, "cut off or broken"),
        (b"\x08\0\0\0TFL3" + bytes(100), r"cut off or broken|received an error"),
    ],
)
def test_what_is_no_model_is_one_line(tmp_path, data, message):
    (tmp_path / "x.tflite").write_bytes(data)
    with pytest.raises(ModelError, match=rf"x\.tflite: expected .*({message})") as caught:
        open_interpreter(tmp_path / "x.tflite")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["x.ckpt", "graph.pb", "graph.pb.frozen"])
def test_what_is_not_converted_yet_is_told_how(tmp_path, name):
    (tmp_path / name).write_bytes(b"PK\3\4 and more")
    with pytest.raises(ModelError, match=rf"{name}: expected a \.tflite file, received a .*export_frozen_graph\.py"):
        open_interpreter(tmp_path / name)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(ModelError, match=r"none\.tflite: expected a \.tflite file, .*No such file"):
        open_interpreter(tmp_path / "none.tflite")
    with pytest.raises(ModelError, match=r"expected a \.tflite file"):
        open_interpreter(tmp_path)


@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_a_file_cut_off_anywhere_is_refused_by_our_own_check(kind):
    data = tiny_tflite(kind)
    interpreter.check_flatbuffer(data, "whole")
    lengths = [*range(0, len(data), 7), *range(len(data) - 40, len(data))]
    for length in lengths:
        with pytest.raises(ModelError):
            interpreter.check_flatbuffer(data[:length], "cut")


def test_a_file_cut_off_never_kills_the_process(tmp_path):
    """In a process of its own, as the parser is native."""
    (tmp_path / "x.tflite").write_bytes(tiny_tflite())
    code = """
import sys
from lp_recognition.system.errors import ModelError
from lp_recognition.model_files.interpreter import open_interpreter
data = open(sys.argv[1], "rb").read()
open_interpreter(data)
refused = 0
for length in range(0, len(data), 23):
    try:
        open_interpreter(data[:length])
    except ModelError:
        refused += 1
print(refused == len(range(0, len(data), 23)))
"""
    command = [sys.executable, "-c", code, str(tmp_path / "x.tflite")]
    result = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (0, "True\n", "")


def test_native_chatter_is_kept_back_and_warnings_are_not(capfd):
    open_interpreter(tiny_tflite())
    assert capfd.readouterr().err == ""
    with quiet_log():
        subprocess.run(["sh", "-c", "echo INFO: chatter >&2; echo WARNING: look >&2"], check=True)
    assert capfd.readouterr().err == "WARNING: look\n"


def test_a_failed_attempt_is_told_once(capfd):
    with pytest.raises(RuntimeError), quiet_log():
        subprocess.run(["sh", "-c", "echo ERROR: told by the exception >&2"], check=True)
        raise RuntimeError
    assert capfd.readouterr().err == ""


def test_without_any_interpreter_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(interpreter, "_RUNTIMES", ("no_such_module_a", "no_such_module_b"))
    with pytest.raises(ModelError, match="pip install ai-edge-litert"):
        open_interpreter(tiny_tflite())


def test_the_next_interpreter_is_tried(monkeypatch):
    monkeypatch.setattr(interpreter, "_RUNTIMES", ("no_such_module", *interpreter._RUNTIMES))
    assert open_interpreter(tiny_tflite()).runtime in interpreter._RUNTIMES


def test_a_model_with_two_outputs_is_refused():
    tf = pytest.importorskip("tensorflow")

    @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.float32)])
    def two(values):
        return values + 1, values * 2

    data = tf.lite.TFLiteConverter.from_concrete_functions([two.get_concrete_function()]).convert()
    with pytest.raises(ModelError, match="expected one input and one output, received 1 and 2"):
        open_interpreter(data)


def test_a_name_with_spaces_and_chinese_is_opened(model_file):
    assert open_interpreter(model_file).source == str(model_file)
    assert open_interpreter(str(model_file)).inputs[0].shape == (1, 24, 48, 3)


class Means:
    """Gives the mean of each image of a batch of 3, and a constant beside it, in steps of a quarter."""

    inputs = (TensorInfo("in", (3, 1, 2, 1), np.dtype(np.int8), 1 / 255, -128),)
    outputs = (TensorInfo("out", (3, 2), np.dtype(np.uint8), 0.25, 1),)
    runs = 0

    def run(self, array):
        assert (array.shape, array.dtype) == ((3, 1, 2, 1), np.int8)
        self.runs += 1
        means = (array.astype(int) + 128).mean(axis=(1, 2, 3)) // 32
        return np.stack([means, np.full(3, 5)], axis=1).astype(np.uint8)


@pytest.mark.parametrize(("count", "runs"), [(1, 1), (3, 1), (4, 2), (7, 3)])
def test_images_are_run_in_the_batches_of_the_file(count, runs):
    model = Means()
    images = np.arange(2 * count, dtype=np.uint8).reshape(count, 1, 2, 1) * 16
    outputs = image_predictor(model, Preprocessing((1, 2, 1), False, False))(images)
    assert (outputs.dtype, outputs.shape, model.runs) == (np.float32, (count, 2), runs)
    expected = (images.astype(int).mean(axis=(1, 2, 3)) // 32 - 1) / 4
    assert np.array_equal(outputs[:, 0], expected)
    assert (outputs[:, 1] == 1).all()


@pytest.mark.parametrize("symmetric", [True, False])
def test_pixels_are_themselves_where_the_file_takes_them(symmetric):
    preprocessing = Preprocessing((1, 2, 1), symmetric, False)
    for dtype, below in ((np.uint8, 0), (np.int8, 128)):
        taken = TensorInfo("in", (1, 1, 2, 1), np.dtype(dtype), preprocessing.scale, preprocessing.zero_point - below)
        assert (pixel_values(taken, preprocessing).astype(int) == np.arange(256) - below).all()


# ---- Delegates -----------------------------------------------------------------------------------------------------

#: A delegate that takes nothing over, and leaves a file when it is asked to: LiteRT's external delegates in C.
DELEGATE = r"""
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
typedef struct Delegate {
  void *data; int (*prepare)(void *, struct Delegate *); void *from, *to, *free_buffer; int64_t flags; void *builder;
} Delegate;
static int prepare(void *context, Delegate *self) { FILE *f = fopen(getenv("TOLD"), "w"); fclose(f); return 0; }
static Delegate the_delegate;
Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t n, void (*report)(const char *)) {
  the_delegate.prepare = prepare; the_delegate.flags = 1; return &the_delegate;
}
void tflite_plugin_destroy_delegate(Delegate *delegate) {}
"""


def test_a_delegate_is_asked_what_it_takes_over(tmp_path, monkeypatch):
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    (tmp_path / "delegate.c").write_text(DELEGATE)
    library = tmp_path / "delegate.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(library), str(tmp_path / "delegate.c")], check=True)
    monkeypatch.setenv("TOLD", str(tmp_path / "asked"))
    plain, delegated = open_interpreter(tiny_tflite()), open_interpreter(tiny_tflite(), delegate=library)
    assert (tmp_path / "asked").exists()
    array = np.zeros(plain.inputs[0].shape, plain.inputs[0].dtype)
    np.testing.assert_array_equal(delegated.run(array), plain.run(array))


def test_a_delegate_that_cannot_be_loaded_is_told(tmp_path):
    (tmp_path / "delegate.so").write_text("no library")
    for library in (tmp_path / "none.so", tmp_path / "delegate.so"):
        with pytest.raises(ModelError, match=f"{library.name}: expected a delegate that .* can load"):
            open_interpreter(tiny_tflite(), delegate=library)
