"""When a training ends before its last step, and which checkpoint is its best."""

from __future__ import annotations

import pytest
from color_task import ColorTask, config_of

from lp_recognition.model_files import checkpoints
from lp_recognition.training.loop import train
from lp_recognition.training.task import Evaluation

pytestmark = pytest.mark.usefixtures("eager")


def training(folder, headlines: list[float], patience: int = 0, delay: int = 0, **values):
    """Trains as many steps as there are headline figures, each measured after its step."""

    class Measured(ColorTask):
        def evaluate(self, model):
            return Evaluation(headlines[run["next"] - 1], "measured")

        def batches(self, start, stop):
            for number in range(start, stop):
                run["next"] = number + 1
                yield self.batch(number)

    run = {"next": 0}
    config = config_of(
        folder, steps=len(headlines), save_checkpoints_steps=1, quantization_delay=delay, early_stopping=patience,
        need_to_save_log=False, **values,
    ).with_values(quantization_aware=delay > 0)  # fmt: skip
    result = train(config, Measured.prepare)
    return result, checkpoints.best_step(folder) if (folder / "best.json").exists() else None


def test_it_ends_after_so_many_evaluations_without_a_better_one(tmp_path, capsys):
    result, best = training(tmp_path, [0.1, 0.5, 0.4, 0.5, 0.9], patience=2)
    assert (result.step, result.finished, result.stopped_early) == (4, True, True)
    assert best == 4  # of equals the one that learnt longer, which is still no better
    assert "step 4: no better in the last 2 evaluations (train.early_stopping)" in capsys.readouterr().err


def test_0_never_ends_it(tmp_path):
    result, best = training(tmp_path, [0.5, 0.1, 0.1, 0.1])
    assert (result.step, result.stopped_early, best) == (4, False, 1)


def test_a_better_one_begins_the_count_again(tmp_path):
    result, best = training(tmp_path, [0.5, 0.1, 0.6, 0.1, 0.7], patience=2)
    assert (result.step, result.stopped_early, best) == (5, False, 5)


def test_eight_bits_get_their_chance(tmp_path):
    """Nothing is counted before they begin, and the first one in 8 bits is the best so far."""
    result, best = training(tmp_path, [0.9, 0.1, 0.1, 0.95, 0.3, 0.2, 0.2, 0.2], patience=2, delay=4)
    assert (result.step, result.stopped_early, best) == (7, True, 5)


def test_it_counts_on_where_it_was_stopped(tmp_path):
    training(tmp_path, [0.5, 0.4], patience=3, learning_rate_schedule="constant")
    result, _ = training(tmp_path, [0.5, 0.4, 0.3, 0.2, 0.1], patience=3, learning_rate_schedule="constant")
    assert (result.step, result.stopped_early) == (4, True)
    result, _ = training(tmp_path, [0.5, 0.4, 0.3, 0.2, 0.1], patience=3, learning_rate_schedule="constant")
    assert (result.step, result.finished, result.stopped_early) == (4, True, True)  # the same command: nothing to do
    result, _ = training(tmp_path, [0.5, 0.4, 0.3, 0.2, 0.1], patience=9, learning_rate_schedule="constant")
    assert (result.step, result.stopped_early) == (5, False)


def test_it_counts_where_nothing_is_saved(tmp_path):
    result, _ = training(tmp_path, [0.5, 0.4, 0.4, 0.9], patience=2, need_to_save_weights=False)
    assert (result.step, result.stopped_early) == (3, True)
