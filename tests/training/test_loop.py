"""Training: it learns, it shows what it does, it stops when it is wrong, and it writes what it was asked to."""

from __future__ import annotations

import math
from pathlib import Path

import keras
import numpy as np
import pytest
from event_files import logged
from tiny_models import tiny_config

from lp_recognition.lists.annotations import read_annotations, write_annotations
from lp_recognition.lists.rows import LabelledRows
from lp_recognition.model_files import checkpoints
from lp_recognition.model_files.checkpoints import list_checkpoints, load_checkpoint
from lp_recognition.networks.losses import CTCLoss
from lp_recognition.settings.recognition import RecognitionConfig, load_config
from lp_recognition.system.errors import AnnotationError, ConfigError, ModelError, UserError
from lp_recognition.training import recognition
from lp_recognition.training.optimizers import build_optimizer
from lp_recognition.training.recognition import RecognitionTask, train
from lp_recognition.training.run import Run
from lp_recognition.training.schedule import Schedule

pytestmark = pytest.mark.usefixtures("eager")

PLAIN = {"train_apply_basic_aug": False, "train_apply_stn_aug": False, "train_apply_blur_aug": False}


def config_of(crops: Path, model_dir: Path, **values) -> RecognitionConfig:
    return tiny_config(model_dir, train_file_list_path=str(crops / "list.txt"), **values)


def last_arrays(model_dir: Path) -> dict[str, np.ndarray]:
    return dict(load_checkpoint(list(list_checkpoints(model_dir).values())[-1], RecognitionConfig).arrays)


# ---- Learning ------------------------------------------------------------------------------------------------------


def test_it_learns_in_float_and_in_eight_bits(trained):
    losses = logged(trained.folder)["loss"]
    assert list(losses) == [50, 100]
    assert losses[50] < 30  # of about 100 at the start
    assert checkpoints.read_best(trained.folder) == (140, 1.0)  # every plate is read right
    floating, last = (
        load_checkpoint(trained.floating, RecognitionConfig),
        load_checkpoint(trained.checkpoint, RecognitionConfig),
    )
    assert (floating.quantized, last.quantized) == (False, True)
    assert last.arrays["weights/stem/output_quantizer/batches_seen"] == 60


def test_bfloat16_is_for_the_float_part(crops, tmp_path):
    """Weights and optimizer stay float32, and the model that is quantized computes in float32."""
    exact, mixed = (
        config_of(crops, tmp_path / precision, train_precision=precision, quantization_aware=True)
        for precision in ("float32", "mixed_bfloat16")
    )
    for config in (exact, mixed):
        train(config)
    found = [list_checkpoints(config.model_dir) for config in (exact, mixed)]
    for step in (2, 4):
        arrays, others = (load_checkpoint(checkpoints[step], RecognitionConfig).arrays for checkpoints in found)
        assert {name: array.dtype for name, array in others.items()} == {
            name: array.dtype for name, array in arrays.items()
        }
        assert not np.array_equal(others["weights/stem/kernel"], arrays["weights/stem/kernel"])
    task = RecognitionTask.prepare(load_config(Path(mixed.model_dir) / "config.yaml"), None)
    dtypes = [task.network(quantized=quantized).get_layer("stem").compute_dtype for quantized in (False, True)]
    assert dtypes == ["bfloat16", "float32"]


def test_the_border_to_eight_bits_moves_nothing(crops, tmp_path):
    """Weights, optimizer and seeds go on from float: one step behind it they are one step further, and no more."""
    train(config_of(crops, tmp_path, quantization_aware=True, train_steps=3, train_save_checkpoints_steps=1))
    before, after = (
        load_checkpoint(checkpoints.checkpoint_path(tmp_path, step), RecognitionConfig).arrays for step in (2, 3)
    )
    assert int(before["optimizer/000/adamw/iteration"]) == 2
    assert int(after["optimizer/000/adamw/iteration"]) == 3
    for name, value in before.items():
        if name.startswith("weights/"):
            assert np.abs(after[name] - value).max() < 0.05 + 0.05 * np.abs(value).max(), name
        if name.endswith(("moving_mean", "moving_variance")):
            assert np.array_equal(after[name], value)
        if name.startswith("seeds/"):
            assert after[name][1] == value[1] + 1 == 3


@pytest.mark.in_graphs
def test_the_loss_goes_down_in_eight_bits(crops, trained, tmp_path):
    """From a float checkpoint, quantization starts at the first step."""
    config = config_of(
        crops, tmp_path, quantization_aware=True, train_steps=30, train_quantization_delay=9, train_batch_size=8,
        train_learning_rate=0.005, train_display_iter=10, train_need_to_save_weights=False, train_dropout_rate=0,
        **PLAIN,
    )  # fmt: skip
    train(config, str(trained.floating))
    losses = list(logged(tmp_path)["loss"].values())
    assert len(losses) == 3
    assert losses[-1] < 0.7 * losses[0]


def test_init_checkpoint_starts_eight_bits_and_is_recorded(crops, trained, tmp_path):
    config = config_of(crops, tmp_path, quantization_aware=True, train_steps=2, train_learning_rate=1e-9)
    train(config, str(trained.floating))
    recorded = load_config(tmp_path / "config.yaml")
    assert recorded.train.quantization_delay == 0
    assert recorded.train.checkpoint == str(trained.floating)
    arrays, start = last_arrays(tmp_path), load_checkpoint(trained.floating, RecognitionConfig).arrays
    assert arrays["weights/stem/output_quantizer/batches_seen"] == 2
    for name, value in start.items():
        if name.startswith("weights/"):
            np.testing.assert_allclose(arrays[name], value, atol=1e-6)


def test_the_setting_of_the_config_is_the_option(crops, trained, tmp_path):
    train(config_of(crops, tmp_path, train_checkpoint=str(trained.floating), train_steps=1, train_learning_rate=1e-9))
    start = load_checkpoint(trained.floating, RecognitionConfig).arrays["weights/head/kernel"]
    np.testing.assert_allclose(last_arrays(tmp_path)["weights/head/kernel"], start, atol=1e-6)


def test_a_checkpoint_to_start_from_must_fit(crops, trained, tmp_path):
    with pytest.raises(ModelError, match=r"is of another architecture: stem/kernel: expected .* received"):
        train(config_of(crops, tmp_path, width_multiplier=0.3), str(trained.floating))
    with pytest.raises(ModelError, match="expected a checkpoint, received no such file"):
        train(config_of(crops, tmp_path), str(tmp_path / "none.ckpt"))


# ---- Optimization --------------------------------------------------------------------------------------------------


def schedule_of(**values) -> list[float]:
    settings = {"train_learning_rate": 2.0, "train_steps": 100, "train_learning_rate_warmup_steps": 10, **values}
    schedule = Schedule(tiny_config(**settings).train)
    return [float(schedule(step)) for step in range(100)]


def test_the_schedules():
    cosine = schedule_of(train_learning_rate_schedule="cosine")
    np.testing.assert_allclose(cosine[:10], 0.2 * np.arange(1, 11), rtol=1e-5)  # the warm-up
    assert cosine[10] == pytest.approx(2.0)
    assert cosine[55] == pytest.approx(1.0, abs=1e-4)
    assert cosine[99] < 0.002
    assert (np.diff(cosine[10:]) <= 0).all()
    constant = schedule_of(train_learning_rate_schedule="constant")
    assert constant[9:] == [2.0] * 91
    steps = schedule_of(
        train_learning_rate_schedule="steps", train_learning_rate_decay_steps=30, train_learning_rate_decay_factor=0.1
    )
    np.testing.assert_allclose([steps[29], steps[30], steps[60], steps[90]], [2, 0.2, 0.02, 0.002], rtol=1e-5)
    assert schedule_of(train_learning_rate_warmup_steps=0)[0] == 2.0


@pytest.mark.parametrize("kind", ["Adam", "AdamW", "SGD", "RMSprop"])
def test_each_optimizer_takes_a_step_and_goes_on(crops, tmp_path, kind):
    values = {"train_opt_type": kind, "train_learning_rate": 0.001, "train_learning_rate_schedule": "constant"}
    train(config_of(crops, tmp_path / "whole", train_steps=2, **values))
    train(config_of(crops, tmp_path / "parts", train_steps=1, **values))
    train(config_of(crops, tmp_path / "parts", train_steps=2, **values))
    whole, parts = last_arrays(tmp_path / "whole"), last_arrays(tmp_path / "parts")
    assert list(whole) == list(parts)
    assert all(np.array_equal(whole[name], value) for name, value in parts.items())
    scalars = logged(tmp_path / "whole")
    # All but AdamW decay by a penalty, which is what the two curves differ by.
    assert (scalars["optimization_loss"][1] > scalars["loss"][1]) == (kind != "AdamW")


def test_another_optimizer_cannot_go_on(crops, tmp_path):
    train(config_of(crops, tmp_path, train_steps=1))
    with pytest.raises(ModelError, match="holds the state of another optimizer"):
        train(config_of(crops, tmp_path, train_steps=2, train_opt_type="SGD"))


def test_noise_on_gradients_is_reproducible(crops, tmp_path):
    arrays = []
    for name, scale in (("a", 0.05), ("b", 0.05), ("none", 0.0)):
        train(config_of(crops, tmp_path / name, train_steps=2, train_grad_noise_scale=scale))
        arrays.append(last_arrays(tmp_path / name))
    assert all(np.array_equal(arrays[0][name], value) for name, value in arrays[1].items())
    assert not np.array_equal(arrays[0]["weights/stem/kernel"], arrays[2]["weights/stem/kernel"])


def test_noise_has_its_scale_and_is_another_at_each_step_and_tensor(monkeypatch):
    """Of gradients that are zero, noise is all that a step of plain SGD sees."""
    settings = {"train_grad_noise_scale": 0.5, "train_opt_type": "SGD", "train_clip_norm": None}
    optimizer = build_optimizer(tiny_config(**settings).train)
    seen = []
    monkeypatch.setattr(keras.optimizers.SGD, "apply", lambda self, grads, variables=None: seen.append(np.stack(grads)))
    optimizer.build([keras.Variable(np.zeros(10_000, np.float32), name=name) for name in ("a", "b")])
    zeros = [np.zeros(10_000, np.float32)] * 2
    optimizer.apply(zeros)
    optimizer.iterations.assign(1)
    optimizer.apply(zeros)
    noise = np.concatenate(seen)
    assert noise.shape == (4, 10_000)
    np.testing.assert_allclose(noise.std(axis=1), 0.5, rtol=0.05)
    np.testing.assert_allclose(noise.mean(axis=1), 0, atol=0.03)
    assert np.abs(np.corrcoef(noise) - np.eye(4)).max() < 0.05


@pytest.mark.parametrize(("longest", "length"), [(1.0, 1.0), (5.0, 5.0), (20.0, 10.0), (None, 10.0)])
def test_gradients_are_shortened_as_one_vector_of_all_weights(longest, length):
    """Nesterov's first step of plain SGD is 1.9 gradients long."""
    settings = {"train_clip_norm": longest, "train_opt_type": "SGD", "train_learning_rate": 1.0}
    optimizer = build_optimizer(tiny_config(**settings, train_learning_rate_schedule="constant").train)
    variables = [keras.Variable(np.zeros(2, np.float32)) for _ in range(2)]
    optimizer.build(variables)
    optimizer.apply([np.array([6, 0], np.float32), np.array([0, 8], np.float32)])
    steps = -np.stack([np.asarray(variable) for variable in variables]) / 1.9
    np.testing.assert_allclose(steps, length * np.array([[0.6, 0], [0, 0.8]]), rtol=1e-5)


@pytest.mark.parametrize(("kind", "share"), [("Adam", 0.25), ("SGD", 0.25), ("AdamW", 0)])
def test_the_penalty_is_half_the_decay_times_the_squared_kernels(kind, share):
    """Whose gradient is the decay times the weight; AdamW decays by itself."""
    config = tiny_config(alphabet="AB", train_weight_decay=0.5, train_opt_type=kind)
    model = RecognitionTask(config, config.vocabulary(), LabelledRows([], [])).network(quantized=False)
    kernels = [np.asarray(weight) for weight in model.trainable_variables if weight.path.endswith("kernel")]
    assert float(sum(model.losses)) == pytest.approx(share * sum(np.square(one).sum() for one in kernels), rel=1e-5)


def test_weights_decay_and_what_batch_normalization_learns_does_not():
    """Of gradients that are zero, decay is all that a step of AdamW sees."""
    config = tiny_config(alphabet="AB", train_weight_decay=0.5, train_learning_rate=0.5)
    model = RecognitionTask(config, config.vocabulary(), LabelledRows([], [])).network(quantized=False)
    optimizer = build_optimizer(config.train)
    optimizer.build(model.trainable_variables)
    for variable in model.trainable_variables:  # what starts at zero could not be seen to decay
        variable.assign(np.asarray(variable) + 1)
    before = {variable.path: np.asarray(variable).copy() for variable in model.trainable_variables}
    optimizer.apply([np.zeros(variable.shape, np.float32) for variable in model.trainable_variables])
    kinds = {name.rpartition("/")[2] for name in before}
    assert {"kernel", "beta", "gamma"} <= kinds
    for variable in model.trainable_variables:
        still = np.array_equal(np.asarray(variable), before[variable.path])
        if variable.path.endswith(("beta", "gamma")):
            assert still, variable.path
        elif variable.path.endswith("kernel"):
            np.testing.assert_allclose(np.asarray(variable), 0.75 * before[variable.path], rtol=1e-5)


def test_the_same_seed_gives_the_same_weights(crops, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(config_of(crops, tmp_path / name, train_steps=1, train_random_seed=seed, train_need_to_save_log=False))
    arrays = [last_arrays(tmp_path / name)["weights/stem/kernel"] for name in "abc"]
    assert np.array_equal(arrays[0], arrays[1])
    assert not np.array_equal(arrays[0], arrays[2])


# ---- What goes wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("display_iter", [1, 50])
def test_a_loss_that_is_no_number_stops_the_run_before_its_checkpoint(crops, tmp_path, monkeypatch, display_iter):
    class Broken(CTCLoss):
        def call(self, y_true, y_pred):
            return super().call(y_true, y_pred) * math.nan

    monkeypatch.setattr(recognition, "CTCLoss", Broken)
    config = config_of(crops, tmp_path, train_display_iter=display_iter)
    with pytest.raises(
        UserError, match=r"became nan between steps 0 and [12]; start again .* lower train.learning_rate"
    ):
        train(config)
    assert not list_checkpoints(tmp_path)


def test_nothing_but_blanks_for_long_says_what_to_try(tmp_path, capsys):
    config = tiny_config(
        tmp_path, alphabet="A", train_display_iter=300, train_steps=10_000, train_need_to_save_log=False
    )
    run = Run(RecognitionTask(config, config.vocabulary(), LabelledRows([], [])), 0)
    warned = []
    for run.step in range(300, 6001, 300):
        run.show({"ctc": 2.0, "loss": 2.0, "blank_share": 1.0})
        if "writes nothing but blanks" in capsys.readouterr().err:
            warned.append(run.step)
    assert warned == [2100, 3000, 4200, 5100, 6000]  # about every thousand steps, and not while that is to be expected
    run.show({"ctc": 2.0, "loss": 2.0, "blank_share": 0.99})
    assert "blanks" not in capsys.readouterr().err
    run.close()


def test_bad_rows_are_skipped_and_said(crops, tmp_path, capsys):
    rows = [(row.path, row.label) for row in read_annotations(crops / "list.txt")[0]]
    write_annotations(tmp_path / "list.txt", [*rows, ("missing.png", "A"), (rows[0][0], "A" * 30)])
    config = tiny_config(
        tmp_path / "model", train_file_list_path=str(tmp_path / "list.txt"), train_skip_bad_rows=True, train_steps=1
    )
    train(config)
    errors = capsys.readouterr().err
    assert "skipped: " in errors
    assert "missing.png" in errors
    assert "skipped 2 bad rows, 8 are left" in errors
    with pytest.raises(AnnotationError, match=r"list.txt:9: .*missing.png"):
        train(
            config.with_values(
                train=config.train.model_dump() | {"skip_bad_rows": False}, model_dir=str(tmp_path / "x")
            )
        )
    assert not (tmp_path / "x").exists()


def test_no_list_and_nothing_drawn(tmp_path):
    with pytest.raises(ConfigError, match=r"train.file_list_path: expected a list of plates, received none"):
        train(tiny_config(tmp_path))


@pytest.mark.parametrize(("share", "warned"), [(1.0, True), (0.5, False)])
def test_lists_beside_which_all_is_drawn_are_warned_of(crops, tmp_path, share, warned, capsys):
    train(config_of(crops, tmp_path, train_generated_share=share, train_steps=1))
    warning = "warning: train.file_list_path is passed over: train.generated_share=1 draws all"
    assert (warning in capsys.readouterr().err) == warned


def test_eight_bits_from_the_first_step_need_a_checkpoint(crops, tmp_path):
    with pytest.raises(ConfigError, match=r"train.quantization_delay: expected some float steps .*--init_checkpoint"):
        train(config_of(crops, tmp_path, quantization_aware=True, train_quantization_delay=0))


def test_another_model_in_the_folder_is_refused(crops, tmp_path):
    train(config_of(crops, tmp_path, train_steps=1))
    with pytest.raises(ConfigError, match=r"model.ckpt-1.ckpt: was made with other settings .*width_multiplier"):
        train(config_of(crops, tmp_path, width_multiplier=0.3))


def test_too_small_an_input_is_one_line(crops, tmp_path):
    with pytest.raises(ConfigError, match="input_shape: expected an input large enough"):
        train(config_of(crops, tmp_path, input_shape=(12, 94, 3), block_filters=((64,), (64,))))


# ---- What is written -----------------------------------------------------------------------------------------------


def test_what_tensorboard_shows(crops, tmp_path):
    config = config_of(crops, tmp_path, eval_file_list_path=str(crops / "list.txt"), train_opt_type="Adam")
    result = train(config)
    found = logged(tmp_path)
    assert set(found) >= {"loss", "optimization_loss", "learning_rate", "evaluation/lp_rr", "misread"}
    assert list(found["loss"]) == [1, 2, 3, 4]
    assert all(math.isfinite(value) and value > 0 for value in found["loss"].values())
    schedule = Schedule(config.train)
    for step, value in found["learning_rate"].items():
        assert value == pytest.approx(float(schedule(step - 1)))
    assert found["evaluation/lp_rr"] == {2: pytest.approx(0), 4: pytest.approx(result.evaluation.details.lp_rr)}
    assert set(found["misread"]) == {2, 4}


def test_the_log_holds_means_over_what_it_shows(crops, tmp_path):
    """Each point is the mean of its own steps, also where chunks between checkpoints cut across."""
    values = {"train_steps": 4, "train_save_checkpoints_steps": 4, "train_need_to_save_weights": False}
    train(config_of(crops, tmp_path / "each", train_display_iter=1, **values))
    train(config_of(crops, tmp_path / "two", train_display_iter=2, **values))
    each, two = logged(tmp_path / "each")["loss"], logged(tmp_path / "two")["loss"]
    assert two[2] == pytest.approx(np.mean([each[1], each[2]]), rel=1e-4)
    assert two[4] == pytest.approx(np.mean([each[3], each[4]]), rel=1e-4)


def test_drawn_plates_are_held_out_where_there_is_no_list(tmp_path):
    result = train(tiny_config(tmp_path, train_generated_share=1.0, train_steps=1, eval_generated_plates=3))
    assert result.evaluation.details.plates == 3


def test_the_config_is_recorded_before_the_first_step(crops, tmp_path, monkeypatch):
    def fails(*arguments):
        raise RuntimeError("the first step")

    monkeypatch.setattr(Run, "train_phase", fails)
    with pytest.raises(RuntimeError, match="the first step"):
        train(config_of(crops, tmp_path))
    recorded = load_config(tmp_path / "config.yaml")
    labels = [row.label for row in read_annotations(crops / "list.txt")[0]]
    assert recorded.alphabet == tuple(sorted(set("".join(labels))))
    assert recorded.train.file_list_path == (str(crops / "list.txt"),)


def test_a_folder_that_cannot_be_written_shows_before_the_first_step(crops, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"model: cannot be written to"):
        train(config_of(crops, tmp_path / "file" / "model"))


def test_nothing_is_written_where_nothing_is_wanted(crops, tmp_path):
    values = {"train_need_to_save_weights": False, "train_need_to_save_log": False}
    result = train(config_of(crops, tmp_path / "model", eval_file_list_path=str(crops / "list.txt"), **values))
    assert (result.step, result.finished, result.evaluation.details.plates) == (4, True, 8)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("setting", "pattern"), [("train_need_to_save_log", "events*"), ("train_need_to_save_weights", "*.ckpt")]
)
def test_each_record_alone(crops, tmp_path, setting, pattern):
    off = {"train_need_to_save_weights": False, "train_need_to_save_log": False}
    train(config_of(crops, tmp_path, train_steps=1, **off | {setting: True}))
    assert list(tmp_path.glob(pattern))
    assert bool(list(tmp_path.glob("*.ckpt"))) == (setting == "train_need_to_save_weights")
    assert bool(list(tmp_path.glob("events*"))) == (setting == "train_need_to_save_log")


def test_the_last_checkpoints_are_kept(crops, tmp_path):
    train(config_of(crops, tmp_path, train_steps=5, train_save_checkpoints_steps=1, train_checkpoints_to_keep=2))
    assert list(list_checkpoints(tmp_path)) == [4, 5]


def test_a_float_model_is_never_the_best_of_a_run_for_eight_bits(crops, tmp_path):
    train(
        config_of(
            crops, tmp_path, quantization_aware=True, eval_file_list_path=str(crops / "list.txt"),
            train_steps=3, train_save_checkpoints_steps=1, train_checkpoints_to_keep=1,
        )
    )  # fmt: skip
    assert checkpoints.best_step(tmp_path) == 3


def test_what_an_earlier_training_left_has_no_say_in_what_is_best(crops, tmp_path):
    checkpoints.record_evaluation(tmp_path, 1000, (1000, 1.0))
    train(config_of(crops, tmp_path, eval_file_list_path=str(crops / "list.txt"), train_steps=1))
    assert checkpoints.read_best(tmp_path) == (1, 0.0)


def test_a_finished_run_is_finished_at_once(crops, tmp_path):
    config = config_of(crops, tmp_path, train_steps=2)
    train(config)
    before = (tmp_path / "model.ckpt-2.ckpt").stat().st_mtime_ns
    result = train(config)
    assert (result.step, result.finished) == (2, True)
    assert (tmp_path / "model.ckpt-2.ckpt").stat().st_mtime_ns == before


def test_a_checkpoint_killed_before_its_evaluation_is_evaluated_on_resume(crops, tmp_path, monkeypatch):
    config = config_of(crops, tmp_path, eval_file_list_path=str(crops / "list.txt"), train_steps=1)
    with monkeypatch.context() as patch:
        patch.setattr(RecognitionTask, "evaluate", lambda *arguments: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train(config)
    assert list(list_checkpoints(tmp_path)) == [1]
    assert checkpoints.read_best(tmp_path) is None
    assert train(config).evaluation.details.plates == 8
    assert checkpoints.read_best(tmp_path) == (1, 0.0)
    assert train(config).evaluation is None  # once is enough


def test_fine_tuning_with_another_alphabet(crops, trained, tmp_path):
    alphabet = trained.config.alphabet
    wider = ("<New>", *alphabet[:3], "<Newer>", *alphabet[3:])
    config = config_of(crops, tmp_path, alphabet=wider, train_steps=1, train_learning_rate=1e-9)
    train(config, str(trained.floating))
    ours, theirs = last_arrays(tmp_path), load_checkpoint(trained.floating, RecognitionConfig).arrays
    for old, symbol in enumerate(alphabet):
        new = config.alphabet.index(symbol)
        np.testing.assert_allclose(
            ours["weights/classes/kernel"][..., new], theirs["weights/classes/kernel"][..., old], atol=1e-6
        )
    assert load_checkpoint(tmp_path / "model.ckpt-1.ckpt", RecognitionConfig).config.alphabet == config.alphabet


def test_a_resumed_run_keeps_the_alphabet_it_began_with(crops, tmp_path):
    train(config_of(crops, tmp_path / "model", train_steps=1))
    alphabet = load_config(tmp_path / "model" / "config.yaml").alphabet
    rows = read_annotations(crops / "list.txt")[0][:3]
    write_annotations(tmp_path / "fewer.txt", [(row.path, row.label) for row in rows])
    train(tiny_config(tmp_path / "model", train_file_list_path=str(tmp_path / "fewer.txt"), train_steps=2))
    assert load_config(tmp_path / "model" / "config.yaml").alphabet == alphabet
