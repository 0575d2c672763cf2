"""Repainting: another first character on a crop, in the ink of its neighbours, and nothing else."""

from __future__ import annotations

import copy
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tiny_models import tiny_config

from lp_recognition.images.image import read_image, write_image
from lp_recognition.lists.annotations import write_annotations
from lp_recognition.lists.drawn import alphabet_of
from lp_recognition.lists.rows import load_rows
from lp_recognition.plates import Degradations, FormatError, PlateGenerator, Repainter, load_format
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import UserError
from lp_recognition.tools.repaint_plates import main
from lp_recognition.training import batches as dataset
from lp_recognition.training.recognition import train

SIZE = (48, 188)
PROVINCES = load_format("cn_blue").alphabets["P"].characters


@pytest.fixture(scope="module")
def repainter() -> Repainter:
    return Repainter([load_format("cn_blue")])


def drawn(name: str, index: int = 0, *kinds: str):
    degradations = Degradations().only(*kinds) if kinds else Degradations.none()
    return PlateGenerator([name], seed=3, size=SIZE, degradations=degradations).draw(index)


@pytest.mark.parametrize("name", ["cn_blue", "cn_yellow", "cn_white", "cn_black"])
def test_a_repainted_plate_is_like_one_drawn_with_that_character(name, monkeypatch):
    """Bright ink and dark ink: the new strokes are where a plate of that text has them."""
    monkeypatch.setattr("lp_recognition.plates.repainting._FACES", 1)  # the plainest alone, as undamaged plates have it
    repainter, plate = Repainter([load_format(name)]), drawn(name)
    for seed in range(6):
        image, label = repainter.repaint(plate.image, plate.label, np.random.default_rng(seed))
        if label == plate.label:
            continue
        with monkeypatch.context() as patch:
            patch.setattr("lp_recognition.plates.text.TextSource.draw", _always(name, label))
            expected = drawn(name).image
        before, after = (_likeness(expected, crop) for crop in (plate.image, image))
        assert after > 0.45
        assert after > before + 0.15


def _always(name: str, label: str):
    from lp_recognition.plates.text import Text

    pattern, symbols = load_format(name).layouts[0].pattern, iter(label)
    text = Text(pattern, tuple("" if mark in "·" else next(symbols) for mark in pattern))
    return lambda self, random: text


def _likeness(expected: np.ndarray, crop: np.ndarray) -> float:
    """The correlation of the first glyphs, some pixels about."""
    found = cv2.matchTemplate(crop[4:44, 3:32], expected[9:39, 9:25], cv2.TM_CCOEFF_NORMED)
    return float(found.max())


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_nothing_but_the_first_character_changes(repainter, index):
    plate = drawn("cn_blue", index, "paintwork", "embossing", "noise", "defocus")
    image, label = repainter.repaint(plate.image, plate.label, np.random.default_rng(index))
    assert label[0] in PROVINCES
    assert label[1:] == plate.label[1:]
    assert image.shape == plate.image.shape
    # The gap is looked for half a glyph to either side of column 28; the second glyph ends at column 50.
    assert np.array_equal(image[:, 44:], plate.image[:, 44:])


def test_every_province_comes_about_as_often(repainter):
    plate, rng = drawn("cn_blue"), np.random.default_rng(1)
    firsts = [repainter.repaint(plate.image, plate.label, rng)[1][0] for _ in range(620)]
    counts = [firsts.count(province) for province in PROVINCES]
    assert min(counts) >= 6
    assert max(counts) <= 40


def test_the_same_chance_paints_the_same(repainter):
    plate = drawn("cn_blue")
    first, second = (repainter.repaint(plate.image, plate.label, np.random.default_rng(5)) for _ in range(2))
    assert first[1] == second[1]
    assert np.array_equal(first[0], second[0])


def test_what_is_remembered_of_a_crop_changes_nothing():
    plates = [drawn("cn_blue", index, "placement") for index in range(4)]
    used = Repainter([load_format("cn_blue"), load_format("cn_yellow")])
    for plate in plates:  # also in another shape, of which something else is to be remembered
        used.repaint(np.ascontiguousarray(plate.image.transpose(1, 0, 2)), plate.label, np.random.default_rng(0))
        used.repaint(plate.image, plate.label, np.random.default_rng(0))
    for repainter in (used, copy.deepcopy(used)):
        for plate in plates:
            fresh = Repainter([load_format("cn_blue"), load_format("cn_yellow")])
            (image, label), (expected, text) = (
                one.repaint(plate.image, plate.label, np.random.default_rng(5)) for one in (repainter, fresh)
            )
            assert label == text
            assert np.array_equal(image, expected)


def test_gray_crops_stay_gray(repainter):
    plate = drawn("cn_blue")
    gray = plate.image.mean(axis=2, keepdims=True).astype(np.uint8)
    image, label = repainter.repaint(gray, plate.label, np.random.default_rng(0))
    assert image.shape == gray.shape
    assert label != plate.label
    assert not np.array_equal(image, gray)


@pytest.mark.parametrize("label", ["1AB2345", "皖A1234", "皖AD12345", ""])
def test_a_text_of_none_of_the_formats_is_left_alone(repainter, label):
    image = drawn("cn_blue").image
    same, text = repainter.repaint(image, label, np.random.default_rng(0))
    assert text == label
    assert same is image


def test_a_crop_without_a_glyph_in_the_place_is_left_alone(repainter):
    image = drawn("cn_blue").image.copy()
    image[:, :30] = image[2, 100]  # bare paint where the province stood
    same, text = repainter.repaint(image, "皖A12345", np.random.default_rng(0))
    assert text == "皖A12345"
    assert same is image


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 90), st.sampled_from([1, 3]))))
@settings(max_examples=60, deadline=None)
def test_any_image_keeps_its_shape(repainter, image):
    out, label = repainter.repaint(image, "皖A12345", np.random.default_rng(0))
    assert out.shape == image.shape
    assert out.dtype == np.uint8
    assert label[1:] == "A12345"


def test_formats_of_two_lines_alone_are_refused():
    with pytest.raises(FormatError, match="expected a plate format of one line"):
        Repainter([load_format("cn_yellow_rear")])


# ---- In training -----------------------------------------------------------------------------------------------------


@pytest.fixture
def street(tmp_path) -> Path:
    """Crops of one province, as a street's are."""
    rows = []
    for index in range(12):
        plate = drawn("cn_blue", index)
        write_image(tmp_path / f"{index}.png", plate.image)
        rows.append((f"{index}.png", plate.label))
    write_annotations(tmp_path / "list.txt", rows)
    return tmp_path / "list.txt"


def labels_of(config: RecognitionConfig) -> list[str]:
    data = load_rows(config.train.file_list_path, skip_bad_rows=False)
    vocabulary = alphabet_of(config)
    batches = dataset.training_batches(config, data, vocabulary, 0, 30)
    return [vocabulary.decode(row[row >= 0]) for _, labels in batches for row in labels]


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0.0, 0.0), (0.5, 0.4, 0.6), (1.0, 1.0, 1.0)])
def test_the_share_of_repainted_crops(street, share, low, high):
    own = set(line.split()[1] for line in street.read_text(encoding="utf-8").splitlines())
    config = tiny_config(train_file_list_path=str(street), train_generated_share=0.0, train_repaint_share=share)
    labels = labels_of(config)
    changed = sum(label not in own for label in labels) / len(labels)
    # One province of 31 is painted over itself.
    assert low - 0.1 <= changed <= high


def test_the_alphabet_holds_what_is_painted(street):
    config = tiny_config(train_file_list_path=str(street), train_generated_share=0.0, train_repaint_share=0.5)
    assert set(PROVINCES) <= set(alphabet_of(config).classes)
    plain = tiny_config(train_file_list_path=str(street), train_generated_share=0.0)
    assert not set(PROVINCES) <= set(alphabet_of(plain).classes)


def test_a_font_that_is_missing_ends_a_training_at_its_start(street):
    config = tiny_config(
        train_file_list_path=str(street),
        train_generated_share=0.0,
        train_repaint_share=0.5,
        train_plate_extra_fonts=("missing.ttf",),
    )
    with pytest.raises(UserError, match=r"missing.ttf: expected a TrueType font"):
        alphabet_of(config)


def test_formats_that_cannot_be_repainted_end_a_training_before_it_writes(street, tmp_path):
    config = tiny_config(
        tmp_path / "model",
        train_file_list_path=str(street),
        train_generated_share=0.0,
        train_repaint_share=0.5,
        train_plate_formats=("cn_yellow_rear",),
    )
    with pytest.raises(FormatError, match="expected a plate format of one line"):
        train(config)
    assert not (tmp_path / "model").exists()


def test_the_picture_of_pairs(street, tmp_path, capsys):
    main(["--list", str(street), "--count", "5", "--output", str(tmp_path / "pairs.png")])
    assert "5 crops, each beside its repainted form; 0 left as they are" in capsys.readouterr().out
    assert read_image(tmp_path / "pairs.png").shape == (2 * 52, 4 * (2 * 188 + 4), 3)
    with pytest.raises(UserError, match="--count: expected 1 or more, received 0"):
        main(["--list", str(street), "--count", "0", "--output", str(tmp_path / "none.png")])
