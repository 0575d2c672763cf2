"""The files of an evaluation of a detector, by its script: what is recorded, and in which folder."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

import eval_lpd
from lp_recognition.evaluation.detection_results import describe_evaluation
from lp_recognition.evaluation.pictures import EvaluationScenes, drawn_scenes
from lp_recognition.evaluation.provenance import file_sha256
from lp_recognition.evaluation.results import results_folder
from lp_recognition.images.image import write_image
from lp_recognition.lists.scenes import Scene, ScenePlate, read_scenes, write_scenes
from lp_recognition.model_files.checkpoints import model_arrays, save_checkpoint
from lp_recognition.plates.scenes import SceneGenerator
from lp_recognition.settings.detection import DetectionConfig
from lp_recognition.settings.loading import save_settings
from lp_recognition.system.errors import ConfigError
from lp_recognition.tools.models import open_detector


@pytest.fixture(scope="module")
def model_dir(shared) -> Path:
    """A detector that has learnt nothing, and `plates.jsonl`, two drawn scenes."""

    def make(folder: Path) -> None:
        from lp_recognition.networks.detection import lpdnet_of

        config = DetectionConfig(
            model_dir=str(folder), input_shape=(64, 96, 1), stages=((8, 1), (8, 1), (12, 1)), head_filters=8,
            train={"plate_formats": ("cn_blue",)},
        )  # fmt: skip
        model = lpdnet_of(config, quantized=False)
        save_checkpoint(folder / "model.ckpt-7.ckpt", 7, config, model_arrays(model))
        save_settings(config, folder / "config.yaml")
        generator = SceneGenerator(("cn_blue",), 1, (60, 90))
        rows = []
        for number in range(2):
            write_image(folder / f"{number}.png", generator.draw(number).image)
            plate = ScenePlate((10.0, 20.0, 50.0, 32.0), ((10.0, 20.0), (50.0, 20.0), (50.0, 32.0), (10.0, 32.0)))
            rows.append(Scene(Path(f"{number}.png"), (60, 90), (plate,), complete=True))
        write_scenes(folder / "plates.jsonl", rows)

    return shared("detector", make)


def evaluated(model_dir: Path, capsys, *overrides: str) -> tuple[Path, dict]:
    """Runs the script; the folder that it names, and the record there."""
    assert eval_lpd.main([str(model_dir), *overrides]) == 0
    folder = Path(capsys.readouterr().out.splitlines()[-1].partition(": eval.json")[0])
    return folder, json.loads((folder / "eval.json").read_text(encoding="utf-8"))


def test_the_record_says_what_was_measured_on_what(model_dir, capsys):
    listed = model_dir / "plates.jsonl"
    folder, record = evaluated(model_dir, capsys, f"eval.file_list_path={listed}")
    assert folder.parent == model_dir / "eval"
    assert folder.name.startswith("model.ckpt-7-plates-")
    assert record["model_sha256"] == file_sha256(model_dir / "model.ckpt-7.ckpt")
    assert (record["training_step"], record["runtime"], record["arithmetic"]) == (7, "keras on tensorflow", "float32")
    assert record["lists"] == [{"path": str(listed), "rows": 2, "sha256": file_sha256(listed)}]
    assert record["settings"] == {
        "eval": {"skip_bad_rows": False, "generated_scenes": 300, "score_threshold": 0.5, "iou_threshold": 0.4}
    }
    assert {"date", "versions", "machine", "plates_sha256"} <= set(record)
    assert (record["pictures"], record["plates"]) == (2, 2)
    assert (folder / "worst.png").exists()  # it finds nothing yet


def test_another_evaluation_replaces_no_earlier_one(model_dir, capsys):
    listed = f"eval.file_list_path={model_dir / 'plates.jsonl'}"
    folders = [
        evaluated(model_dir, capsys, *overrides)[0]
        for overrides in ([listed], [listed, "eval.score_threshold=0.6"], [listed, "eval.batch_size=1"])
    ]
    assert folders[0] == folders[2] != folders[1]
    named, _ = evaluated(model_dir, capsys, listed, f"eval.output_dir={model_dir / 'mine'}")
    assert named == model_dir / "mine"


def test_other_plates_or_pictures_are_another_evaluation(model_dir, tmp_path):
    detector = open_detector(model_dir / "model.ckpt-7.ckpt")
    scenes, _ = read_scenes(model_dir / "plates.jsonl")

    def folder_of(name: str, rows) -> Path:
        write_scenes(tmp_path / name, rows)
        config = detector.config.with_values(eval={"file_list_path": [str(tmp_path / name)]})
        found = EvaluationScenes.from_config(config)
        return results_folder(detector, describe_evaluation(detector, found, "x") | {"lists": []})

    absolute = [dataclasses.replace(scene, path=scene.path.absolute()) for scene in scenes]
    bare = [dataclasses.replace(scene, plates=()) for scene in absolute]
    swapped = [
        dataclasses.replace(scene, path=other.path) for scene, other in zip(absolute, absolute[::-1], strict=True)
    ]
    assert folder_of("a.jsonl", absolute) == folder_of("b.jsonl", absolute)
    others = {folder_of("c.jsonl", bare), folder_of("d.jsonl", swapped)}
    assert len(others | {folder_of("a.jsonl", absolute)}) == 3


def test_drawn_scenes_are_those_that_the_command_asks_for(model_dir, capsys):
    overrides = ["train.generated_share=1", "eval.generated_scenes=2", "train.plate_formats=cz"]
    folder, record = evaluated(model_dir, capsys, *overrides)
    assert record["lists"] == []
    assert record["settings"]["train"] == {"plate_formats": ["cz"], "random_seed": 666}
    assert record["pictures"] == 2
    assert "-drawn-" in folder.name


def test_held_out_scenes_are_of_another_seed_than_those_of_a_training():
    config = DetectionConfig(input_shape=(64, 96, 3), convert_to_gray=False, train={"plate_formats": ("cn_blue",)})
    generator = SceneGenerator(config.train.plate_formats, config.train.random_seed, (64, 96))
    trained = {generator.draw(number).image.tobytes() for number in range(3)}
    held_out = {picture.tobytes() for picture, _ in drawn_scenes(config, 3)}
    assert len(trained | held_out) == 6


def test_without_scenes_there_is_nothing_to_measure_on(model_dir):
    with pytest.raises(ConfigError, match=r"eval\.file_list_path: expected a list of scenes, received none; add eval"):
        eval_lpd.main([str(model_dir)])
