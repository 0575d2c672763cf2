"""The C for firmware: it builds without a warning, reads what Python reads, and does so on emulated chips."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from deployed_models import CONFIG, REAL_CROPS, config_file, exported, folder
from emulated_chips import builds, needs, needs_compiler, needs_target
from tiny_models import run_python
from tiny_tflite import tiny_tflite

from lp_recognition.deployment.c_code import check_ends
from lp_recognition.deployment.recognition_c import FIRMWARE, CReader
from lp_recognition.images.image import read_image
from lp_recognition.model_files.interpreter import TensorInfo
from lp_recognition.reading.recognizer import Recognizer
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import ConfigError, ModelError, UserError
from lp_recognition.texts.decoding import decode
from lp_recognition.tools import export_c as script


@functools.cache
def firmware(kind: str) -> Path:
    out = folder() / f"firmware {kind}"
    FIRMWARE.export(exported() / f"graph_{kind}.tflite", out)
    return out


@functools.cache
def reader(kind: str) -> tuple[Recognizer, CReader]:
    recognizer = Recognizer(exported() / f"graph_{kind}.tflite")
    return recognizer, CReader(firmware(kind), recognizer)


@pytest.mark.slow
@needs_compiler
@needs("make")
@pytest.mark.parametrize("kind", ["int8", "uint8"])
def test_its_own_test_passes_on_this_machine(kind):
    result = subprocess.run(
        ["make", "--no-print-directory", "test"], cwd=firmware(kind), capture_output=True, text=True, timeout=120
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("passed\n")
    assert "-std=c99 -Wall -Wextra -Wpedantic -Werror" in result.stdout


@needs_compiler
@needs("make")
def test_its_own_test_can_fail(tmp_path):
    shutil.copytree(firmware("int8"), tmp_path, dirs_exist_ok=True)
    source = tmp_path / "lpr_ctc.c"
    text = source.read_text()
    assert "last = best;" in text
    source.write_text(text.replace("last = best;", "if (best != LPR_BLANK) last = best;"))  # AA would read A
    result = subprocess.run(
        ["make", "--no-print-directory", "test"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert result.returncode != 0
    assert "FAILED: text, vector 0" in result.stdout


def made(goal: str) -> str:
    """What `make` printed; the emulated chip writes to one of the two streams."""
    result = subprocess.run(
        ["make", "--no-print-directory", goal], cwd=firmware("int8"), capture_output=True, text=True, timeout=180
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "warning" not in result.stderr
    return result.stdout + result.stderr


@needs("make")
@pytest.mark.parametrize(("program", "expected"), [("exit 0", True), ("exit 1", False), (None, False)])
def test_a_compiler_without_its_library_is_none(program, expected, tmp_path, monkeypatch):
    """Debian has the compilers without picolibc, too."""
    for name in ("arm-none-eabi-gcc", "riscv64-unknown-elf-gcc"):
        if program is not None:
            (tmp_path / name).write_text(f"#!/bin/sh\ncat > {os.devnull}\n{program}\n")
            (tmp_path / name).chmod(0o755)
    tools = tmp_path / "tools"  # without the compilers that may lie beside make
    tools.mkdir()
    for tool in ("make", "sh", "cat"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{tools}")
    assert [builds.__wrapped__(compiler) for compiler in ("CORTEX_M", "RISCV")] == [expected] * 2


@needs_target("CORTEX_M")
@needs("qemu-system-arm")
def test_its_own_test_passes_on_an_emulated_cortex_m():
    output = made("test-cortex-m")
    assert "passed" in output.splitlines()


@needs_target("RISCV")
@needs("qemu-system-riscv32")
def test_its_own_test_passes_on_an_emulated_riscv():
    output = made("test-riscv")
    assert "passed" in output.splitlines()


@needs("g++")
def test_cplusplus_takes_the_header(tmp_path):
    (tmp_path / "x.cpp").write_text('extern "C" {\n#include "lpr.h"\n}\nint main() { return lpr_model_size == 0; }\n')
    command = [
        "g++",
        "-std=c++11",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Werror",
        "-fsyntax-only",
        f"-I{firmware('int8')}",
    ]
    result = subprocess.run([*command, str(tmp_path / "x.cpp")], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")


# ---- Against Python ----------------------------------------------------------------------------------------------


@needs_compiler
@pytest.mark.parametrize("kind", ["int8", "uint8"])
def test_decoding_is_that_of_python(kind):
    recognizer, c = reader(kind)
    given = recognizer.ends[1]
    limits = np.iinfo(given.dtype)
    rng = np.random.default_rng(2)
    for number in range(60):
        logits = rng.integers(limits.min, limits.min + rng.integers(2, 200), given.shape).astype(given.dtype)
        peaks = rng.integers(0, given.shape[2], given.shape[1])
        peaks[rng.random(len(peaks)) < 0.5] = recognizer.vocabulary.blank_index
        if number % 3:
            logits[0, np.arange(len(peaks)), peaks] = limits.max - rng.integers(0, 40, len(peaks))
        [expected] = decode(given.dequantize(logits), recognizer.vocabulary.blank_index)
        text, confidence, confidences = c.decode(logits)
        assert text == recognizer.vocabulary.decode(expected.indices)
        assert confidence == pytest.approx(expected.confidence, abs=3e-4)
        assert confidences == pytest.approx(expected.confidences, abs=1e-4)


@needs_compiler
@pytest.mark.parametrize(
    ("height", "width"), [(24, 94), (48, 188), (31, 117), (24, 200), (100, 94), (17, 60), (20, 110), (40, 80), (1, 1),
                          (2, 300), (300, 2), (720, 1280)],
)  # fmt: skip
@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_those_of_python(height, width, channels):
    recognizer, c = reader("int8")
    image = np.random.default_rng(height).integers(0, 256, (height, width, channels), np.uint8)
    expected = recognizer.config.preprocessing.prepare(image).astype(int) - 128
    received = c.prepare(image)[0].astype(int)
    assert np.array_equal(received, expected)


@needs_compiler
def test_enlarging_is_that_of_python_to_the_last_bit():
    recognizer, c = reader("int8")
    rng = np.random.default_rng(9)
    for _ in range(60):
        height, width = int(rng.integers(1, 24)), int(rng.integers(1, 400))
        for shape in ((height, width, 3), (int(rng.integers(24, 90)), int(rng.integers(1, 94)), 1)):
            image = rng.integers(0, 256, shape, np.uint8)
            expected = recognizer.config.preprocessing.prepare(image).astype(int) - 128
            assert np.array_equal(c.prepare(image)[0], expected), shape


@needs_compiler
def test_gray_is_that_of_python(tmp_path):
    """Files whose input is gray, or three times gray: colours of all kinds, without any resizing."""
    for shape, gray in (((24, 48, 1), False), ((24, 48, 3), True)):
        path = tmp_path / f"{shape[2]}.tflite"
        path.write_bytes(tiny_tflite("int8", shape))
        config = RecognitionConfig(input_shape=shape, alphabet="京ABC", convert_to_gray=gray)
        FIRMWARE.export(path, tmp_path / path.stem, config=config)
        recognizer = Recognizer(path, config=config)
        c = CReader(tmp_path / path.stem, recognizer)
        for seed in range(20):
            image = np.random.default_rng(seed).integers(0, 256, (24, 48, 3), np.uint8)
            expected = config.preprocessing.prepare(image).astype(int) - 128
            assert np.array_equal(c.prepare(image)[0], expected)


@needs_compiler
def test_c_reads_drawn_plates_as_python_does():
    recognizer, c = reader("int8")
    pictures = [read_image(path) for path in sorted((folder() / "crops").glob("*.png"))]
    texts = [recognizer.read(picture).text for picture in pictures]
    assert len(set(texts)) > 3  # the network says more than one thing
    prepared = [recognizer.config.preprocessing.prepare(picture) for picture in pictures]
    assert [c.read(image) for image in prepared] == texts  # of images that need no resizing, to the last bit
    agree = [c.read(picture) == text for picture, text in zip(pictures, texts, strict=True)]
    assert np.mean(agree) > 0.9  # the weights are random: a rounded pixel may tip a text


@needs_compiler
def test_rows_may_be_longer_than_the_image():
    recognizer, c = reader("int8")
    frame = np.random.default_rng(0).integers(0, 256, (60, 300, 3), np.uint8)
    crop = frame[10:50, 20:150]
    taken = recognizer.ends[0]
    values = np.empty(taken.shape, taken.dtype)
    c._library.lpr_prepare(crop.ctypes.data, 40, 130, 3, frame.strides[0], values.ctypes.data)
    assert np.array_equal(values, c.prepare(crop))


@needs_compiler
@pytest.mark.skipif(not (REAL_CROPS / "cn_test").is_dir(), reason=f"no real crops in {REAL_CROPS}")
def test_the_list_option_checks_every_plate(tmp_path, capsys):
    rows = (REAL_CROPS / "cn_test" / "annotation.txt").read_text(encoding="utf-8").splitlines()[:50]
    plates = tmp_path / "list.txt"
    plates.write_text("".join(f"{REAL_CROPS / 'cn_test'}/{row}\n" for row in rows), encoding="utf-8")
    arguments = [str(exported() / "graph_int8.tflite"), "--output", str(tmp_path / "out"), "--list", str(plates)]
    assert script.main(arguments) == 0  # these crops have the network's size: nothing is rounded
    assert "50 of 50 plates read by C as by Python" in capsys.readouterr().out


# ---- What is written ---------------------------------------------------------------------------------------------


def test_the_array_is_the_model_without_what_follows_it():
    import re

    from lp_recognition.deployment.layers import model_bytes

    text = (firmware("int8") / "lpr_model.c").read_text()
    array = bytes(int(value, 16) for value in re.findall(r"0x([0-9a-f]{2}),", text))
    assert array == model_bytes((exported() / "graph_int8.tflite").read_bytes())
    assert "aligned(16)" in text


def test_alphabet_and_sizes_are_the_models():
    tables, header = (firmware("int8") / "lpr_tables.c").read_text(), (firmware("int8") / "lpr_config.h").read_text()
    assert '"\\344\\272\\254", /* 京 */' in tables
    assert tables.count("/* ") == len(CONFIG.vocabulary().classes)
    for line in ("LPR_HEIGHT 24", "LPR_WIDTH 94", "LPR_CHANNELS 3", "LPR_GRAY 0", "LPR_SIGNED 1", "LPR_CLASSES 7",
                 "LPR_BLANK 6"):  # fmt: skip
        assert f"#define {line}\n" in header
    assert "AddDepthwiseConv2D" in (firmware("int8") / "README.md").read_text()
    assert "NNTool" in (firmware("uint8") / "README.md").read_text()


@needs_compiler
def test_hostile_symbols_are_only_text(tmp_path):
    config = RecognitionConfig(input_shape=(24, 48, 3), alphabet=("<*/x>", '"', "\\", "?"))
    (tmp_path / "x.tflite").write_bytes(tiny_tflite("int8"))
    FIRMWARE.export(tmp_path / "x.tflite", tmp_path / "out", config=config)
    recognizer = Recognizer(tmp_path / "x.tflite", config=config)
    logits = np.full((1, 6, 5), -128, np.int8)
    logits[0, np.arange(6), [0, 1, 2, 3, 4, 0]] = 127
    assert CReader(tmp_path / "out", recognizer).decode(logits)[0] == '<*/x>"\\?<*/x>'


def test_mistakes_are_told(tmp_path):
    output = ["--output", str(tmp_path / "out")]
    with pytest.raises(ModelError, match=r"graph_float\.tflite: expected uint8 or int8 .*received float32"):
        script.main([str(exported() / "graph_float.tflite"), *output])
    (tmp_path / "x.tflite").write_bytes(tiny_tflite("int8"))
    with pytest.raises(ConfigError, match=r"x\.tflite: carries no description"):
        script.main([str(tmp_path / "x.tflite"), *output])
    with pytest.raises(ConfigError, match="input_shape: expected"):
        script.main([str(exported() / "graph_int8.tflite"), *output, "--config", str(_other_config(tmp_path))])
    assert not (tmp_path / "out").exists()
    assert script.main([str(exported() / "graph_int8.tflite"), *output, "--config", str(config_file())]) == 0
    with pytest.raises(UserError, match=r"lpr\.h: expected no such file yet.*--output.*--overwrite"):
        script.main([str(exported() / "graph_int8.tflite"), *output])
    assert script.main([str(exported() / "graph_int8.tflite"), *output, "--overwrite"]) == 0


def _other_config(tmp_path: Path) -> Path:
    (tmp_path / "other.py").write_text("input_shape = (24, 96, 3)\nalphabet = '京沪AB01'\n")
    return tmp_path / "other.py"


def test_it_needs_the_light_install_alone():
    code = (
        "import sys; from lp_recognition.tools import export_c; "
        f"export_c.main([{str(exported() / 'graph_int8.tflite')!r}, '--output', {str(folder() / 'light')!r}]); "
        "print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    result = run_python("-c", code, timeout=60)
    assert result.stdout.splitlines()[-1] == "set()", result.stderr


def test_help_is_quick():
    result = run_python("-m", "utils.export_c", "--help", timeout=10)
    assert result.returncode == 0
    assert "make -C firmware test" in result.stdout


@pytest.mark.parametrize(
    ("taken", "given", "message"),
    [
        ((2, np.int8, 0.1), (2, np.int8, 0.1), "x: expected a batch of 1, received 2"),
        ((1, np.int8, 0.1), (1, np.uint8, 0.1), "received int8 and uint8"),
        ((1, np.float32, 0), (1, np.float32, 0), "received float32 and float32"),
        ((1, np.int8, 0), (1, np.int8, 0.1), "expected uint8 or int8"),
    ],
)
def test_ends_that_a_chip_does_not_take_are_refused(taken, given, message):
    ends = [TensorInfo("t", (batch, 3), np.dtype(dtype), scale, 0) for batch, dtype, scale in (taken, given)]
    with pytest.raises(ModelError, match=message):
        check_ends("x", *ends)
