"""Output and files on systems whose encoding is not UTF-8: nothing ends in a traceback, and results are saved first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_models import ROOT

from lp_recognition.lists.annotations import read_annotations, write_annotations
from lp_recognition.lists.image_lists import write_lists
from lp_recognition.system.errors import AnnotationError
from lp_recognition.system.files import write_text

SCRIPTS = sorted(path.stem for path in ROOT.glob("*.py") if path.name not in ("conftest.py", "setup.py"))
TOOLS = sorted(
    f"lp_recognition.tools.{path.stem}"
    for path in (ROOT / "lp_recognition" / "tools").glob("*.py")
    if "def main(" in path.read_text(encoding="utf-8")
)
TARGETS = [*SCRIPTS, *TOOLS]
#: Pipes of Windows and of old systems, and a whole old system, where even file names are not UTF-8.
OLD_PIPES = [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "cp1252"}, {"PYTHONIOENCODING": "gbk:strict"}]
OLD_SYSTEM = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
ENVIRONMENTS = pytest.mark.parametrize(
    "environment", [*OLD_PIPES, OLD_SYSTEM, {"LC_ALL": "C"}], ids=lambda values: "-".join(values.values())
)
#: A file name that is not UTF-8, as old archives unpack them.
OLD_NAME = os.fsdecode(b"plaque \xe9.png")


def run(*arguments: object, environment: dict[str, str], folder: Path = ROOT) -> tuple[int, bytes, bytes]:
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    result = subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, cwd=folder, timeout=300,
        env={**os.environ, "PYTHONPATH": paths, **environment},
    )  # fmt: skip
    assert b"Traceback" not in result.stderr, result.stderr.decode(errors="replace")
    return result.returncode, result.stdout, result.stderr


@ENVIRONMENTS
def test_help_and_refusals_of_every_script_and_tool(environment):
    code = (
        "import importlib, sys\n"
        "from lp_recognition.system.errors import run_script\n"
        f"for name in {TARGETS}:\n"
        "    module = importlib.import_module(name)\n"
        "    for option, expected in (('--help', 0), ('--\\u7696=\\u00dc', 2)):\n"
        "        sys.argv = [name, option]\n"
        "        try: run_script(module.main)\n"
        "        except SystemExit as end: assert (end.code or 0) == expected, (name, option, end.code)\n"
    )
    status, output, errors = run("-c", code, environment=environment)
    assert status == 0, errors
    assert output.count(b"usage:") == len(TARGETS)


@ENVIRONMENTS
def test_a_chinese_plate_is_read_and_printed(crops, environment):
    row = read_annotations(crops / "list.txt")[0][0]
    picture = crops / "plate.png"
    picture.write_bytes(row.path.read_bytes())
    status, output, errors = run("-m", "utils.read", picture, environment=environment)
    assert (status, errors) == (0, b"")
    encoding = environment.get("PYTHONIOENCODING", "ascii" if environment is OLD_SYSTEM else "utf-8").partition(":")[0]
    [line] = output.decode(encoding).splitlines()
    text = line.split(" ")[-2]
    assert ("\\u" in text) == (encoding in ("ascii", "cp1252"))  # a character the pipe has no word for


@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes, as on Linux")
@pytest.mark.parametrize("environment", [{}, *OLD_PIPES], ids=str)
def test_an_image_whose_name_is_not_utf8_is_read(crops, tmp_path, environment):
    (tmp_path / OLD_NAME).write_bytes(read_annotations(crops / "list.txt")[0][0].path.read_bytes())
    status, output, errors = run("-m", "utils.read", tmp_path / OLD_NAME, environment=environment)
    assert (status, errors) == (0, b"")
    assert b"plaque \\udce9.png" in output
    status, _, errors = run("-m", "utils.read", tmp_path / "x" / OLD_NAME, environment=environment)
    assert status == 2
    assert errors.startswith(b"error: ")


def test_a_file_name_the_system_cannot_write_is_one_line_with_the_way_out(crops):
    command = ["-m", "utils.check_annotations", crops / "list.txt", "--html", crops / "page.html", "--workers", "1"]
    status, _, errors = run(*command, environment=OLD_SYSTEM)
    assert status == 2
    assert errors.startswith(b"error: ")
    assert b"PYTHONUTF8=1" in errors
    status, _, _ = run(*command, environment={**OLD_SYSTEM, "PYTHONUTF8": "1"})  # the hint, followed
    assert status in (0, 1)


@pytest.mark.parametrize("environment", OLD_PIPES, ids=str)
def test_checks_are_saved_and_printed(crops, tmp_path, environment):
    command = ["-m", "utils.check_annotations", crops / "list.txt", "--html", tmp_path / "page.html", "--workers", "1"]
    status, output, _ = run(*command, environment=environment)
    assert status in (0, 1)
    assert b"8 rows" in output
    assert read_annotations(crops / "list.txt")[0][0].label in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("environment", "closed"), [({"PYTHONIOENCODING": "ascii"}, ""), ({}, ">&-"), ({}, "|true")])
def test_eval_saves_whatever_becomes_of_its_output(crops, tmp_path, environment, closed):
    """An encoding, no standard output at all, or a reader of it that goes away at once."""
    folder = tmp_path / "结果"
    command = (
        f"{sys.executable} eval_lpr.py pretrained/lprnet_nano_cn/config.yaml --model lprnet_nano_cn "
        f'"eval.file_list_path={crops / "list.txt"}" "eval.output_dir={folder}" {closed}'
    )
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, cwd=ROOT, timeout=300,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert (result.returncode, b"Traceback" in result.stderr) == (0, False), result.stderr[-2000:]
    assert json.loads((folder / "eval.json").read_text(encoding="utf-8"))["plates"] == 8
    assert (folder / "eval.csv").exists()


def test_reading_a_list_saves_before_it_prints(trained, crops, tmp_path, monkeypatch):
    import test_lpr

    def gone(*arguments, **options):
        raise BrokenPipeError

    monkeypatch.setattr("builtins.print", gone)
    arguments = [str(trained.folder / "config.yaml"), f"infer.file_list_path={crops / 'paths.txt'}"]
    with pytest.raises(BrokenPipeError):
        test_lpr.main([*arguments, "--checkpoint", str(trained.checkpoint), f"infer.output_dir={tmp_path}"])
    assert len((tmp_path / "predictions.csv").read_text(encoding="utf-8").splitlines()) == 9


def test_a_text_file_may_name_any_file(tmp_path):
    write_text(tmp_path / "x.json", json.dumps({"path": OLD_NAME}, ensure_ascii=False))
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8")) == {"path": OLD_NAME}
    write_text(tmp_path / "x.txt", f"皖 {OLD_NAME}\n")
    assert (tmp_path / "x.txt").read_text(encoding="utf-8") == "皖 plaque \\udce9.png\n"


@pytest.mark.parametrize("name", ["list.txt", "list.csv"])
def test_a_list_names_only_what_can_be_found_again(tmp_path, name):
    with pytest.raises(AnnotationError, match=r"expected a path in UTF-8, received 'plaque \\udce9.png'; rename"):
        write_lists({tmp_path / name: [(OLD_NAME, "A1")]}, overwrite=False)
    with pytest.raises(AnnotationError, match="expected a path in UTF-8"):
        write_annotations(tmp_path / name, [(Path(OLD_NAME), "")])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes, as on Linux")
def test_a_list_of_a_folder_with_such_a_name_is_one_line(crops, tmp_path):
    (tmp_path / OLD_NAME).write_bytes(read_annotations(crops / "list.txt")[0][0].path.read_bytes())
    command = ["-m", "utils.create_files_list", tmp_path, "--output", tmp_path / "list.txt"]
    status, _, errors = run(*command, environment={"PYTHONIOENCODING": "ascii"})
    assert status == 2
    assert errors.startswith(b"error: ")
    assert b"rename" in errors
