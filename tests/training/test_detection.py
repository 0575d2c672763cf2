"""The detector as a task of the loop: targets, batches, a training into 8 bits, its files."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from lp_recognition.boxes.targets import COMPLETE, CORNER_WEIGHT, CORNERS, HAS_PLATE, HEIGHT, UNDECIDED
from lp_recognition.evaluation.pictures import fitted_scene
from lp_recognition.export.detection import DetectionExport
from lp_recognition.export.exporting import export_checkpoint
from lp_recognition.lists.scenes import Scene, ScenePlate
from lp_recognition.model_files.checkpoints import load_checkpoint
from lp_recognition.model_files.detection import measurement_of, read_description
from lp_recognition.reading.detector import Detector
from lp_recognition.settings.detection import DetectionConfig
from lp_recognition.system.errors import AnnotationError, ConfigError
from lp_recognition.tools.compare_models import main as compare_models
from lp_recognition.tools.generate_scenes import main as generate_scenes
from lp_recognition.tools.models import open_detector
from lp_recognition.training.detection import DetectionTask, train
from lp_recognition.training.detection_batches import PhotographSource, Sample, all_batches, encode

SIZES = {"input_shape": (64, 96, 1), "stages": ((8, 1), (8, 1), (12, 1)), "head_filters": 8, "kernel_size": 3}
LOOP = {"batch_size": 4, "steps": 4, "quantization_delay": 2, "save_checkpoints_steps": 2, "display_iter": 1,
        "learning_rate_warmup_steps": 0, "workers": 0, "plate_formats": ("cn_blue",)}  # fmt: skip


def config_of(folder: Path, eval_list: Path | None = None, **train_settings: object) -> DetectionConfig:
    return DetectionConfig.model_validate(
        {
            "model_dir": str(folder), "quantization_aware": True, **SIZES, "train": {**LOOP, **train_settings},
            "eval": {"generated_scenes": 4, "file_list_path": str(eval_list) if eval_list else ()},
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("scenes") / "drawn"
    generate_scenes(["--count", "6", "--format", "cn_blue", "--size", "120x160", "--output", str(folder)])
    return folder / "plates.jsonl"


def sample(*corners: list[list[float]], weights: list[float] | None = None, complete: bool = True) -> Sample:
    array = np.array(corners, np.float32).reshape(-1, 4, 2)
    counts = np.ones(len(array), np.float32) if weights is None else np.array(weights, np.float32)
    return Sample(np.zeros((64, 96, 1), np.uint8), array, counts, complete)


def test_targets_say_where_the_plate_is():
    grids = config_of(Path("x")).grids
    corners = [[20, 30], [52, 28], [53, 38], [21, 40]]
    targets = encode(sample(corners, weights=[0.0]), grids, (64, 96))
    cells = np.flatnonzero(targets[:, HAS_PLATE])
    assert len(cells)
    np.testing.assert_allclose(grids.corners(targets[cells, CORNERS], cells), [corners] * len(cells), atol=1e-3)
    assert (targets[cells, CORNER_WEIGHT] == 0).all()
    assert targets[cells, HEIGHT] * grids.stride_of_cell[cells] == pytest.approx(10.05, abs=0.1)
    assert targets[:, UNDECIDED].any()
    assert not (targets[:, UNDECIDED] * targets[:, HAS_PLATE]).any()
    assert (targets[:, COMPLETE] == 1).all()


@pytest.mark.parametrize(
    "corners",
    [
        [[80, 30], [120, 30], [120, 42], [80, 42]],  # most of it outside
        [[20, 30], [24, 30], [24, 31], [20, 31]],  # a row of pixels
    ],
)
def test_what_cannot_be_found_is_neither_right_nor_wrong(corners):
    targets = encode(sample(corners), config_of(Path("x")).grids, (64, 96))
    assert not targets[:, HAS_PLATE].any()
    assert targets[:, UNDECIDED].any()


def test_no_plate_no_targets():
    targets = encode(sample(complete=False), config_of(Path("x")).grids, (64, 96))
    assert not targets.any()


def test_batches_are_the_same_for_the_same_numbers(scenes, tmp_path):
    from lp_recognition.lists.scenes import read_scenes

    config = config_of(tmp_path, file_list_path=str(scenes), generated_share=0.5, join_share=0.5)
    rows, _ = read_scenes(scenes)
    first, again = all_batches(config, rows), all_batches(config, rows)
    for number in (5, 0, 5):
        for one, other in zip(first[number], again[number], strict=True):
            assert np.array_equal(one, other)
    pictures, targets = first[0]
    assert pictures.shape == (4, 64, 96, 1)
    assert pictures.dtype == targets.dtype == np.float32
    assert not np.array_equal(first[0][0], first[1][0])


def photographs(folder: Path, plates: list[ScenePlate], count: int = 4) -> list[Scene]:
    """Photographs of a wall with strokes; its brightness says which one it is."""
    found = []
    for number in range(count):
        image = np.full((120, 160, 3), 40 + 20 * number, np.uint8)
        image[55:60, 55:85:4] = 250
        path = folder / f"{number}.png"
        cv2.imwrite(str(path), image)
        found.append(Scene(path, (120, 160), tuple(plates), complete=True))
    return found


@pytest.mark.parametrize(
    ("guess", "weight", "expected"),
    [
        (((50, 50), (90, 52), (90, 62), (50, 60)), 0.3, 0.3),  # likely
        (((50, 50), (90, 52), (90, 62), (50, 60)), 0.0, 0.0),  # not asked for
        (((60, 50), (75, 50), (75, 54), (60, 54)), 0.3, 0.0),  # far from the box
        (None, 0.3, 0.0),
    ],
)
def test_guessed_corners_count_as_much_as_is_said(tmp_path, guess, weight, expected):
    (scene,) = photographs(tmp_path, [ScenePlate((50, 50, 90, 62), None, guessed_corners=guess)], 1)
    sample = PhotographSource([scene], config_of(tmp_path).preprocessing, weight)[0]
    assert sample.corner_weights.tolist() == pytest.approx([expected])
    wanted = guess if expected else ((50, 50), (90, 50), (90, 62), (50, 62))
    np.testing.assert_allclose(sample.corners[0], wanted)


def test_a_photograph_of_another_size_than_its_row_states_is_refused(tmp_path):
    (scene,) = photographs(tmp_path, [], 1)
    scene = dataclasses.replace(scene, size=(600, 800), source="x.jsonl:1")
    config = config_of(tmp_path)
    refused = r"^x\.jsonl:1: width, height: expected 160x120 .*, received 800x600$"
    with pytest.raises(AnnotationError, match=refused):
        PhotographSource([scene], config.preprocessing, 0.0)[0]
    with pytest.raises(AnnotationError, match=refused):
        fitted_scene(scene, config)


def test_photographs_without_plates_have_their_share(tmp_path):
    plate = ScenePlate((50, 50, 90, 62), ((50, 50), (90, 50), (90, 62), (50, 62)))
    scenes = photographs(tmp_path, [plate]) + photographs(tmp_path, [], 1)
    config = config_of(
        tmp_path, file_list_path=("x",), generated_share=0.0, join_share=0.0, empty_share=0.5, batch_size=40,
        apply_geometric_aug=False, apply_photometric_aug=False,
    )  # fmt: skip
    _, targets = all_batches(config, scenes)[0]
    assert (targets[..., HAS_PLATE].sum(axis=1) == 0).mean() == pytest.approx(0.5)


@pytest.mark.parametrize(("corners", "is_upright"), [(None, True), (((60, 50), (140, 55), (138, 85), (58, 80)), False)])
def test_boxes_alone_are_never_turned(tmp_path, corners, is_upright):
    plate = ScenePlate((60, 50, 140, 85) if corners is None else (58, 50, 140, 85), corners=corners)
    config = config_of(
        tmp_path, generated_share=0, join_share=0, empty_share=0, file_list_path=["x"], apply_photometric_aug=False
    )
    _, targets = all_batches(config, photographs(tmp_path, [plate]))[0]
    found = targets[targets[..., HAS_PLATE] > 0]
    assert len(found)
    x, y = found[:, CORNERS][:, 0::2], found[:, CORNERS][:, 1::2]
    upright = np.isclose(y[:, 0], y[:, 1], atol=1e-3) & np.isclose(x[:, 0], x[:, 3], atol=1e-3)
    assert upright.all() == is_upright


@pytest.mark.parametrize(("share", "changed"), [(0.0, False), (1.0, True)])
def test_plates_are_replaced_as_often_as_is_said(tmp_path, share, changed):
    corners = ((40, 50), (110, 50), (110, 72), (40, 72))
    scenes = photographs(tmp_path, [ScenePlate((40, 50, 110, 72), corners)])
    config = config_of(
        tmp_path, file_list_path=("x",), generated_share=0.0, join_share=0.0, replate_share=share, batch_size=8,
        apply_geometric_aug=False, apply_photometric_aug=False,
    )  # fmt: skip
    pictures, targets = all_batches(config, scenes)[0]
    shown = [picture.round(3).tobytes() for picture in pictures]
    assert (len(set(shown)) > len(scenes)) == changed
    assert (targets[..., HAS_PLATE].sum(axis=1) > 0).all()


def test_corners_of_a_plate_that_was_drawn_over_a_guess_are_known(tmp_path):
    guess = ((40, 50), (110, 50), (110, 72), (40, 72))
    scenes = photographs(tmp_path, [ScenePlate((40, 50, 110, 72), None, guessed_corners=guess)])
    for share, weight in ((0.0, 0.25), (1.0, 1.0)):
        config = config_of(
            tmp_path, file_list_path=("x",), generated_share=0.0, join_share=0.0, replate_share=share,
            guessed_corner_weight=0.25, apply_geometric_aug=False, apply_photometric_aug=False,
        )  # fmt: skip
        _, targets = all_batches(config, scenes)[0]
        found = targets[targets[..., HAS_PLATE] > 0]
        assert set(found[:, CORNER_WEIGHT].tolist()) == {weight}


@pytest.mark.parametrize("module", ["batches", "detection_batches", "prefetching"])
def test_processes_that_prepare_batches_need_no_framework(module):
    """It would cost each of them seconds, hundreds of megabytes, and a screen of notices."""
    code = f"import sys, lp_recognition.training.{module}; print({{'keras', 'tensorflow'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_training_into_eight_bits_and_its_files(scenes, tmp_path, capsys):
    config = config_of(tmp_path / "model", scenes, file_list_path=str(scenes), generated_share=0.5)
    result = train(config)
    assert (result.step, result.finished) == (4, True)
    assert 0 <= result.evaluation.headline <= 1
    assert "AP " in result.evaluation.summary
    checkpoint = tmp_path / "model" / "model.ckpt-4.ckpt"
    assert load_checkpoint(checkpoint, DetectionConfig).quantized

    export_checkpoint(
        DetectionExport(), checkpoint, config, tmp_path / "out", kinds=("uint8", "int8"), lists=[str(scenes)]
    )
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 96, 1), np.uint8)
    expected = open_detector(checkpoint).predict(pixels)
    assert expected.std() > 0
    for kind in ("uint8", "int8"):  # the very same numbers
        path = tmp_path / "out" / f"graph_{kind}.tflite"
        # Steps of 0.02 are alike: their product with the scale may differ in its last bit.
        assert np.allclose(open_detector(path).predict(pixels), expected, rtol=1e-6, atol=0)
        measured = measurement_of(read_description(path))
        assert (measured.of, measured.plates, measured.lists) == (
            "this file",
            result.evaluation.details.plates,
            "plates.jsonl",
        )
    models = ["--models", str(checkpoint), str(tmp_path / "out" / "graph_int8.tflite")]
    capsys.readouterr()
    assert compare_models([str(tmp_path / "model"), "--list", str(scenes), *models]) == 0
    assert capsys.readouterr().out.startswith(f"6 pictures of {scenes}\n")
    assert np.abs(open_detector(tmp_path / "out" / "graph.pb.frozen").predict(pixels) - expected).max() < 0.2
    found = Detector(tmp_path / "out" / "graph_int8.tflite", score_threshold=0.0).detect(
        np.zeros((200, 300, 3), np.uint8)
    )
    assert all(np.isfinite(one.corners).all() for one in found)


@pytest.mark.parametrize(("kind", "share"), [("Adam", 0.25), ("SGD", 0.25), ("AdamW", 0)])
def test_the_penalty_is_half_the_decay_times_the_squared_kernels(tmp_path, kind, share):
    """Whose gradient is the decay times the weight; AdamW decays by itself."""
    config = config_of(tmp_path, generated_share=1.0, weight_decay=0.5, opt_type=kind)
    model = DetectionTask(config, []).network(quantized=False)
    kernels = [np.asarray(weight) for weight in model.trainable_variables if weight.path.endswith("kernel")]
    assert float(sum(model.losses)) == pytest.approx(share * sum(np.square(one).sum() for one in kernels), rel=1e-5)


def test_a_stopped_training_goes_on_with_the_same_weights(tmp_path):
    settings = {"generated_share": 1.0, "learning_rate_schedule": "constant"}
    train(config_of(tmp_path / "whole", **settings))
    train(config_of(tmp_path / "halves", **settings, steps=3))
    train(config_of(tmp_path / "halves", **settings))
    arrays = [
        load_checkpoint(tmp_path / name / "model.ckpt-4.ckpt", DetectionConfig).arrays for name in ("whole", "halves")
    ]
    assert all(np.array_equal(arrays[0][name], arrays[1][name]) for name in arrays[0])


def test_lists_beside_which_all_is_drawn_are_warned_of(scenes, tmp_path, capsys):
    DetectionTask.prepare(config_of(tmp_path, file_list_path=str(scenes), generated_share=0.5), None)
    assert capsys.readouterr().err == ""
    DetectionTask.prepare(config_of(tmp_path, file_list_path=str(scenes), generated_share=1.0), None)
    assert "warning: train.file_list_path is passed over: train.generated_share=1 draws all" in capsys.readouterr().err


def test_bad_rows_are_skipped_and_said(scenes, tmp_path, capsys):
    mixed = scenes.with_name("mixed.jsonl")  # beside the pictures
    mixed.write_text("{}\n" + scenes.read_text(encoding="utf-8") + "x\n", encoding="utf-8")
    task = DetectionTask.prepare(config_of(tmp_path, file_list_path=str(mixed), skip_bad_rows=True), None)
    assert len(task.scenes) == 6
    told = capsys.readouterr().err.splitlines()
    assert [line.partition(": ")[0] for line in told[:2]] == ["skipped", "skipped"]
    assert told[2:] == ["skipped 2 bad rows, 6 are left"]


def test_mistakes_are_told_before_the_first_step(tmp_path):
    with pytest.raises(ConfigError, match="expected a list of scenes, received none"):
        train(config_of(tmp_path))
    listed = config_of(tmp_path, file_list_path="x.jsonl", early_stopping=3)
    with pytest.raises(ConfigError, match=r"train\.early_stopping: expected scenes to measure on, received no eval"):
        train(listed)
    with pytest.raises(ConfigError, match=r"train\.teacher: expected none"):
        train(config_of(tmp_path, generated_share=1.0, teacher="x.ckpt"))
    (tmp_path / "bad.jsonl").write_text("{}\n")
    with pytest.raises(AnnotationError, match=r"bad\.jsonl:1: expected the key `image`"):
        train(config_of(tmp_path, file_list_path=str(tmp_path / "bad.jsonl")))
