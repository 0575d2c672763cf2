"""The preview shows what the network is shown, and leaves everything else alone."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_models import tiny_config

import train_lpr
from lp_recognition.images.image import read_image
from lp_recognition.lists.drawn import alphabet_of
from lp_recognition.lists.rows import load_rows
from lp_recognition.settings.loading import save_settings
from lp_recognition.system.errors import AnnotationError, ImageError
from lp_recognition.training import preview
from lp_recognition.training.batches import training_batches


@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_the_first_batch(crops, channels, monkeypatch):
    """The pixels of the batch, enlarged, each above its own label."""
    config = tiny_config(
        train_file_list_path=str(crops / "list.txt"), train_generated_share=0.5, input_shape=(24, 94, channels)
    )
    rows, vocabulary = load_rows(config.train.file_list_path, skip_bad_rows=False), alphabet_of(config)
    written = []
    monkeypatch.setattr(preview, "draw_text", lambda picture, label, *arguments: written.append(label))
    pictures = preview.preview_pictures(config, rows, vocabulary)
    (images, labels), *_ = training_batches(config, rows, vocabulary, 0, 1)
    assert written == [vocabulary.decode(row[row >= 0]) for row in labels]
    assert len(pictures) == 4
    for picture, image in zip(pictures, images, strict=True):
        shown = config.preprocessing.normalize(picture[:48:2, :188:2])
        assert np.array_equal(shown, np.broadcast_to(image, (24, 94, 3)))


def test_a_batch_of_thousands_is_a_sheet_of_a_hundred_or_so(crops):
    config = tiny_config(train_file_list_path=str(crops / "list.txt"), train_batch_size=5000)
    rows = load_rows(config.train.file_list_path, skip_bad_rows=False)
    assert len(preview.preview_pictures(config, rows, alphabet_of(config))) == 128


def test_the_script_writes_it_and_trains_nothing(crops, tmp_path, capsys):
    config = tiny_config(tmp_path / "model", train_file_list_path=str(crops / "list.txt"))
    save_settings(config, tmp_path / "config.yaml")
    sheet = tmp_path / "out" / "sheet.png"
    assert train_lpr.main([str(tmp_path / "config.yaml"), "--preview", str(sheet), "train.batch_size=5"]) == 0
    assert capsys.readouterr().out == f"{sheet}: the first 5 of what the network is shown\n"
    assert read_image(sheet).shape[0] > 48
    assert not (tmp_path / "model").exists()
    with pytest.raises(ImageError, match=r"sheet.doc: expected a file name ending in"):
        train_lpr.main([str(tmp_path / "config.yaml"), "--preview", str(tmp_path / "sheet.doc")])
    with pytest.raises(AnnotationError, match="no such file"):
        train_lpr.main([str(tmp_path / "config.yaml"), "--preview", str(sheet), "train.file_list_path=none.txt"])
