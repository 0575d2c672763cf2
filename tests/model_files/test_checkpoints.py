"""Checkpoints: what goes in comes out, a failed write harms nothing, and what fits which model."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from tiny_models import tiny_config

from lp_recognition.model_files import checkpoints
from lp_recognition.model_files.checkpoints import Checkpoint
from lp_recognition.networks.class_transfer import transfer_weights
from lp_recognition.networks.losses import CTCLoss
from lp_recognition.networks.lprnet import Architecture, build_lprnet
from lp_recognition.networks.recognition import restored_lprnet
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import ConfigError, ModelError, UserError

CONFIG = tiny_config(
    alphabet="京ABC<Beijing>", width_multiplier=0.1, block_filters=((128,), (256, 256)), head_filters=256
)  # fmt: skip
ARRAYS = {
    "weights/stem/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
    "weights/context_quantizer/range_min": np.float32(-1.5),
    "optimizer/000/iterations": np.int64(7),
    "seeds/dropout_1": np.array([1, 2**32 - 1], np.uint32),
}


def build(config: RecognitionConfig = CONFIG, *, quantized: bool = False, seed: int = 0) -> keras.Model:
    """A model with weights that are no longer those of the start."""
    architecture = Architecture.from_config(config, config.vocabulary().num_classes)
    model = build_lprnet(architecture, quantization_aware=quantized, per_channel=config.quantize_per_channel)
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        kind = weight.path.rpartition("/")[2]
        spread = 0.3 if kind == "kernel" else 1.0
        values = rng.normal(0, spread, weight.shape)
        weight.assign(0.5 + np.abs(values) if kind in ("moving_variance", "gamma", "range_max") else values)
    return model


def checkpoint_of(model: keras.Model, config: RecognitionConfig = CONFIG) -> Checkpoint:
    return Checkpoint(3, config, checkpoints.model_arrays(model), Path("other.ckpt"))


def compiled(model: keras.Model, optimizer: str = "AdamW") -> keras.Model:
    model.compile(getattr(keras.optimizers, optimizer)(name=optimizer), CTCLoss(5))
    model.optimizer.build(model.trainable_variables)
    return model


def weights_of(model: keras.Model) -> dict[str, np.ndarray]:
    return {weight.path: np.asarray(weight).copy() for weight in model.weights}


# ---- Files ---------------------------------------------------------------------------------------------------------


def test_what_goes_in_comes_out(tmp_path):
    path = checkpoints.checkpoint_path(tmp_path, 12)
    assert path.name == "model.ckpt-12.ckpt"
    checkpoints.save_checkpoint(path, 12, CONFIG, ARRAYS)
    loaded = checkpoints.load_checkpoint(path, RecognitionConfig)
    assert (loaded.step, loaded.config, loaded.path) == (12, CONFIG, path)
    assert list(loaded.arrays) == list(ARRAYS)
    for name, value in ARRAYS.items():
        assert loaded.arrays[name].dtype == value.dtype
        assert np.array_equal(loaded.arrays[name], value)
    assert loaded.config.vocabulary().classes == ("京", "A", "B", "C", "<Beijing>")


@pytest.mark.parametrize("failing", ["savez", "fsync", "replace"])
def test_a_full_disk_leaves_the_earlier_checkpoint_whole(tmp_path, monkeypatch, failing):
    path = tmp_path / "model.ckpt-1.ckpt"
    checkpoints.save_checkpoint(path, 1, CONFIG, ARRAYS)
    before = path.read_bytes()

    def full(*arguments, **options):
        if failing == "savez":
            arguments[0].write(b"PK half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*{"savez": (np, "savez"), "fsync": (os, "fsync"), "replace": (Path, "replace")}[failing], full)
    with pytest.raises(UserError, match=r"model.ckpt-1.ckpt: cannot be written: No space left on device"):
        checkpoints.save_checkpoint(path, 1, CONFIG, {"weights/other": np.zeros(3)})
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_file_cut_short_anywhere_is_refused(tmp_path):
    path = tmp_path / "model.ckpt-1.ckpt"
    checkpoints.save_checkpoint(path, 1, CONFIG, ARRAYS)
    data = path.read_bytes()
    for length in [*range(0, len(data), 97), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(ModelError, match="expected a checkpoint, received a file that is none or cut short"):
            checkpoints.load_checkpoint(path, RecognitionConfig)


def test_a_damaged_file_is_refused_or_the_same(tmp_path):
    """Any one byte changed: a ModelError, or what was written, but nothing else."""
    path = tmp_path / "model.ckpt-1.ckpt"
    checkpoints.save_checkpoint(path, 1, CONFIG, ARRAYS)
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for position in rng.choice(len(data), 300, replace=False):
        damaged = bytearray(data)
        damaged[position] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            loaded = checkpoints.load_checkpoint(path, RecognitionConfig)
        except ModelError:
            refused += 1
        else:
            assert loaded.config == CONFIG
            assert all(
                np.array_equal(loaded.arrays[name], value) for name, value in ARRAYS.items() if name in loaded.arrays
            )
    assert refused > 150


def write_npz(path: Path, **arrays) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays)


def text(value: str) -> np.ndarray:
    return np.frombuffer(value.encode(), np.uint8)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_text("hello"), "none or cut short"),
        (lambda path: np.save(path.open("wb"), np.zeros(3)), "none or cut short"),
        (lambda path: write_npz(path, a=np.zeros(3)), "none or cut short .*record"),
        (lambda path: write_npz(path, record=text("[1, 2]")), "none or cut short"),
        (lambda path: write_npz(path, record=text('{"format": 99}')), "expected a checkpoint of format 1, received 99"),
        (lambda path: write_npz(path, record=np.array({"a": 1}, object)), "none or cut short"),
        (lambda path: path.mkdir(), "none or cut short .*directory"),
        (lambda path: None, "expected a checkpoint, received no such file"),
    ],
)
def test_other_files_are_refused(tmp_path, write, message):
    path = tmp_path / "model.ckpt-1.ckpt"
    write(path)
    with pytest.raises(ModelError, match=f"model.ckpt-1.ckpt: .*{message}"):
        checkpoints.load_checkpoint(path, RecognitionConfig)


def test_a_checkpoint_cannot_run_code(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "harm",))

    write_npz(tmp_path / "x.ckpt", record=text("{}"), weights=np.array([Harmful()], object))
    (tmp_path / "harm").unlink(missing_ok=True)
    with pytest.raises(ModelError):
        checkpoints.load_checkpoint(tmp_path / "x.ckpt", RecognitionConfig)
    assert not (tmp_path / "harm").exists()


def test_settings_of_another_version_are_named(tmp_path):
    record = json.dumps({"format": 1, "step": 1, "config": "no_such_setting: 3\n"})
    write_npz(tmp_path / "x.ckpt", record=text(record))
    with pytest.raises(ConfigError, match=r"x.ckpt: unknown key `no_such_setting`"):
        checkpoints.load_checkpoint(tmp_path / "x.ckpt", RecognitionConfig)


# ---- Folders -------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path) -> Path:
    for step in (100, 20, 3):
        checkpoints.save_checkpoint(checkpoints.checkpoint_path(tmp_path, step), step, CONFIG, ARRAYS)
    for name in ("model.ckpt-7.ckpt.tmp", ".model.ckpt-9.ab12.tmp.ckpt", "model.ckpt-x.ckpt", "events.out"):
        (tmp_path / name).write_text("")
    return tmp_path


def test_checkpoints_are_listed_by_step(folder):
    assert list(checkpoints.list_checkpoints(folder)) == [3, 20, 100]
    assert checkpoints.list_checkpoints(folder / "missing") == {}


@pytest.mark.parametrize(("best", "kept"), [(None, [20, 100]), (3, [3, 20, 100]), (100, [20, 100]), (55, [20, 100])])
def test_the_last_and_the_best_are_kept(folder, best, kept):
    checkpoints.record_evaluation(folder, 100, None if best is None else (best, 0.5))
    checkpoints.delete_old_checkpoints(folder, keep=2)
    assert list(checkpoints.list_checkpoints(folder)) == kept
    assert not list(folder.glob(".model*"))  # what a killed run left
    assert (folder / "events.out").exists()


@pytest.mark.parametrize(("best", "found"), [(None, 100), ((20, 0.9), 20), ((55, 0.9), 100)])
def test_the_checkpoint_to_use_is_the_best_then_the_last(folder, best, found):
    checkpoints.record_evaluation(folder, 100, best)
    config = CONFIG.with_values(model_dir=str(folder))
    assert checkpoints.find_checkpoint(config).name == f"model.ckpt-{found}.ckpt"
    assert checkpoints.find_checkpoint(config, str(folder / "model.ckpt-3.ckpt")).name == "model.ckpt-3.ckpt"


def test_what_was_evaluated_is_remembered(tmp_path):
    assert (checkpoints.read_best(tmp_path), checkpoints.last_evaluated(tmp_path)) == (None, 0)
    checkpoints.record_evaluation(tmp_path, 4, None)
    assert (checkpoints.read_best(tmp_path), checkpoints.last_evaluated(tmp_path)) == (None, 4)
    checkpoints.record_evaluation(tmp_path, 8, (4, 0.25))
    assert (checkpoints.read_best(tmp_path), checkpoints.last_evaluated(tmp_path)) == ((4, 0.25), 8)
    assert checkpoints.best_step(tmp_path) == 4
    (tmp_path / "best.json").write_text("{")
    assert (checkpoints.read_best(tmp_path), checkpoints.last_evaluated(tmp_path)) == (None, 0)


def test_a_missing_checkpoint_says_which_there_are(folder, tmp_path_factory):
    empty = CONFIG.with_values(model_dir=str(tmp_path_factory.mktemp("empty")))
    with pytest.raises(ModelError, match=r"model.ckpt-5.ckpt: .*; the folder has model.ckpt-3.ckpt, model"):
        checkpoints.find_checkpoint(empty, str(folder / "model.ckpt-5.ckpt"))
    with pytest.raises(ModelError, match=r"expected a checkpoint model.ckpt-<step>.ckpt, received none; train first"):
        checkpoints.find_checkpoint(empty)


# ---- Into models ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("quantized", [False, True])
def test_a_model_is_restored_whole(tmp_path, quantized):
    model = compiled(build(quantized=quantized))
    model.fit(np.zeros((2, 24, 94, 3), np.float32), np.zeros((2, 4), np.int32), verbose=0)
    arrays = checkpoints.model_arrays(model) | checkpoints.optimizer_arrays(model)
    checkpoints.save_checkpoint(tmp_path / "a.ckpt", 1, CONFIG, arrays)
    other = compiled(build(quantized=quantized, seed=1))
    loaded = checkpoints.load_checkpoint(tmp_path / "a.ckpt", RecognitionConfig)
    checkpoints.restore_model(other, loaded)
    checkpoints.restore_optimizer(other, loaded)
    again = checkpoints.model_arrays(other) | checkpoints.optimizer_arrays(other)
    assert list(again) == list(arrays)
    assert all(np.array_equal(again[name], value) for name, value in arrays.items())
    assert any(name.startswith("seeds/") and value[1] > 0 for name, value in arrays.items())
    images = np.random.default_rng(0).uniform(-1, 1, (2, 24, 94, 3)).astype(np.float32)
    assert np.array_equal(np.asarray(model(images)), np.asarray(other(images)))


def test_a_quantized_model_takes_the_weights_of_a_float_one():
    floating, quantized = build(), build(quantized=True, seed=1)
    before = weights_of(quantized)
    checkpoints.restore_model(quantized, checkpoint_of(floating))
    after, theirs = weights_of(quantized), weights_of(floating)
    for name, value in after.items():
        assert np.array_equal(value, theirs.get(name, before[name]))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"width_multiplier": 0.5}, r"stem/kernel: expected \(3, 3, 3, 32\), received \(3, 3, 3, 8\).*; and \d+ more"),
        ({"head_kernel_width": 7}, r"classes/kernel: expected \(1, 7, 24, 6\), received \(1, 5, 24, 6\)"),
        ({"block_filters": [[128, 64], [256]]}, r"block1_2_reduce/kernel: expected .*, received nothing"),
        ({"global_context": "fully_connected"}, r"pattern/kernel: expected \(252, 128\), received nothing"),
    ],
)
def test_another_architecture_is_named_and_changes_nothing(change, named):
    model = build(CONFIG.with_values(**change))
    before = weights_of(model)
    with pytest.raises(ModelError, match=f"other.ckpt: is of another architecture: .*{named}"):
        checkpoints.restore_model(model, checkpoint_of(build(seed=1)))
    assert all(np.array_equal(value, before[name]) for name, value in weights_of(model).items())


def test_the_state_of_another_optimizer_is_refused():
    adam = compiled(build(), "Adam")
    checkpoint = Checkpoint(3, CONFIG, checkpoints.optimizer_arrays(adam), Path("other.ckpt"))
    with pytest.raises(ModelError, match=r"other.ckpt: holds the state of another optimizer; .*train.opt_type"):
        checkpoints.restore_optimizer(compiled(build(), "SGD"), checkpoint)


@pytest.mark.parametrize("quantized", [False, True])
def test_a_checkpoint_knows_whether_it_is_quantized(quantized):
    model = build(quantized=quantized)
    for weight in model.weights:
        if weight.path.endswith("batches_seen"):
            weight.assign(0)
    assert not checkpoint_of(model).quantized  # no range was learnt yet
    if quantized:
        model(np.zeros((1, 24, 94, 3), np.float32), training=True)
    assert checkpoint_of(model).quantized == quantized
    assert any("range_min" in weight.path for weight in restored_lprnet(checkpoint_of(model)).weights) == quantized


# ---- Another alphabet ----------------------------------------------------------------------------------------------

OLD, NEW = "ABCDE", "XCAEYZ"
COMMON = [(1, 2), (2, 0), (3, 4), (6, 5)]  # (index in NEW, index in OLD) of C, A, E and the blank
CONTEXTS = ["fully_connected", "convolutional", "none"]


def check_rows(
    context: str, old: dict[str, np.ndarray], fresh: dict[str, np.ndarray], moved: dict[str, np.ndarray]
) -> None:
    """Compares entry by entry: what both alphabets have is the old value, what only the new one has the fresh one."""
    new_classes, old_classes = len(NEW) + 1, len(OLD) + 1
    common = dict(COMMON)

    def expected(name: str) -> np.ndarray:
        value = fresh[name].copy()
        if name.startswith(("classes/", "context/", "logits/")) and value.ndim == 1:
            for new, theirs in common.items():
                value[new] = old[name][theirs]
        elif name == "classes/kernel":
            for new, theirs in common.items():
                value[..., new] = old[name][..., theirs]
        elif name == "context/kernel":
            for new, theirs in common.items():
                value[:, :, new] = old[name][:, :, theirs]
        elif name == "pattern/kernel":
            steps = old[name].shape[0] // old_classes
            for step in range(steps):
                for new, theirs in common.items():
                    value[step * new_classes + new] = old[name][step * old_classes + theirs]
        elif name == "logits/kernel":
            for new, theirs in common.items():
                for new_input, their_input in common.items():
                    value[0, 0, new_input, new] = old[name][0, 0, their_input, theirs]
                    if context == "convolutional":
                        value[0, 0, new_classes + new_input, new] = old[name][0, 0, old_classes + their_input, theirs]
                if context == "fully_connected":
                    value[0, 0, new_classes:, new] = old[name][0, 0, old_classes:, theirs]
        elif not name.endswith(("range_min", "range_max", "batches_seen")) or name in old:
            value = old[name]
        return value

    for name, value in moved.items():
        assert np.array_equal(value, expected(name)), name


@pytest.mark.parametrize("quantized", [False, True])
@pytest.mark.parametrize("context", CONTEXTS)
def test_a_changed_alphabet_carries_exactly_the_common_rows(context, quantized):
    config = CONFIG.with_values(global_context=context, alphabet=OLD, rnn_cells_num=9)
    source = build(config, quantized=quantized)
    target = build(config.with_values(alphabet=NEW), quantized=True, seed=1)
    fresh = weights_of(target)
    vocabulary = config.with_values(alphabet=NEW).vocabulary()
    changed = transfer_weights(target, vocabulary, checkpoint_of(source, config))
    check_rows(context, weights_of(source), fresh, weights_of(target))
    assert {"classes/kernel", "logits/kernel"} <= set(changed)
    assert not any(name.startswith(("stem", "block", "head")) for name in changed)


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("cells", [6, 7])
def test_a_pattern_layer_as_wide_as_the_alphabet_is_no_class_map(context, cells):
    """With five characters and the blank, 6 cells are as many as there are classes, and yet they are no classes."""
    config = CONFIG.with_values(global_context=context, alphabet="ABCDE", rnn_cells_num=cells)
    source, target = build(config), build(config.with_values(alphabet="EDCBA"), seed=1)
    vocabulary = config.with_values(alphabet="EDCBA").vocabulary()
    transfer_weights(target, vocabulary, checkpoint_of(source, config))
    images = np.random.default_rng(0).uniform(-1, 1, (2, 24, 94, 3)).astype(np.float32)
    order = [4, 3, 2, 1, 0, 5]
    expected = np.asarray(source(images))[..., order]
    assert np.isfinite(expected).all()
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(np.asarray(target(images)), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_the_same_alphabet_carries_everything():
    source, target = build(), build(seed=1)
    assert transfer_weights(target, CONFIG.vocabulary(), checkpoint_of(source)) == []
    theirs = weights_of(source)
    assert all(np.array_equal(value, theirs[name]) for name, value in weights_of(target).items())


@pytest.mark.parametrize("change", [{"width_multiplier": 0.5}, {"head_kernel_width": 7}, {"global_context": "none"}])
def test_more_than_the_alphabet_must_not_change(change):
    target = build(CONFIG.with_values(alphabet="XY", **change), seed=1)
    before = weights_of(target)
    with pytest.raises(ModelError, match=r"other.ckpt: is of another architecture"):
        transfer_weights(target, CONFIG.with_values(alphabet="XY").vocabulary(), checkpoint_of(build()))
    assert all(np.array_equal(value, before[name]) for name, value in weights_of(target).items())


def test_merged_classes_are_carried_by_their_one_name():
    config = CONFIG.with_values(alphabet="皖沪A0O", use_h_concat=True, use_oi_concat=True)
    wider = config.with_values(alphabet="皖沪京A0OB")
    source, target = build(config), build(wider, seed=1)
    transfer_weights(target, wider.vocabulary(), checkpoint_of(source, config))
    theirs, ours = weights_of(source)["logits/beta"], weights_of(target)["logits/beta"]
    assert np.array_equal(ours[[0, 1, 2, 4]], theirs[[0, 1, 2, 3]])  # <H>, A, 0 and the blank


def test_a_checkpoint_is_found_after_its_folder_moved(folder, tmp_path_factory):
    target = tmp_path_factory.mktemp("moved") / "model 型"
    shutil.copytree(folder, target)
    loaded = checkpoints.load_checkpoint(target / "model.ckpt-20.ckpt", RecognitionConfig)
    assert dataclasses.replace(loaded, path=folder).step == 20
