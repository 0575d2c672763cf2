"""Labelling images with a model: what it is sure of is kept, and stands in a list as any other."""

from __future__ import annotations

import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest

from lp_recognition.evaluation.recognizer_opening import OpenedRecognizer
from lp_recognition.lists.annotations import read_annotations
from lp_recognition.settings.loading import save_settings
from lp_recognition.system.errors import ConfigError, UserError
from lp_recognition.tools import label_with_model, models


@pytest.fixture
def arguments(trained, crops, tmp_path) -> list[str]:
    """Labels the eight crops that the model has learnt by heart."""
    save_settings(trained.config, tmp_path / "config.yaml")
    return [
        str(tmp_path / "config.yaml"), "--list", str(crops / "paths.txt"), "--models", str(trained.checkpoint),
        "--output", str(tmp_path / "labelled.txt"), "--min_confidence", "0",
    ]  # fmt: skip


def test_what_was_learnt_is_labelled(arguments, crops, tmp_path, capsys):
    label_with_model.main([*arguments, "--any_text"])
    kept, _ = read_annotations(tmp_path / "labelled.txt")
    expected, _ = read_annotations(crops / "list.txt")
    assert [(row.path.resolve(), row.label) for row in kept] == [(row.path.resolve(), row.label) for row in expected]
    assert "8 of 8 images labelled" in capsys.readouterr().out


def test_models_that_disagree_label_nothing(arguments, trained, monkeypatch):
    arguments.insert(arguments.index(str(trained.checkpoint)), str(trained.checkpoint))
    genuine, opened = models.open_model, []

    def open_model(path):
        model = genuine(path)
        if opened:  # the second one reads everything upside down
            model = replace(model, predict=lambda images: opened[0].predict(images[:, ::-1, ::-1]))
        opened.append(model)
        return model

    monkeypatch.setattr("lp_recognition.tools.models.open_model", open_model)
    with pytest.raises(UserError, match="8 the models disagree"):
        label_with_model.main([*arguments, "--any_text"])


def test_models_of_other_sizes_label_together(arguments, trained, crops, tmp_path, monkeypatch):
    """Each is given images of its own kind."""
    genuine, shapes = models.open_model, []

    def open_model(path):
        model = genuine(path)
        if path.endswith("other.ckpt"):
            other = model.config.with_values(input_shape=(48, 120, 3), width_multiplier=0.5)

            def predict(images):
                shapes.append(images.shape)
                return model.predict(np.stack([cv2.resize(image, (94, 24)) for image in images]))

            return replace(model, config=other, predict=predict)
        return model

    monkeypatch.setattr("lp_recognition.tools.models.open_model", open_model)
    other = shutil.copy(trained.checkpoint, tmp_path / "other.ckpt")
    arguments.insert(arguments.index(str(trained.checkpoint)), str(other))
    label_with_model.main([*arguments, "--any_text"])
    assert shapes == [(8, 48, 120, 3)]
    kept, _ = read_annotations(tmp_path / "labelled.txt")
    expected, _ = read_annotations(crops / "list.txt")
    assert {(row.path.resolve(), row.label) for row in kept} <= {(row.path.resolve(), row.label) for row in expected}


def test_a_file_without_settings_reads_by_the_config(arguments, trained, tmp_path, monkeypatch):
    genuine, asked = models.open_model, []

    def open_model(path, config=None):
        asked.append(config)
        if config is None:
            raise ConfigError("carries no description")
        return genuine(path, config)

    monkeypatch.setattr("lp_recognition.tools.models.open_model", open_model)
    label_with_model.main([*arguments, "--any_text"])
    assert [config and config.input_shape for config in asked] == [None, trained.config.input_shape]


def test_the_config_says_how_texts_are_read(arguments, trained, monkeypatch):
    genuine, asked = OpenedRecognizer.read, []

    def read(model, images, beam_width):
        asked.append((model.config.decode.patterns, model.config.lpr_patterns, model.config.alphabet))
        return genuine(model, images, beam_width)

    monkeypatch.setattr("lp_recognition.evaluation.recognizer_opening.OpenedRecognizer.read", read)
    label_with_model.main([*arguments, "--any_text", "decode.patterns=True", "lpr_patterns=[.*]"])
    assert set(asked) == {(True, (".*",), trained.config.alphabet)}


def test_doubtful_readings_and_those_that_fit_no_pattern_are_left_out(arguments, tmp_path, capsys):
    with pytest.raises(UserError, match="received none of 8: 8 fits no pattern"):
        label_with_model.main([*arguments, "lpr_patterns=[X]"])
    with pytest.raises(UserError, match="too doubtful"):
        label_with_model.main([*arguments, "--any_text", "--min_confidence", "1"])
    assert not (tmp_path / "labelled.txt").exists()


def test_a_list_that_is_there_is_kept(arguments, tmp_path):
    (tmp_path / "labelled.txt").write_text("mine\n")
    with pytest.raises(UserError, match="add --overwrite"):
        label_with_model.main(arguments)
    assert (tmp_path / "labelled.txt").read_text() == "mine\n"
    label_with_model.main([*arguments, "--any_text", "--overwrite"])
    assert len(read_annotations(tmp_path / "labelled.txt")[0]) == 8


def test_a_share_is_a_share(arguments):
    with pytest.raises(UserError, match="expected 0 to 1, received 3"):
        label_with_model.main([*arguments, "--min_confidence", "3"])
