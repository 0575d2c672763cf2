"""Every script by its command line: eight tiny plates for two steps, --help at once, every shipped config."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_models import ROOT, tiny_config

import eval_lpr
import export_frozen_graph
import infer_frozen_graph_single_image
import infer_tflite_single_image
import test_lpr
import train_lpr
from lp_recognition.lists.annotations import read_annotations
from lp_recognition.model_files.checkpoints import list_checkpoints
from lp_recognition.settings.loading import save_settings
from lp_recognition.settings.tasks import load_config

ROOT_SCRIPTS = sorted(path.name for path in ROOT.glob("*.py") if path.name not in ("conftest.py", "setup.py"))
UTILS = sorted(path.stem for path in (ROOT / "utils").glob("*.py") if path.stem != "__init__")


@pytest.fixture
def config_file(tmp_path) -> str:
    save_settings(tiny_config(tmp_path / "model", quantization_aware=True), tmp_path / "tiny.yaml")
    return str(tmp_path / "tiny.yaml")


# ---- The workflow --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_train_two_steps_and_go_on(config_file, crops, tmp_path, capsys):
    overrides = [f"train.file_list_path={crops / 'list.txt'}", f"eval.file_list_path={crops / 'list.txt'}"]
    assert train_lpr.main([config_file, *overrides, "train.steps=2", "train.quantization_delay=1"]) == 0
    output = capsys.readouterr().out
    assert f"finished: step 2 of 2, checkpoints in {tmp_path / 'model'}" in output
    assert "LP-RR" in output
    assert list(list_checkpoints(tmp_path / "model")) == [1, 2]
    assert train_lpr.main([str(tmp_path / "model" / "config.yaml"), "train.steps=3"]) == 0  # by the recorded config
    assert "finished: step 3 of 3" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_train_from_a_checkpoint(config_file, crops, trained, tmp_path, capsys):
    arguments = [config_file, f"train.file_list_path={crops / 'list.txt'}", "train.steps=2"]
    assert train_lpr.main([*arguments, "--init_checkpoint", str(trained.floating)]) == 0
    assert load_config(tmp_path / "model" / "config.yaml").train.quantization_delay == 0


@pytest.mark.parametrize("kind", ["checkpoint", "graph", "tflite"])
def test_eval(trained, graph, tflite, crops, tmp_path, capsys, kind):
    path = {"checkpoint": trained.checkpoint, "graph": graph, "tflite": tflite}[kind]
    option = "--checkpoint" if kind == "checkpoint" else "--model"
    arguments = [str(trained.folder / "config.yaml"), f"eval.file_list_path={crops / 'list.txt'}"]
    assert eval_lpr.main([*arguments, f"eval.output_dir={tmp_path}", option, str(path)]) == 0
    output = capsys.readouterr().out
    assert "100.0% (8 right" in output
    assert f"model: {path}" in output
    assert json.loads((tmp_path / "eval.json").read_text(encoding="utf-8"))["lp_rr"] == 1
    assert len((tmp_path / "eval.csv").read_text(encoding="utf-8").splitlines()) == 9


def test_eval_of_the_best_checkpoint_writes_beside_it(trained, capsys):
    assert eval_lpr.main([str(trained.folder / "config.yaml"), "eval.beam_width=3"]) == 0
    output = capsys.readouterr().out
    assert f"model: {trained.checkpoint}" in output
    folder = Path(output.splitlines()[-1].partition(": eval.json")[0])
    assert folder.parent == trained.folder / "eval"
    assert json.loads((folder / "eval.json").read_text(encoding="utf-8"))["settings"]["eval"]["beam_width"] == 3


def test_eval_on_drawn_plates(trained, tmp_path, capsys):
    overrides = ["eval.file_list_path=[]", "train.generated_share=1", "eval.generated_plates=3"]
    assert eval_lpr.main([str(trained.folder / "config.yaml"), *overrides, f"eval.output_dir={tmp_path}"]) == 0
    assert "plates: drawn, held out" in capsys.readouterr().out


def test_read_a_list(trained, tflite, crops, tmp_path, capsys):
    arguments = [str(trained.folder / "config.yaml"), f"infer.file_list_path={crops / 'paths.txt'}"]
    for number, option in enumerate((["--checkpoint", str(trained.checkpoint)], ["--model", str(tflite)])):
        folder = tmp_path / str(number)
        assert test_lpr.main([*arguments, f"infer.output_dir={folder}", *option]) == 0
        lines = capsys.readouterr().out.splitlines()
        for line, row in zip(lines, read_annotations(crops / "list.txt")[0], strict=False):
            assert line.startswith(f"{row.path} {row.label} ")
        assert len(list(folder.glob("*.png"))) == 9


def test_export_says_how_to_convert(trained, tmp_path, capsys):
    arguments = [str(trained.folder / "config.yaml"), "--output_dir", str(tmp_path / "graph")]
    assert export_frozen_graph.main([*arguments, "--checkpoint", str(trained.checkpoint)]) == 0
    output = capsys.readouterr().out
    assert "--inference_type=QUANTIZED_UINT8 --mean_values=128 --std_dev_values=127" in output
    assert (tmp_path / "graph" / "graph.pb.frozen").exists()
    assert load_config(tmp_path / "graph" / "config.yaml").alphabet == trained.config.alphabet


@pytest.mark.parametrize("kind", ["graph", "tflite"])
def test_one_image(trained, graph, tflite, crops, tmp_path, capsys, kind):
    script, model = {
        "graph": (infer_frozen_graph_single_image, graph),
        "tflite": (infer_tflite_single_image, tflite),
    }[kind]
    row = read_annotations(crops / "list.txt")[0][0]
    arguments = [str(model), str(row.path), "--config", str(trained.folder / "config.yaml")]
    assert script.main([*arguments, "--output", str(tmp_path / "picture.png")]) == 0
    first, *others = capsys.readouterr().out.splitlines()
    assert first.split(" ")[0] == row.label
    assert [line.split()[0] for line in others] == list(row.label)
    assert (tmp_path / "picture.png").exists()


# ---- Command lines -------------------------------------------------------------------------------------------------


def help_of(target: str, how: str) -> subprocess.CompletedProcess[str]:
    code = (
        f"import runpy, sys; sys.argv = [{target!r}, '--help']\n"
        f"try: runpy.{how}({target!r}, run_name='__main__')\n"
        "except SystemExit as end: assert not end.code\n"
        "print('heavy:', *sorted({'keras', 'tensorflow', 'jax', 'torch', 'grain'} & set(sys.modules)))"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)


@pytest.mark.parametrize(
    ("target", "how"),
    [*((name, "run_path") for name in ROOT_SCRIPTS), *((f"utils.{name}", "run_module") for name in UTILS)],
)
def test_help_is_instant(target, how):
    result = help_of(target, how)
    assert result.returncode == 0, result.stderr
    assert "usage:" in result.stdout
    assert "example" in result.stdout or target not in ROOT_SCRIPTS
    assert result.stdout.splitlines()[-1] == "heavy:"
    assert result.stderr == ""


def test_the_scripts_of_the_workflow_and_the_one_command_are_there():
    assert ROOT_SCRIPTS == [
        "alpr.py", "eval_lpd.py", "eval_lpr.py", "export_frozen_graph.py", "infer_frozen_graph_single_image.py",
        "infer_tflite_single_image.py", "sample_inference.py", "test_lpd.py", "test_lpr.py", "train_lpd.py",
        "train_lpr.py",
    ]  # fmt: skip


@pytest.mark.parametrize("script", [train_lpr, eval_lpr, test_lpr, export_frozen_graph])
def test_an_unknown_option_is_refused(script, capsys):
    with pytest.raises(SystemExit) as caught:
        script.main(["config", "--no_such_option"])
    assert caught.value.code == 2
    assert "--no_such_option" in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted((ROOT / "config").rglob("*.py")), ids=lambda path: path.name)
def test_every_config_loads_and_takes_overrides(path):
    config = load_config(path)
    changed = load_config(path, ["train.batch_size=7", "eval.file_list_path=[a.txt,b.txt]", "model_dir=2024"])
    assert (changed.train.batch_size, changed.eval.file_list_path, changed.model_dir) == (7, ("a.txt", "b.txt"), "2024")
    assert changed.input_shape == config.input_shape
    assert Path(path).read_text(encoding="utf-8").startswith('"""')
