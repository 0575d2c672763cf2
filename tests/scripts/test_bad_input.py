"""Bad input ends as one `error:` line and status 2, before any training; and nothing is lost."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_models import ROOT, run_python, tiny_config

import eval_lpr
import export_frozen_graph
import infer_frozen_graph_single_image
import infer_tflite_single_image
import test_lpr
import train_lpr
from lp_recognition.lists.annotations import read_annotations
from lp_recognition.model_files import checkpoints
from lp_recognition.model_files.checkpoints import list_checkpoints
from lp_recognition.settings.loading import save_settings
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import run_script
from lp_recognition.training.run import Run


@pytest.fixture
def fails(monkeypatch, capsys) -> Callable[..., str]:
    """Runs a script that must end with status 2, and returns its one line."""

    def run(script, *arguments: object, progress: bool = False) -> str:
        monkeypatch.setattr(sys, "argv", [script.__name__, *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            run_script(script.main)
        errors = capsys.readouterr().err
        assert caught.value.code == 2, errors
        assert "Traceback" not in errors
        *before, line = errors.strip().splitlines()
        assert progress or not before, errors
        assert line.startswith("error: ")
        return line

    return run


@pytest.fixture
def rows(crops) -> list[str]:
    """The eight good rows, by absolute paths."""
    return [f"{row.path} {row.label}" for row in read_annotations(crops / "list.txt")[0]]


@pytest.fixture
def training_of(tmp_path) -> Callable[..., list[str]]:
    """The arguments of a training on a list with the given rows."""

    def arguments(rows: list[str], **values) -> list[str]:
        (tmp_path / "list.txt").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
        config = tiny_config(tmp_path / "model", train_file_list_path=str(tmp_path / "list.txt"), **values)
        save_settings(config, tmp_path / "tiny.yaml")
        return [str(tmp_path / "tiny.yaml")]

    return arguments


def write(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return path.name


# ---- Lists ---------------------------------------------------------------------------------------------------------


def bad_rows(tmp_path: Path) -> dict[str, tuple[str, str]]:
    """A bad row of each kind, and what is said of it."""
    return {
        "missing image": ("gone.png AB", r"expected an image, received .*No such file"),
        "folder for an image": (". AB", "expected an image, received .*directory"),
        "text for an image": (write(tmp_path / "text.png", b"hello") + " AB", "expected an image, received 5 bytes"),
        "empty image": (write(tmp_path / "empty.png", b"") + " AB", "expected an image, received 0 bytes"),
        "row without a label": ("alone.png", r"expected 'path LABEL', received 'alone.png'"),
        "character outside of the alphabet": (
            "{good} AB?",
            r"expected characters of the alphabet, received '\?' in 'AB\?'",
        ),
        "label longer than max_lp_length": ("{good} ABABABABABAB", "expected at most 8 characters .*received 12"),
        "label too long for the time steps": (
            "{good} AAAAAAAA",
            "expected a label of at most 14 time steps .*received 15",
        ),
    }


KINDS = [
    "missing image", "folder for an image", "text for an image", "empty image", "row without a label",
    "character outside of the alphabet", "label longer than max_lp_length", "label too long for the time steps",
]  # fmt: skip
#: 14 time steps: the width of 34 less the pools.
NARROW = {"input_shape": (24, 34, 3), "max_lp_length": 8, "head_kernel_width": 3}


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_row_is_named_by_file_and_line(kind, rows, tmp_path, training_of, fails):
    row, said = bad_rows(tmp_path)[kind]
    alphabet = "".join(sorted({*"".join(row.rsplit(" ", 1)[1] for row in rows), "A", "B"}))
    row = row.format(good=rows[0].rsplit(" ", 1)[0])
    arguments = training_of([*rows[:3], row, *rows[3:]], alphabet=alphabet, **NARROW)
    line = fails(train_lpr, *arguments)
    assert re.match(rf"error: {re.escape(str(tmp_path))}/list.txt:4: .*{said}", line), line
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_skip_bad_rows_goes_on_and_counts(kind, rows, tmp_path, training_of, capsys):
    row, _ = bad_rows(tmp_path)[kind]
    alphabet = "".join(sorted({*"".join(row.rsplit(" ", 1)[1] for row in rows), "A", "B"}))
    row = row.format(good=rows[0].rsplit(" ", 1)[0])
    arguments = training_of([row, *rows], alphabet=alphabet, train_steps=1, **NARROW)
    with pytest.MonkeyPatch.context() as patch:  # the rows are what this looks at, not the steps
        patch.setattr(Run, "train_phase", lambda *arguments: None)
        train_lpr.main([*arguments, "train.skip_bad_rows=True"])
    errors = capsys.readouterr().err
    assert "skipped 1 bad rows, 8 are left" in errors
    assert f"skipped: {tmp_path}/list.txt:1: " in errors


def test_the_first_few_of_many(rows, training_of, fails):
    line = fails(train_lpr, *training_of([*rows, *(f"gone{number}.png AB" for number in range(30))]))
    for number in range(5):
        assert f"list.txt:{9 + number}: " in line
    assert "gone5.png" not in line
    assert line.endswith("; and 25 more (30 bad rows; train.skip_bad_rows=True leaves them out)")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "list.txt: expected rows of 'path LABEL', received an empty list"),
        (b"\n \n", "list.txt: expected rows of 'path LABEL', received an empty list"),
        ("京.png 京A".encode("gb18030"), "list.txt: expected UTF-8 text, received byte 0 of another encoding"),
        (None, "list.txt: expected a list of images, received no such file"),
    ],
)
@pytest.mark.parametrize("script", [train_lpr, eval_lpr, test_lpr])
def test_a_list_that_is_none(script, data, said, training_of, trained, tmp_path, fails):
    arguments = training_of([])
    if data is None:
        (tmp_path / "list.txt").unlink()
    else:
        (tmp_path / "list.txt").write_bytes(data)
    section = {train_lpr: "train", eval_lpr: "eval", test_lpr: "infer"}[script]
    model = [] if script is train_lpr else ["--checkpoint", trained.checkpoint]
    if script is not train_lpr:
        arguments = [str(trained.folder / "config.yaml")]
    line = fails(script, *arguments, f"{section}.file_list_path={tmp_path / 'list.txt'}", *model)
    assert (said if script is not test_lpr else said.replace("path LABEL", "path")) in line


def test_a_bad_row_of_the_evaluation_shows_before_training(rows, tmp_path, training_of, fails):
    (tmp_path / "eval.txt").write_text("gone.png AB\n")
    line = fails(train_lpr, *training_of(rows, eval_file_list_path=str(tmp_path / "eval.txt")))
    assert "eval.txt:1: " in line
    assert not list_checkpoints(tmp_path / "model")


@pytest.mark.parametrize("script", [eval_lpr, test_lpr])
def test_a_missing_image_of_a_list_to_read(script, trained, tmp_path, fails):
    (tmp_path / "list.txt").write_text("gone.png AB\n" if script is eval_lpr else "gone.png\n")
    section = "eval" if script is eval_lpr else "infer"
    overrides = [f"{section}.file_list_path={tmp_path / 'list.txt'}", f"{section}.output_dir={tmp_path / 'out'}"]
    line = fails(script, trained.folder / "config.yaml", *overrides)
    assert "list.txt:1: " in line
    assert not (tmp_path / "out").exists()


# ---- Configs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class train:\n    bacth_size = 3\n", "unknown key `train.bacth_size`. Did you mean `train.batch_size`?"),
        ("class train:\n    batch_size = 'many'\n", "train.batch_size: expected a valid integer, .*received 'many'"),
        (
            "class train:\n    steps = 3\n    steps = 4\n",
            r"x.py:3: expected `steps` once, received it again \(first in line 2\)",
        ),
        ("input_shape = (24, 94, 2)\n", "input_shape: expected 1 or 3 channels, received 2"),
        ("input_shape = (24 94)\n", "x.py:1: expected a config, received SyntaxError"),
        ("alphabet = 'AAB'\n", "alphabet: expected each character once, received A twice"),
        ("base = 'gone.py'\n", "gone.py: expected a config, received no such file"),
    ],
)
@pytest.mark.parametrize("script", [train_lpr, eval_lpr, test_lpr, export_frozen_graph])
def test_a_bad_config(script, text, said, tmp_path, fails):
    (tmp_path / "x.py").write_text(text)
    line = fails(script, tmp_path / "x.py")
    assert re.search(said, line), line
    assert str(tmp_path) in line


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.bacth_size=3", "command line: unknown key `train.bacth_size`. Did you mean `train.batch_size`?"),
        ("train.batch_size=many", "command line: train.batch_size: expected a valid integer"),
        ("train.batch_size", "command line: expected section.key=value, received `train.batch_size`"),
    ],
)
@pytest.mark.parametrize("script", [train_lpr, eval_lpr, test_lpr, export_frozen_graph])
def test_a_bad_override(script, override, said, fails):
    assert said in fails(script, "config", override)
    assert "once, received it twice" in fails(script, "config", "train.steps=3", "train.steps=4")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("max_lp_length=6", r"cn_blue: expected at most 6 characters .*received texts of 7"),
        ("alphabet=京ABC123", r"train\.plate_formats: cn_blue: .*"),
    ],
)
def test_a_drawn_format_that_the_model_cannot_write(override, said, fails, tmp_path):
    line = fails(train_lpr, "config/default.py", override, f"model_dir={tmp_path}")
    assert re.search(said, line)


@pytest.mark.slow
def test_a_run_that_would_end_before_quantization_starts(rows, training_of, trained, fails):
    late = [*training_of(rows), "quantization_aware=true", "train.steps=2", "train.quantization_delay=3"]
    assert "expected at most train.steps (2), received 3" in fails(train_lpr, *late)
    assert train_lpr.main([*late, "--init_checkpoint", str(trained.floating)]) == 0  # it starts in 8 bits at once


def test_too_small_an_input(rows, training_of, fails, tmp_path):
    line = fails(
        train_lpr, *training_of(rows, input_shape=(12, 24, 3), stem_pool_strides=(2, 2), block_filters=((64,), (64,)))
    )
    assert "input_shape: expected" in line
    assert not list_checkpoints(tmp_path / "model")


# ---- Models --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (
            "width_multiplier=0.5",
            "was made with other settings of the model: width_multiplier: expected 0.25, received 0.5; give the config "
            "that it was made with",
        ),
        ("global_context=none", "global_context: expected 'convolutional', received 'none'"),
        ("alphabet=ABC", "alphabet: expected .*, received ABC"),
        ("symmetric_range=False", "symmetric_range: expected True, received False"),
    ],
)
@pytest.mark.parametrize("script", [eval_lpr, test_lpr, export_frozen_graph, train_lpr])
def test_a_checkpoint_of_another_architecture_or_alphabet(script, override, said, trained, crops, fails, tmp_path):
    arguments: list[object] = [trained.folder / "config.yaml", override]
    if script is test_lpr:
        arguments.append(f"infer.file_list_path={crops / 'paths.txt'}")
    line = fails(script, *arguments)
    assert re.search(rf"model.ckpt-140.ckpt: .*{said}", line), line


def test_an_init_checkpoint_of_another_architecture(rows, training_of, trained, fails):
    arguments = training_of(rows, head_kernel_width=7)
    line = fails(train_lpr, *arguments, "--init_checkpoint", trained.checkpoint)
    assert re.search(r"model.ckpt-140.ckpt: is of another architecture: classes/kernel: expected .*, received", line)


def test_no_checkpoint(tmp_path, crops, fails):
    save_settings(tiny_config(tmp_path / "model"), tmp_path / "tiny.yaml")
    for script in (eval_lpr, export_frozen_graph):
        assert "expected a checkpoint model.ckpt-<step>.ckpt, received none" in fails(script, tmp_path / "tiny.yaml")
        line = fails(script, tmp_path / "tiny.yaml", "--checkpoint", tmp_path / "gone.ckpt")
        assert "gone.ckpt: expected a checkpoint, received no such file" in line


@pytest.fixture
def cut(tmp_path) -> Callable[[Path], Path]:
    """The first half of a file."""

    def half(path: Path) -> Path:
        target = tmp_path / path.name
        data = path.read_bytes()
        target.write_bytes(data[: len(data) // 2])
        return target

    return half


def test_a_checkpoint_cut_short(trained, crops, cut, fails, tmp_path, training_of, rows):
    config = trained.folder / "config.yaml"
    for script in (eval_lpr, export_frozen_graph):
        line = fails(script, config, "--checkpoint", cut(trained.checkpoint))
        assert "expected a checkpoint, received a file that is none or cut short" in line
    line = fails(train_lpr, *training_of(rows), "--init_checkpoint", cut(trained.checkpoint))
    assert "none or cut short" in line


@pytest.mark.parametrize("kind", ["graph", "tflite"])
def test_a_deployed_file_cut_short(kind, graph, tflite, trained, crops, cut, fails):
    config, model = trained.folder / "config.yaml", cut({"graph": graph, "tflite": tflite}[kind])
    script = {"graph": infer_frozen_graph_single_image, "tflite": infer_tflite_single_image}[kind]
    image = read_annotations(crops / "list.txt")[0][0].path
    assert f"{model}: expected" in fails(eval_lpr, config, "--model", model)
    assert f"{model}: expected" in fails(
        test_lpr, config, f"infer.file_list_path={crops / 'paths.txt'}", "--model", model
    )
    assert f"{model}: expected" in fails(script, model, image, "--config", config)


def test_one_image_that_is_none(graph, tflite, trained, fails, tmp_path):
    config = trained.folder / "config.yaml"
    assert "gone.png: expected an image" in fails(
        infer_tflite_single_image, tflite, tmp_path / "gone.png", "--config", config
    )
    (tmp_path / "text.png").write_text("hello")
    line = fails(infer_frozen_graph_single_image, graph, tmp_path / "text.png", "--config", config)
    assert "text.png: expected an image, received 5 bytes" in line


# ---- Disks ---------------------------------------------------------------------------------------------------------


def test_a_folder_for_results_is_tried_before_the_evaluation(trained, crops, tmp_path, fails, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(
        "lp_recognition.evaluation.recognition.evaluate", lambda *arguments: pytest.fail("it was measured for nothing")
    )
    overrides = [f"eval.file_list_path={crops / 'list.txt'}", f"eval.output_dir={tmp_path / 'file' / 'out'}"]
    line = fails(eval_lpr, trained.folder / "config.yaml", *overrides)
    assert line.startswith(f"error: {tmp_path / 'file' / 'out'}: cannot be written to: ")


def test_a_folder_that_cannot_be_written(rows, training_of, trained, graph, tflite, crops, tmp_path, fails):
    """As read-only, for any user: the folder's parent is a file."""
    (tmp_path / "file").write_text("")
    target, config = tmp_path / "file" / "x", trained.folder / "config.yaml"
    said = "cannot be written: Not a directory; nothing there was changed"
    before = f"{target}: cannot be written to: Not a directory"  # before hours of training and evaluation
    assert before in fails(train_lpr, *training_of(rows), f"model_dir={target}")
    assert before in fails(eval_lpr, config, f"eval.output_dir={target}")
    assert said in fails(export_frozen_graph, config, "--output_dir", target)
    assert before in fails(
        test_lpr, config, f"infer.file_list_path={crops / 'paths.txt'}", f"infer.output_dir={target}"
    )
    image = read_annotations(crops / "list.txt")[0][0].path
    line = fails(infer_tflite_single_image, tflite, image, "--config", config, "--output", target / "picture.png")
    assert said in line


@pytest.mark.usefixtures("eager")
def test_a_log_that_cannot_be_written(rows, training_of, tmp_path, fails):
    (tmp_path / "file").write_text("")
    line = fails(
        train_lpr, *training_of(rows), f"model_dir={tmp_path / 'file' / 'x'}", "train.need_to_save_weights=False"
    )
    assert str(tmp_path / "file") in line


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_a_disk_that_fills_up_keeps_the_earlier_checkpoint(rows, training_of, tmp_path, fails, monkeypatch):
    arguments = training_of(rows, train_steps=3, train_save_checkpoints_steps=1, train_checkpoints_to_keep=1)
    write_whole = np.savez

    def full(file, *arrays, **named):
        if "model.ckpt-2" in file.name:
            file.write(b"half")
            raise OSError(28, "No space left on device")
        write_whole(file, *arrays, **named)

    monkeypatch.setattr(np, "savez", full)
    line = fails(train_lpr, *arguments, progress=True)
    assert "model.ckpt-2.ckpt: cannot be written: No space left on device" in line
    assert list(list_checkpoints(tmp_path / "model")) == [1]
    assert checkpoints.load_checkpoint(tmp_path / "model" / "model.ckpt-1.ckpt", RecognitionConfig).step == 1
    assert not list((tmp_path / "model").glob(".*"))
    monkeypatch.undo()
    assert train_lpr.main(arguments) == 0  # space was made: it goes on
    assert list(list_checkpoints(tmp_path / "model")) == [3]


# ---- As a user sees it ---------------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_printing_to_a_full_disk_is_one_line():
    import subprocess

    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "eval_lpr.py", "--help"], stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT
        )
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_a_process_ends_with_one_line_and_status_2(rows, training_of, tmp_path):
    arguments = training_of([*rows, "gone.png AB"])
    for script, more in (("train_lpr.py", []), ("eval_lpr.py", ["--model", str(tmp_path / "gone.tflite")])):
        result = run_python(script, *arguments, *more)
        assert result.returncode == 2
        assert result.stdout == ""
        assert re.fullmatch(r"error: .*expected .*, received .*\n", result.stderr), result.stderr
