"""Going on with a training: from which checkpoint, by which settings, and what the user is told of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from color_task import ColorConfig, ColorTask, config_of

from lp_recognition.model_files import checkpoints
from lp_recognition.model_files.checkpoints import Checkpoint, list_checkpoints, load_checkpoint, save_checkpoint
from lp_recognition.system.errors import ConfigError, UserError
from lp_recognition.training.loop import train
from lp_recognition.training.resuming import Past, describe_past, find_past, settle_start, tidy_up

STEP = 10


def past_of(config: ColorConfig, step: int = STEP, **arrays) -> Checkpoint[ColorConfig]:
    return Checkpoint(step, config, arrays, Path("model.ckpt-10.ckpt"))


def said(config: ColorConfig, recorded: ColorConfig) -> list[str]:
    return list(describe_past(config, Past(past_of(recorded))))


def saved(folder: Path, *steps: int) -> ColorConfig:
    """A folder of small whole checkpoints."""
    config = config_of(folder)
    for step in steps:
        save_checkpoint(checkpoints.checkpoint_path(folder, step), step, config, {"weights/a": np.zeros(3, np.float32)})
    return config


# ---- Settings ------------------------------------------------------------------------------------------------------


def test_the_same_settings_are_nothing_to_warn_of(tmp_path):
    config = config_of(tmp_path)
    assert said(config, config) == ["resuming from step 10 of 40, model.ckpt-10.ckpt"]
    finished = config_of(tmp_path, steps=STEP, quantization_delay=5)
    assert said(finished, finished) == ["resuming from step 10 of 10, model.ckpt-10.ckpt, so nothing is left to do"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", 17), ("learning_rate", 0.04), ("learning_rate_schedule", "constant"), ("steps", 41),
        ("learning_rate_warmup_steps", 3), ("weight_decay", 0.5), ("clip_norm", None), ("grad_noise_scale", 0.5),
        ("teacher", "other.ckpt"), ("teacher_share", 0.75), ("random_seed", 7), ("precision", "mixed_bfloat16"),
        ("opt_type", "SGD"), ("learning_rate_decay_steps", 9), ("learning_rate_decay_factor", 0.25),
    ],
)  # fmt: skip
def test_a_setting_that_weights_depend_on_is_named_with_both_values(tmp_path, name, value):
    before, now = config_of(tmp_path), config_of(tmp_path, **{name: value})
    *_, warning = said(now, before)
    assert warning.startswith("warning: other settings than those recorded at step 10")
    assert "will not be those of a run that was never stopped" in warning
    assert f"train.{name} {getattr(before.train, name)!r} before, {value!r} now" in warning


@pytest.mark.parametrize(
    "changes",
    [
        {"workers": 3}, {"display_iter": 7}, {"save_checkpoints_steps": 7}, {"checkpoints_to_keep": 9},
        {"need_to_save_log": False}, {"early_stopping": 4},
    ],
)  # fmt: skip
def test_a_setting_that_no_weight_depends_on_is_not(tmp_path, changes):
    assert len(said(config_of(tmp_path, **changes), config_of(tmp_path))) == 1


def test_more_steps_change_nothing_where_the_rate_does_not_look_at_the_end(tmp_path):
    before, now = (config_of(tmp_path, steps=steps, learning_rate_schedule="constant") for steps in (40, 50))
    assert len(said(now, before)) == 1


def test_quantization_that_comes_later_is_named(tmp_path):
    quantized = config_of(tmp_path)
    floating = quantized.with_values(quantization_aware=False)
    assert "quantization_aware False before, True now" in said(quantized, floating)[-1]
    started = settle_start(config_of(tmp_path, quantization_delay=5), past_of(floating), "")
    assert started.train.quantization_delay == STEP  # at once: no step that was in float counts as one in 8 bits


def test_the_step_of_quantization_stays_and_another_one_is_passed_over_aloud(tmp_path):
    before, now = config_of(tmp_path), config_of(tmp_path, quantization_delay=25)
    assert settle_start(now, past_of(before), "").train.quantization_delay == 20
    assert "train.quantization_delay=25 is passed over: quantization starts at step 20" in said(now, before)[-1]


def test_fewer_steps_than_are_done(tmp_path):
    with pytest.raises(ConfigError, match=r"train.steps: expected at least the 10 steps that .* received 9; raise it"):
        settle_start(config_of(tmp_path, steps=9, quantization_delay=5), past_of(config_of(tmp_path)), "")
    done = config_of(tmp_path, steps=STEP, quantization_delay=5)
    assert settle_start(done, past_of(done), "") == done


# ---- Where it began ------------------------------------------------------------------------------------------------


def test_another_beginning_is_refused_and_the_same_goes_on(tmp_path, monkeypatch):
    config = config_of(tmp_path)
    began = past_of(config_of(tmp_path, checkpoint=str(tmp_path / "a.ckpt"), quantization_delay=0))
    with pytest.raises(ConfigError, match=r"--init_checkpoint: .*b.ckpt.* began from .*a.ckpt stands at step 10; name"):
        settle_start(config, began, str(tmp_path / "b.ckpt"))
    with pytest.raises(ConfigError, match="that began at random stands at step 10"):
        settle_start(config, past_of(config), str(tmp_path / "b.ckpt"))
    monkeypatch.chdir(tmp_path)
    for same in (str(tmp_path / "a.ckpt"), "a.ckpt", ""):
        settled = settle_start(config, began, same)
        assert settled.train.checkpoint == str(tmp_path / "a.ckpt")  # and so it is recorded again
        assert settled.train.quantization_delay == 0
    assert len(said(config, began.config)) == 1


@pytest.mark.usefixtures("eager")
def test_eight_bits_from_the_first_step_stay_so_in_a_resumed_run(tmp_path):
    train(config_of(tmp_path / "float", steps=1, quantization_delay=1), ColorTask.prepare)
    checkpoint = str(tmp_path / "float" / "model.ckpt-1.ckpt")
    for steps in (1, 2):
        train(config_of(tmp_path / "model", steps=steps), ColorTask.prepare, checkpoint)
    train(config_of(tmp_path / "model", steps=3), ColorTask.prepare)  # also where the option is left out
    last = load_checkpoint(tmp_path / "model" / "model.ckpt-3.ckpt", ColorConfig)
    assert last.quantized
    assert last.config.train.quantization_delay == 0
    assert last.config.train.checkpoint == checkpoint


# ---- Broken checkpoints --------------------------------------------------------------------------------------------


def spoil(path: Path, kind: str) -> None:
    data = path.read_bytes()
    path.write_bytes({"empty": b"", "half": data[: len(data) // 2], "other": b"no checkpoint"}[kind])


@pytest.mark.parametrize("kind", ["empty", "half", "other"])
def test_the_last_whole_checkpoint_counts(tmp_path, kind):
    config = saved(tmp_path, 10, 20, 30)
    for step in (20, 30):
        spoil(tmp_path / f"model.ckpt-{step}.ckpt", kind)
    checkpoints.record_evaluation(tmp_path, 30, (30, 0.9), 2)
    past = find_past(config)
    assert past.checkpoint.step == 10
    lines = list(describe_past(config, past))
    assert [line.partition(":")[0] for line in lines[:2]] == ["warning", "warning"]
    assert "model.ckpt-30.ckpt.broken" in lines[0]
    assert "none or cut short" in lines[0]
    assert lines[2].startswith("resuming from step 10 of 40")
    assert len(list(tmp_path.glob("*.broken"))) == 0  # nothing is touched before all is checked
    tidy_up(config, past)
    assert list(list_checkpoints(tmp_path)) == [10]
    assert {path.name for path in tmp_path.glob("*.broken")} == {f"model.ckpt-{step}.ckpt.broken" for step in (20, 30)}
    assert checkpoints.read_best(tmp_path) is None  # the best one was among them
    assert checkpoints.last_evaluated(tmp_path) == 0


def test_where_none_is_whole_nothing_is_trained_over_them(tmp_path):
    config = saved(tmp_path, 10, 20)
    for step in (10, 20):
        spoil(tmp_path / f"model.ckpt-{step}.ckpt", "half")
    with pytest.raises(UserError, match=r"received 2 that cannot be read; delete them .*none or cut short"):
        train(config, ColorTask.prepare)
    assert list(list_checkpoints(tmp_path)) == [10, 20]


@pytest.mark.usefixtures("eager")
def test_a_run_goes_on_from_the_one_before_and_ends_as_if_nothing_had_been(tmp_path, capsys):
    values = {"save_checkpoints_steps": 1, "quantization_delay": 1, "learning_rate_schedule": "constant"}
    train(config_of(tmp_path / "whole", steps=3, **values), ColorTask.prepare)
    train(config_of(tmp_path / "model", steps=2, **values), ColorTask.prepare)
    spoil(tmp_path / "model" / "model.ckpt-2.ckpt", "half")
    capsys.readouterr()
    train(config_of(tmp_path / "model", steps=3, **values), ColorTask.prepare)
    errors = capsys.readouterr().err
    assert "resuming from step 1 of 3" in errors
    assert "step 1: in 8 bits" not in errors
    ours, theirs = (
        load_checkpoint(tmp_path / name / "model.ckpt-3.ckpt", ColorConfig).arrays for name in ("model", "whole")
    )
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
    assert list(list_checkpoints(tmp_path / "model")) == [1, 2, 3]


def test_a_best_one_that_is_there_is_remembered(tmp_path):
    config = saved(tmp_path, 10, 20)
    checkpoints.record_evaluation(tmp_path, 20, (10, 0.9), 1)
    tidy_up(config, find_past(config))
    assert checkpoints.read_best(tmp_path) == (10, 0.9)
    assert checkpoints.stale_evaluations(tmp_path) == 1


def test_the_best_float_one_is_forgotten_where_quantization_comes_later(tmp_path):
    config = saved(tmp_path, 10)
    checkpoints.record_evaluation(tmp_path, 10, (10, 0.9))
    tidy_up(config.with_values(quantization_aware=False), find_past(config))
    assert checkpoints.read_best(tmp_path) is None


def test_a_folder_without_checkpoints_has_no_past(tmp_path):
    assert find_past(config_of(tmp_path / "none")) == Past()
    saved(tmp_path / "some", 10)
    assert find_past(config_of(tmp_path / "some", need_to_save_weights=False)) == Past()
    shutil.rmtree(tmp_path / "some")
    assert list(describe_past(config_of(tmp_path), Past())) == []
