"""How scripts end: one line and status 2 for a user's mistake, a traceback for ours."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lp_recognition.system.errors import ConfigError, UserError, did_you_mean, print_anything, run_script, summarize


@pytest.mark.parametrize(
    ("problems", "line"),
    [
        (["a"], "a"),
        (["a", "b"], "a; b"),
        (list("abcde"), "a; b; c; d; e"),
        (list("abcdef"), "a; b; c; d; e; and 1 more"),
        ([], ""),
    ],
)
def test_first_few_of_many(problems, line):
    assert summarize(problems) == line


def test_nearest_choice():
    assert did_you_mean("bacth", ["batch", "steps"]) == " Did you mean `batch`?"
    assert did_you_mean("zzz", ["batch", "steps"]) == ""
    assert did_you_mean("batch", []) == ""


def ending(main, capsys) -> tuple[int, str]:
    with pytest.raises(SystemExit) as caught:
        run_script(main)
    return caught.value.code, capsys.readouterr().err


def raising(error):
    def main(argv):
        raise error

    return main


def test_status_of_a_script(capsys):
    assert ending(lambda argv: None, capsys) == (0, "")
    assert ending(lambda argv: 3, capsys) == (3, "")
    assert ending(raising(UserError("x.txt:3: wrong")), capsys) == (2, "error: x.txt:3: wrong\n")
    assert ending(raising(ConfigError("bad key")), capsys) == (2, "error: bad key\n")
    assert ending(raising(UserError("a\nb.txt: wrong\n")), capsys) == (2, "error: a b.txt: wrong\n")
    assert ending(raising(KeyboardInterrupt()), capsys) == (130, "interrupted\n")


def test_errors_of_the_system_that_name_a_file(capsys):
    assert ending(raising(FileNotFoundError(2, "No such file or directory", "a b.txt")), capsys) == (
        2, "error: a b.txt: No such file or directory\n",
    )  # fmt: skip
    assert ending(raising(OSError(28, "No space left on device")), capsys) == (2, "error: No space left on device\n")


@pytest.mark.parametrize("error", [ValueError("ours"), OSError("ours"), AssertionError()])
def test_a_defect_keeps_its_traceback(error):
    with pytest.raises(type(error)):
        run_script(raising(error))


@pytest.mark.parametrize(("code", "status"), [(None, 0), (0, 0), (2, 2), ("in words", "in words")])
def test_a_script_that_exits_by_itself_keeps_its_status(capsys, code, status):
    assert ending(raising(SystemExit(code)), capsys) == (status, "")


def test_a_package_that_an_extra_installs_is_one_line_and_another_a_defect(capsys, monkeypatch):
    missing = ModuleNotFoundError("No module named 'tqdm'", name="tqdm")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    status, line = ending(raising(missing), capsys)
    assert status == 2
    assert line.startswith("error: expected the package tqdm, which this command needs, received none; ")
    with pytest.raises(ModuleNotFoundError):
        run_script(raising(ModuleNotFoundError("No module named 'ours'", name="ours")))


def test_a_file_name_beyond_the_encoding_of_the_system_is_one_line(capsys, monkeypatch):
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "latin-1")
    status, line = ending(raising(UnicodeEncodeError("latin-1", "图.png", 0, 1, "no")), capsys)
    assert status == 2
    assert line.startswith("error: 图.png: expected a file name in this system's encoding, latin-1, received one")
    assert line.endswith("PYTHONUTF8=1\n")


@pytest.mark.parametrize(("encoding", "system"), [("utf-8", "utf-8"), ("ascii", "latin-1"), ("UTF8", "UTF8")])
def test_other_characters_that_cannot_be_encoded_are_a_defect(monkeypatch, encoding, system):
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: system)
    with pytest.raises(UnicodeEncodeError):
        run_script(raising(UnicodeEncodeError(encoding, "图", 0, 1, "no")))


def test_streams_take_any_text_and_may_be_missing(monkeypatch, tmp_path):
    old = (tmp_path / "old").open("w", encoding="ascii")
    with old:
        monkeypatch.setattr(sys, "stdout", old)
        monkeypatch.setattr(sys, "stderr", None)
        print_anything()
        print("皖 \udce9")
        print("lost", file=sys.stderr)
        sys.stderr.close()
    assert (tmp_path / "old").read_text(encoding="ascii") == "\\u7696 \\udce9\n"


@pytest.mark.skipif(os.name != "posix", reason="pipes as on POSIX")
def test_a_reader_that_goes_away_is_no_error():
    code = (
        "from lp_recognition.system.errors import run_script\n"
        "def main(argv):\n"
        "    for i in range(200000): print(i)\n"
        "run_script(main)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=30), errors) == (0, b"")
