"""Samples: the same ones for a seed, whoever prepares them, and what is wrong with a row before training starts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tiny_models import tiny_config

from lp_recognition.images import augmentation
from lp_recognition.images.image import write_image
from lp_recognition.lists.annotations import Annotation, read_annotations, write_annotations
from lp_recognition.lists.drawn import alphabet_of, build_generator, drawn_plates
from lp_recognition.lists.rows import LabelledRows, check_labels, load_rows, prepared_images
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import AnnotationError, ConfigError, ImageError
from lp_recognition.texts.vocabulary import Vocabulary
from lp_recognition.training import batches as dataset


def config_of(crops: Path, **values) -> RecognitionConfig:
    return tiny_config(train_file_list_path=str(crops / "list.txt"), **values)


def batches_of(config: RecognitionConfig, start: int, stop: int) -> list[tuple[np.ndarray, np.ndarray]]:
    data = LabelledRows([], [])
    if config.train.file_list_path:
        data = load_rows(config.train.file_list_path, skip_bad_rows=False)
    vocabulary = alphabet_of(config)
    return [tuple(batch) for batch in dataset.training_batches(config, data, vocabulary, start, stop)]


def labels_of(config: RecognitionConfig, count: int) -> list[str]:
    """The texts of the first `count` batches."""
    vocabulary = alphabet_of(config)
    return [
        vocabulary.decode(row[row >= 0]) for _, labels in batches_of(config, 0, count) for row in labels
    ]  # fmt: skip


def assert_same(ours, theirs) -> None:
    assert len(ours) == len(theirs)
    for (images, labels), (other_images, other_labels) in zip(ours, theirs, strict=True):
        assert np.array_equal(labels, other_labels)
        assert np.array_equal(images, other_images)


# ---- Batches -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_resumed_start_goes_on_at_the_very_batch(crops, share):
    config = config_of(crops, train_generated_share=share)
    whole = batches_of(config, 0, 7)
    assert len(whole) == 7
    assert_same(batches_of(config, 3, 7), whole[3:])
    assert batches_of(config, 7, 7) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_share_the_work_without_a_trace(crops, workers):
    values = {"train_generated_share": 0.5, "train_batch_size": 3}
    expected = batches_of(config_of(crops, train_workers=0, **values), 2, 7)
    assert_same(batches_of(config_of(crops, train_workers=workers, **values), 2, 7), expected)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_another_seed_gives_other_batches(crops, share):
    first, again, other = (
        batches_of(config_of(crops, train_generated_share=share, train_random_seed=seed), 0, 2) for seed in (1, 1, 2)
    )
    assert_same(first, again)
    assert not np.array_equal(first[0][0], other[0][0])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(24, 94), (32, 60)])
@pytest.mark.parametrize("symmetric", [False, True])
def test_what_a_batch_is(crops, shape, channels, symmetric):
    config = config_of(
        crops, input_shape=(*shape, channels), symmetric_range=symmetric, train_generated_share=0.5, max_lp_length=9
    )
    for images, labels in batches_of(config, 0, 2):
        assert (images.shape, images.dtype) == ((4, *shape, channels), np.float32)
        assert (labels.shape, labels.dtype) == ((4, 9), np.int32)
        low, high = config.preprocessing.value_range
        assert low <= images.min() < images.max() <= high


def test_a_short_label_is_filled_up(crops):
    config = config_of(crops, max_lp_length=10)
    vocabulary = alphabet_of(config)
    known = {row.label for row in read_annotations(crops / "list.txt")[0]}
    for _, labels in batches_of(config, 0, 2):
        for row in labels:
            assert vocabulary.decode(row[:7]) in known
            assert row[7:].tolist() == [-1, -1, -1]


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_the_share_of_drawn_plates(crops, share):
    listed = {row.label for row in read_annotations(crops / "list.txt")[0]}
    labels = labels_of(config_of(crops, train_generated_share=share, train_batch_size=8), 10)
    assert sum(label not in listed for label in labels) == pytest.approx(share * 80, abs=2)


def test_each_crop_comes_once_in_an_epoch_and_in_another_order_in_the_next(crops):
    config = config_of(crops, train_batch_size=8)
    labels = labels_of(config, 3)
    epochs = [labels[first : first + 8] for first in range(0, 24, 8)]
    assert (
        sorted(epochs[0]) == sorted(epochs[1]) == sorted(row.label for row in read_annotations(crops / "list.txt")[0])
    )
    assert epochs[0] != epochs[1] or epochs[1] != epochs[2]


def test_augmentation_is_drawn_anew_in_each_epoch(crops):
    (first, _), (second, _) = batches_of(config_of(crops, train_batch_size=8), 0, 2)
    assert not {image.tobytes() for image in first} & {image.tobytes() for image in second}


def test_without_augmentation_a_crop_is_what_evaluation_sees(crops):
    off = {"train_apply_basic_aug": False, "train_apply_stn_aug": False, "train_apply_blur_aug": False}
    config = config_of(crops, train_batch_size=8, **off)
    rows = read_annotations(crops / "list.txt")[0]
    vocabulary = alphabet_of(config)
    seen = {row.label: image for row, image in zip(rows, *prepared_images(rows, config.preprocessing, 8), strict=True)}
    (images, labels), *_ = batches_of(config, 0, 1)
    for image, indices in zip(images, labels, strict=True):
        expected = config.preprocessing.normalize(seen[vocabulary.decode(indices[indices >= 0])])
        # Large crops are kept at twice the network's size, so that they shrink in two steps in place of one.
        assert np.abs(image - expected).mean() < 0.03


@pytest.mark.parametrize("switch", ["apply_basic_aug", "apply_stn_aug", "apply_blur_aug"])
def test_each_kind_of_augmentation_can_be_switched_on_alone(crops, switch):
    off = {f"train_apply_{name}_aug": False for name in ("basic", "stn", "blur")}
    plain = batches_of(config_of(crops, train_batch_size=8, **off), 0, 1)[0][0]
    changed = batches_of(config_of(crops, train_batch_size=8, **off | {f"train_{switch}": True}), 0, 1)[0][0]
    assert not np.array_equal(plain, changed)


def test_gray_on_three_channels(crops):
    for images, _ in batches_of(config_of(crops, convert_to_gray=True, train_generated_share=0.5), 0, 2):
        difference = np.abs(images - images[..., :1])
        # A colour cast or the noise of a camera may tint an augmented gray crop, but not a plain one.
        assert difference.max() < 0.6
    off = {"train_apply_basic_aug": False, "train_apply_stn_aug": False, "train_apply_blur_aug": False}
    for images, _ in batches_of(config_of(crops, convert_to_gray=True, train_generated_share=0.5, **off), 0, 2):
        assert np.array_equal(images, np.repeat(images[..., :1], 3, axis=-1))


@pytest.mark.parametrize("size", [(4, 4), (5, 300), (200, 6), (300, 900), (24, 94), (10, 30)])
@pytest.mark.parametrize("gray", [False, True])
def test_crops_of_any_size(tmp_path, size, gray):
    image = np.random.default_rng(0).integers(0, 256, size if gray else (*size, 3), np.uint8)
    write_image(tmp_path / "crop.png", image)
    write_annotations(tmp_path / "list.txt", [("crop.png", "A1")])
    config = tiny_config(train_file_list_path=str(tmp_path / "list.txt"))
    for images, _ in batches_of(config, 0, 4):
        assert images.shape == (4, 24, 94, 3)


def test_keeping_crops_in_memory_changes_nothing(crops, monkeypatch):
    config = config_of(crops, train_batch_size=8)
    expected = batches_of(config, 0, 3)
    monkeypatch.setattr(dataset, "_CACHE_BYTES", 0)
    assert_same(batches_of(config, 0, 3), expected)


@pytest.mark.parametrize("balance", [0.0, 1.0])
def test_a_crop_that_is_kept_in_memory_keeps_its_label(tmp_path, balance):
    """Each crop has a gray of its own; rows come several times, and in another order than they are listed in."""
    rows = []
    for number, label in enumerate(("皖A1", "皖A2", "皖A3", "京B4")):
        write_image(tmp_path / f"{number}.png", np.full((24, 94, 3), 60 * number, np.uint8))
        rows.append((f"{number}.png", label))
    write_annotations(tmp_path / "list.txt", rows)
    off = {f"train_apply_{name}_aug": False for name in ("basic", "stn", "blur")}
    config = tiny_config(
        train_file_list_path=str(tmp_path / "list.txt"), train_balance_first_character=balance, train_batch_size=24,
        symmetric_range=False, **off,
    )  # fmt: skip
    ((images, labels),) = batches_of(config, 0, 1)
    vocabulary = alphabet_of(config)
    numbers = [int(vocabulary.decode(row[row >= 0])[-1]) - 1 for row in labels]
    assert np.rint(images.mean(axis=(1, 2, 3)) * 255 / 60).astype(int).tolist() == numbers
    assert sorted(set(numbers)) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("switch", "function"), [("basic", "photometric"), ("stn", "geometric"), ("blur", "blur_and_noise")]
)
def test_each_switch_is_of_its_own_kind_of_augmentation(crops, monkeypatch, switch, function):
    called = []

    def watched(name, original):
        return lambda image, *arguments: called.append(name) or original(image, *arguments)

    for name in ("photometric", "geometric", "blur_and_noise"):
        monkeypatch.setattr(augmentation, name, watched(name, getattr(augmentation, name)))
    switches = {f"train_apply_{name}_aug": name == switch for name in ("basic", "stn", "blur")}
    batches_of(config_of(crops, **switches), 0, 1)
    assert called == [function] * 4


# ---- Balance -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("balance", "counts"), [(0.0, (9, 4, 1)), (0.5, (9, 8, 3)), (1.0, (9, 8, 9))])
def test_rare_first_characters_come_more_often(tmp_path, balance, counts):
    labels = [f"{first}{number}" for first, many in (("皖", 9), ("京", 4), ("藏", 1)) for number in range(many)]
    write_image(tmp_path / "crop.png", np.zeros((8, 20, 3), np.uint8))
    write_annotations(tmp_path / "list.txt", [("crop.png", label) for label in labels])
    config = tiny_config(
        train_file_list_path=str(tmp_path / "list.txt"),
        train_balance_first_character=balance,
        train_batch_size=sum(counts),
    )
    found = Counter(label[0] for label in labels_of(config, 1))
    assert tuple(found[first] for first in "皖京藏") == counts


# ---- Held-out plates -----------------------------------------------------------------------------------------------


def test_what_is_evaluated_is_never_drawn_in_training():
    config = tiny_config(train_generated_share=1.0)
    images, labels = drawn_plates(config, 12)
    assert images.shape == (12, 24, 94, 3)
    assert images.dtype == np.uint8
    training = [build_generator(config).draw(index) for index in range(60)]
    drawn = {config.preprocessing.prepare(plate.image).tobytes() for plate in training}
    assert not drawn & {image.tobytes() for image in images}
    assert not {plate.label for plate in training} & set(labels)
    again, labels_again = drawn_plates(config, 12)
    assert np.array_equal(images, again)
    assert labels == labels_again


def test_more_held_out_plates_begin_with_the_same():
    config = tiny_config(train_generated_share=1.0)
    few, many = drawn_plates(config, 3), drawn_plates(config, 5)
    assert np.array_equal(few[0], many[0][:3])
    assert few[1] == many[1][:3]


# ---- Rows ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def bad_list(tmp_path) -> Path:
    """Two good rows among one of each kind of bad one."""
    write_image(tmp_path / "good.png", np.full((20, 60, 3), 80, np.uint8))
    write_image(tmp_path / "tiny.png", np.zeros((2, 60, 3), np.uint8))
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "half.png").write_bytes((tmp_path / "good.png").read_bytes()[:40])
    rows = ["good.png AB", "alone.png", "missing.png AB", "text.png AB", "half.png AB", "tiny.png AB", "good.png BA"]
    (tmp_path / "list.txt").write_text("\n".join(rows) + "\n")
    return tmp_path / "list.txt"


def test_the_first_few_bad_images_are_named(bad_list):
    text = bad_list.read_text().replace("alone.png\n", "")
    bad_list.write_text(text)
    with pytest.raises(AnnotationError) as caught:
        load_rows([str(bad_list)], skip_bad_rows=False, setting="train.skip_bad_rows")
    message = str(caught.value)
    for line, name in ((2, "missing.png"), (3, "text.png"), (4, "half.png")):
        assert f"list.txt:{line}: " in message
        assert name in message
    assert "list.txt:5: expected an image, received 60x2 pixels" in message
    assert "(4 bad rows; train.skip_bad_rows=True leaves them out)" in message


def test_bad_rows_are_skipped_and_counted(bad_list):
    data = load_rows([str(bad_list)], skip_bad_rows=True)
    assert data.labels == ["AB", "BA"]
    assert len(data.skipped) == 5
    assert all("list.txt:" in reason for reason in data.skipped)


def test_nothing_but_bad_rows_is_an_error(tmp_path):
    (tmp_path / "list.txt").write_text("missing.png AB\n")
    with pytest.raises(AnnotationError, match="expected at least one row that can be used, received none"):
        load_rows([str(tmp_path / "list.txt")], skip_bad_rows=True)


def test_a_row_without_a_label_may_be_a_path_alone(crops):
    data = load_rows([str(crops / "paths.txt")], skip_bad_rows=False, labelled=False)
    assert [row.label for row in data.rows] == [""] * 8


@pytest.mark.parametrize(
    ("label", "steps", "message"),
    [
        ("ABX", 9, r"list.txt:1: expected characters of the alphabet, received 'X' in 'ABX'"),
        ("ABAB", 9, r"list.txt:1: expected at most 3 characters \(max_lp_length\), received 4 in 'ABAB'"),
        ("AAB", 3, r"list.txt:1: expected a label of at most 3 time steps .*, received 4 in 'AAB'"),
    ],
)
def test_labels_that_the_model_cannot_write(label, steps, message):
    rows = [Annotation(Path("a.png"), label, "list.txt:1"), Annotation(Path("b.png"), "ABA", "list.txt:2")]
    data = LabelledRows(rows, ["list.txt:0: wrong before"])
    with pytest.raises(AnnotationError, match=message):
        check_labels(data, Vocabulary(("A", "B")), tiny_config(max_lp_length=3), steps)
    skipping = tiny_config(max_lp_length=3, train_skip_bad_rows=True)
    kept = check_labels(data, Vocabulary(("A", "B")), skipping, steps)
    assert kept.labels == ["ABA"]
    assert len(kept.skipped) == 2


def test_equal_neighbours_in_a_merged_alphabet_need_a_blank_too():
    rows = [Annotation(Path("a.png"), "O0", "list.txt:1")]
    with pytest.raises(AnnotationError, match="received 3 in 'O0'"):
        check_labels(LabelledRows(rows, []), Vocabulary(("O", "0"), use_oi_concat=True), tiny_config(), 2)


# ---- Alphabet ------------------------------------------------------------------------------------------------------


def test_the_alphabet_of_the_lists(tmp_path):
    write_annotations(tmp_path / "a.txt", [("x.png", "BA<Beijing>")])
    write_annotations(tmp_path / "b.txt", [("x.png", "CA")])
    config = tiny_config(train_file_list_path=[str(tmp_path / "a.txt"), str(tmp_path / "b.txt")])
    assert alphabet_of(config).symbols == ("<Beijing>", "A", "B", "C")
    assert alphabet_of(config.with_values(alphabet="ZY")).symbols == ("Z", "Y")


def test_the_alphabet_of_drawn_plates_is_that_of_their_formats():
    symbols = alphabet_of(tiny_config(train_generated_share=1.0, train_plate_formats=["cz"])).symbols
    assert set("0123456789ABC") <= set(symbols)
    assert "皖" not in symbols


def test_no_list_and_nothing_drawn_gives_no_alphabet():
    with pytest.raises(ConfigError, match="alphabet: expected at least one character, received none"):
        alphabet_of(tiny_config())


def test_an_image_that_vanishes_is_named_by_its_row(tmp_path):
    rows = [Annotation(tmp_path / "gone.png", "A", "list.txt:7")]
    with pytest.raises(ImageError, match=r"list.txt:7: .*gone.png"):
        list(prepared_images(rows, tiny_config().preprocessing, 4))


def test_images_keep_their_order(crops):
    rows = read_annotations(crops / "list.txt")[0]
    preprocessing = tiny_config().preprocessing
    together = np.concatenate(list(prepared_images(rows, preprocessing, 3)))
    alone = np.concatenate([next(prepared_images([row], preprocessing, 1)) for row in rows])
    assert np.array_equal(together, alone)
