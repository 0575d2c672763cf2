"""With which files the service reads, by its precision and its delegate."""

from __future__ import annotations

import pytest

from lp_recognition.service.engine.local import models_of
from lp_recognition.settings.loading import validate
from lp_recognition.settings.service import ServiceConfig
from lp_recognition.system.errors import ModelError
from lp_recognition.video.workers import Models


def models(**settings: object) -> Models:
    return models_of(validate(ServiceConfig, settings, "test"))


def test_without_a_word_models_are_those_that_ship():
    assert models() == Models(tiles="auto")


def test_files_of_another_precision_are_read_with(tmp_path):
    for name in ("lpdnet", "lprnet_cn"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "graph_float16.tflite").touch()
    found = models(precision="float16", models=str(tmp_path), readers=["lprnet_cn", "rapidocr"], corners="off",
                   delegate="gpu.so")  # fmt: skip
    assert found.detector == str(tmp_path / "lpdnet" / "graph_float16.tflite")
    assert found.readers == (str(tmp_path / "lprnet_cn" / "graph_float16.tflite"), "rapidocr")
    assert (found.corners, found.delegate) == ("off", "gpu.so")


def test_files_that_were_not_made_are_told(tmp_path):
    with pytest.raises(ModelError, match="expected the float32 file of lpdnet, received none; python export_frozen"):
        models(precision="float32", models=str(tmp_path))
