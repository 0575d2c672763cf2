"""The C for firmware that finds plates: it computes what Python's integers do, and those what its floats do."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from deployed_detector import CONFIG, exported_detector, folder
from emulated_chips import needs, needs_compiler, needs_target
from hypothesis import given, settings
from hypothesis import strategies as st

from lp_recognition.boxes.cells import Grids
from lp_recognition.deployment.detection_c import FIRMWARE, CDetector, decoding_of, plates_in_cells
from lp_recognition.deployment.detection_integers import ONE, PIXEL, IntegerDecoding, IntegerPlate, fit
from lp_recognition.images.image import write_image
from lp_recognition.images.scene_augmentation import fitted_size, letterbox
from lp_recognition.lists.scenes import Scene, ScenePlate, write_scenes
from lp_recognition.model_files.interpreter import TensorInfo
from lp_recognition.reading.detector import Detector, decode_cells
from lp_recognition.settings.detection import DetectionConfig
from lp_recognition.system.errors import ConfigError, ModelError
from lp_recognition.tools import export_c as script

GRIDS = Grids((96, 128), (8, 16, 32))
#: Of a network whose offsets reach six strides.
GIVEN = TensorInfo("cells", (1, GRIDS.count, 9), np.dtype(np.int8), 0.05, 10)


@functools.cache
def firmware(kind: str) -> Path:
    out = folder() / f"firmware {kind}"
    FIRMWARE.export(exported_detector() / f"graph_{kind}.tflite", out)
    return out


@functools.cache
def detector(kind: str) -> tuple[CDetector, IntegerDecoding]:
    opened = Detector(exported_detector() / f"graph_{kind}.tflite")
    return CDetector(firmware(kind), opened), decoding_of(opened)


def told(plates) -> list[tuple[int, list]]:
    return [(plate.score, plate.corners.tolist()) for plate in plates]


def cells_of(decoding: IntegerDecoding, cells: dict[int, bytes]) -> np.ndarray:
    """An output of the file's type in which these cells say something."""
    dtype = np.uint8 if decoding.lowest == 0 else np.int8
    output = np.full((decoding.grids.count, 9), decoding.lowest, dtype)
    for cell, values in cells.items():
        output[cell] = np.frombuffer(values, dtype)
    return output


# ---- The C is Python's integers ----------------------------------------------------------------------------------


@needs_compiler
@pytest.mark.parametrize("kind", ["int8", "uint8"])
@given(cells=st.dictionaries(st.integers(0, GRIDS.count - 1), st.binary(min_size=9, max_size=9), max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_output_is_decoded_alike(kind, cells):
    c, decoding = detector(kind)
    output = cells_of(decoding, cells)
    assert told(c.decode(output)) == told(decoding.decode(output))


@needs_compiler
@pytest.mark.parametrize("kind", ["int8", "uint8"])
def test_outputs_full_of_plates_and_of_noise_are_decoded_alike(kind):
    c, decoding = detector(kind)
    rng = np.random.default_rng(5)
    found = 0
    for number in range(100):
        output = cells_of(decoding, {})
        if number % 2:
            cells, values = plates_in_cells(decoding, rng, 6)
            output[cells] = values
        else:  # all cells speak
            output[:] = rng.integers(decoding.lowest, decoding.lowest + 256, output.shape)
        expected = decoding.decode(output)
        assert told(c.decode(output)) == told(expected)
        assert told(c.decode(output, most=2)) == told(expected[:2])
        found += len(expected)
    assert found > 1000


@needs_compiler
@needs("make")
def test_of_too_many_cells_the_surest_are_looked_at(tmp_path):
    """As no detector here has so many cells, with fewer that are looked at."""
    shutil.copytree(firmware("int8"), tmp_path, dirs_exist_ok=True)
    config = tmp_path / "lpd_config.h"
    config.write_text(config.read_text().replace("LPD_MOST_CELLS 252", "LPD_MOST_CELLS 5"))
    c = CDetector(tmp_path, Detector(exported_detector() / "graph_int8.tflite"))
    _, whole = detector("int8")
    few = IntegerDecoding(**{**{name: getattr(whole, name) for name in whole.__dataclass_fields__}, "most_cells": 5})
    rng = np.random.default_rng(1)
    for _ in range(50):
        output = rng.integers(-128, 128, (whole.grids.count, 9)).astype(np.int8)
        output[:, 0] = rng.integers(100, 128, len(output))  # many are equally sure
        assert told(c.decode(output)) == told(few.decode(output))
        assert len(few.decode(output)) <= 5 < len(whole.decode(output))


SIZES = [(96, 128), (240, 320), (720, 1280), (97, 129), (60, 80), (300, 40), (40, 300), (1, 1), (3, 1000), (1000, 3),
         (96, 500), (500, 128), (113, 211)]  # fmt: skip


@needs_compiler
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_prepared_alike(size, channels):
    c, _ = detector("int8")
    picture = np.random.default_rng(size[0]).integers(0, 256, (*size, channels), np.uint8)
    assert np.array_equal(c.prepare(picture)[0], fit(picture, CONFIG.preprocessing).astype(int) - 128)


@needs_compiler
def test_corners_are_moved_to_the_picture():
    c, _ = detector("int8")
    corners = np.array([[-33, 0], [1000, 7], [2048, 1536], [5, 1535]])
    for height, width in SIZES:
        rows, columns = fitted_size((height, width), (96, 128))
        moved = c.to_picture(IntegerPlate(corners, 7), (height, width))
        assert np.array_equal(moved.corners, np.rint(corners * np.array([width, height]) / np.array([columns, rows])))
        assert moved.score == 7


# ---- Python's integers are its floats ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(40))
def test_plates_are_those_of_the_floats_within_a_sixteenth_of_a_pixel(seed):
    decoding = IntegerDecoding.of(GIVEN, GRIDS, 0.4, 0.4)
    output = cells_of(decoding, {})
    cells, values = plates_in_cells(decoding, np.random.default_rng(seed), 3)
    output[cells] = values
    real = GIVEN.dequantize(output)
    expected, found = decode_cells(real, GRIDS, 0.4, 0.4), decoding.decode(output)
    assert len(found) == len(expected) > 0
    for one, other in zip(found, expected, strict=True):
        assert one.score / ONE == pytest.approx(other.score, abs=2e-5)
        assert np.abs(one.corners / PIXEL - other.corners).max() <= 1 / 16


@pytest.mark.parametrize("size", SIZES)
def test_pictures_are_those_of_the_letterbox_within_a_level(size):
    """OpenCV sums areas in floats."""
    picture = np.random.default_rng(size[1]).integers(0, 256, (*size, 1), np.uint8)
    expected, _ = letterbox(picture, (96, 128))
    assert np.abs(fit(picture, CONFIG.preprocessing).astype(int) - expected).max() <= 1


def test_the_threshold_is_the_least_number_whose_score_is_enough():
    for threshold in (0.01, 0.4, 0.5, 0.9):
        level = IntegerDecoding.of(GIVEN, GRIDS, threshold, 0.4).score_threshold
        below, at = 1 / (1 + np.exp(-(np.array([level - 1, level]) - GIVEN.zero_point) * GIVEN.scale))
        assert below < threshold <= at


@pytest.mark.parametrize(("threshold", "expected"), [(0.0, GRIDS.count), (1.0, 0)])
def test_all_cells_or_none_may_be_sure_enough(threshold, expected):
    decoding = IntegerDecoding.of(GIVEN, GRIDS, threshold, 1.0)
    assert len(decoding.decode(np.full((GRIDS.count, 9), 10, np.int8))) == expected


def test_a_plate_of_one_cell_lies_where_its_numbers_say():
    decoding = IntegerDecoding.of(GIVEN, GRIDS, 0.4, 0.4)
    output = cells_of(decoding, {})
    cell = 16 * 12 + 8 + 2  # the second row of the grid of 16 pixels, its third column: its middle is (40, 24)
    output[cell] = [127, *(10 + np.array([-20, -10, 20, -10, 20, 10, -20, 10]))]  # a stride across, a half up and down
    [plate] = decoding.decode(output)
    assert (plate.corners / PIXEL).tolist() == [[24, 16], [56, 16], [56, 32], [24, 32]]


# ---- What is written ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@needs_compiler
@needs("make")
@pytest.mark.parametrize("kind", ["int8", "uint8"])
def test_its_own_test_passes_on_this_machine(kind):
    result = made("test", firmware(kind))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("passed\n")
    assert "-std=c99 -Wall -Wextra -Wpedantic -Werror" in result.stdout


@needs_compiler
@needs("make")
@pytest.mark.parametrize(
    ("name", "right", "wrong", "words"),
    [
        ("image", "sum + whole / 2", "sum", "FAILED: pixels of the input, vector 0"),
        ("decode", "weights += score * score", "weights += score", "FAILED: corners, vector 0"),
        (
            "decode",
            "score < LPD_SCORE_THRESHOLD",
            "score + 1 < LPD_SCORE_THRESHOLD",
            "FAILED: number of plates, vector 1",
        ),
        ("decode", "LPD_VALUES] < score", "LPD_VALUES] <= score", "FAILED: corners, vector"),
    ],
)
def test_its_own_test_can_fail(name, right, wrong, words, tmp_path):
    shutil.copytree(firmware("int8"), tmp_path, dirs_exist_ok=True)
    source = tmp_path / f"lpd_{name}.c"
    assert right in source.read_text()
    source.write_text(source.read_text().replace(right, wrong))
    result = made("test", tmp_path)
    assert result.returncode != 0
    assert words in result.stdout


@needs_target("CORTEX_M")
@needs("qemu-system-arm")
def test_its_own_test_passes_on_an_emulated_cortex_m():
    result = made("test-cortex-m", firmware("int8"))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "passed" in (result.stdout + result.stderr).splitlines()


@needs_target("RISCV")
@needs("qemu-system-riscv32")
def test_its_own_test_passes_on_an_emulated_riscv():
    result = made("test-riscv", firmware("int8"))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "passed" in (result.stdout + result.stderr).splitlines()


def made(goal: str, where: Path) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", goal]
    return subprocess.run(command, cwd=where, capture_output=True, text=True, timeout=180)


@needs_compiler
def test_one_firmware_holds_a_detector_and_a_reader(tmp_path):
    """No name of one is a name of the other, in headers or sources."""
    script.main(["lprnet_nano_cn", "--output", str(tmp_path / "reader")])
    (tmp_path / "main.c").write_text(
        '#include "lpd.h"\n#include "lpr.h"\n\nint main(void)\n{\n'
        "    static lpd_value cells[LPD_CELLS * LPD_VALUES];\n    static lpr_value steps[LPR_STEPS * LPR_CLASSES];\n"
        "    lpd_plate plate;\n    lpr_reading reading;\n\n    lpr_decode(steps, &reading);\n"
        "    return lpd_decode(cells, &plate, 1) > 1 || reading.length > LPR_STEPS || lpd_model_size == 0;\n"
        "}\n"
    )
    sources = [path for folder in (firmware("int8"), tmp_path / "reader") for path in sorted(folder.glob("lp*.c"))]
    sources = [str(path) for path in sources if path.stem[4:] not in ("test", "vectors")]
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", f"-I{firmware('int8')}", f"-I{tmp_path / 'reader'}"]
    command = ["cc", *flags, "-o", str(tmp_path / "program"), str(tmp_path / "main.c"), *sources]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
    assert subprocess.run([str(tmp_path / "program")], timeout=10).returncode == 0


def test_sizes_and_thresholds_are_the_models():
    header, tables = ((firmware("int8") / name).read_text() for name in ("lpd_config.h", "lpd_tables.c"))
    for line in ("LPD_HEIGHT 96", "LPD_WIDTH 128", "LPD_CHANNELS 1", "LPD_GRAY 1", "LPD_SIGNED 1", "LPD_CELLS 252",
                 "LPD_GRIDS 3", "LPD_IOU_THRESHOLD 400", "LPD_IOU_ALIKE 600"):  # fmt: skip
        assert f"#define {line}\n" in header
    assert "{192, 16, 8},\n    {48, 8, 16},\n    {12, 4, 32}," in tables
    assert "AddDepthwiseConv2D" in (firmware("int8") / "README.md").read_text()
    assert "NNTool" in (firmware("uint8") / "README.md").read_text()
    for kind in ("int8", "uint8"):
        assert "@" not in (firmware(kind) / "README.md").read_text()


@needs_compiler
def test_the_list_option_checks_every_picture(tmp_path, capsys):
    rng = np.random.default_rng(0)
    plate = ScenePlate((10.0, 20.0, 70.0, 40.0), None)
    scenes = []
    for number in range(3):
        write_image(tmp_path / f"{number}.png", rng.integers(0, 256, (150, 200, 3), np.uint8))
        scenes.append(Scene(tmp_path / f"{number}.png", (150, 200), (plate,)))
    write_scenes(tmp_path / "scenes.jsonl", scenes)
    model = str(exported_detector() / "graph_int8.tflite")
    arguments = [model, "--output", str(tmp_path / "out"), "--list", str(tmp_path / "scenes.jsonl")]
    assert script.main(arguments) == 0
    assert "of 3 pictures read by C as by Python" in capsys.readouterr().out


def test_mistakes_are_told(tmp_path):
    output = ["--output", str(tmp_path / "out")]
    with pytest.raises(ModelError, match=r"graph_float\.tflite: expected uint8 or int8 .*received float32"):
        script.main([str(exported_detector() / "graph_float.tflite"), *output])
    with pytest.raises(ConfigError, match="stem_filters: expected 8, received 16"):
        other = DetectionConfig(**{**Detector(exported_detector() / "graph_int8.tflite").config.model_dump(),
                                   "stem_filters": 16})  # fmt: skip
        FIRMWARE.export(exported_detector() / "graph_int8.tflite", tmp_path / "out", config=other)
    assert not (tmp_path / "out").exists()
