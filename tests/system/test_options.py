"""Command lines: help that shows how a script was called, and mistakes in one line."""

from __future__ import annotations

import importlib
import re
import sys
from importlib.machinery import ModuleSpec
from types import SimpleNamespace

import pytest
from tiny_models import ROOT

from lp_recognition.system.options import ScriptParser, as_called, as_subcommand, called_as

#: The tools that are command lines, and not helpers of some.
TOOLS = [
    path.stem
    for path in sorted((ROOT / "lp_recognition" / "tools").glob("*.py"))
    if "\ndef main(" in path.read_text(encoding="utf-8")
]


#: The modules of those command lines that take a config and overrides.
WITH_OVERRIDES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted([*ROOT.glob("*.py"), *(ROOT / "lp_recognition" / "tools").glob("*.py")])
    if 'metavar="key=value"' in (text := path.read_text(encoding="utf-8")) and "\ndef main(" in text
]


@pytest.fixture
def called(monkeypatch):
    """Pretends that this program was started as a module or as a file."""

    def start(program: str, module: str = "") -> None:
        spec = ModuleSpec(module, None) if module else None
        monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(__spec__=spec))
        monkeypatch.setattr(sys, "argv", [program])

    return start


@pytest.mark.parametrize(
    ("program", "module", "shown"),
    [
        ("/clone/utils/read.py", "utils.read", "python -m utils.read"),
        ("/site/lp_recognition/tools/read.py", "lp_recognition.tools.read", "python -m lp_recognition.tools.read"),
        ("/site/x/__main__.py", "x.__main__", "python -m x"),
        ("utils/read.py", "", "python utils/read.py"),
        ("/usr/bin/train-lpr", "", "train-lpr"),
        ("alpr.exe", "", "alpr"),
    ],
)
def test_how_a_script_was_called(called, program, module, shown):
    called(program, module)
    assert called_as() == shown
    with as_subcommand("read"):
        assert called_as() == f"{shown} read"
    assert called_as() == shown


@pytest.mark.parametrize(
    "call",
    [
        "python -m utils.read",
        "python -m benchmarks.reading",
        "python utils/read.py",
        "python train_lpr.py",
    ],
)
def test_in_a_clone_a_docstring_stays_as_it_is(call):
    doc = "python -m utils.read x; python utils/a/b.py; put it into utils.compare_models; python train_lpr.py config"
    assert as_called(doc, call) == doc


@pytest.mark.parametrize("call", ["python -m lp_recognition.tools.read", "train-lpr", "alpr"])
def test_where_there_is_no_clone_its_commands_are_those_of_the_package(call):
    doc = (
        "python -m utils.read x; python utils/a/b.py y; put it into utils.read, utils/b.py; python train_lpr.py config"
    )
    assert as_called(doc, call) == (
        "python -m lp_recognition.tools.read x; python -m lp_recognition.tools.b y; put it into "
        "lp_recognition.tools.read, lp_recognition.tools.b; train-lpr config"
    )


@pytest.mark.parametrize(("call", "other"), [("alpr", "lp_recognition.tools"), ("python alpr.py", "utils")])
def test_a_command_of_several_is_shown_as_one(call, other):
    with as_subcommand("read"):
        shown = as_called("python -m utils.read x; python -m utils.reader y", f"{call} read")
    assert shown == f"{call} read x; python -m {other}.reader y"


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_says_how_it_runs_from_an_installed_package(tool, called, capsys):
    module = importlib.import_module(f"lp_recognition.tools.{tool}")
    called(f"/site/lp_recognition/tools/{tool}.py", f"lp_recognition.tools.{tool}")
    with pytest.raises(SystemExit) as caught:
        module.main(["--help"])
    shown = capsys.readouterr().out
    assert caught.value.code == 0
    assert "example" in shown
    assert not re.search(r"\butils\b|python \w+\.py", shown)
    for example in re.findall(r"^ +python (.*)", shown, re.MULTILINE):
        assert example.startswith("-m lp_recognition.tools.")
    source = (ROOT / "lp_recognition" / "tools" / f"{tool}.py").read_text(encoding="utf-8")
    assert re.search(r'\nif __name__ == "__main__":\n    (run_script\(main\)|script\(\))\n$', source)


#: `alpr serve` requires nothing: without a word it serves.
REQUIRING = [module for module in WITH_OVERRIDES if not module.endswith(".alpr_serve")]


@pytest.mark.parametrize("module", [*REQUIRING, "eval_lpr", "test_lpr"])
def test_overrides_are_not_among_what_is_required(module, capsys):
    with pytest.raises(SystemExit):
        importlib.import_module(module).main([])
    said = capsys.readouterr().err
    assert "arguments are required: " in said
    assert "key=value" not in said


@pytest.mark.parametrize("line", ["a b c --model m --json", "--json a b --model m c", "a --model m b --json c"])
def test_options_may_stand_anywhere(line):
    parser = ScriptParser("example: x")
    parser.add_argument("config")
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--model")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(line.split())
    assert vars(arguments) == {"config": "a", "overrides": ["b", "c"], "model": "m", "json": True}
    assert parser.parse_args(["a"]).overrides == []


def test_mistakes_take_one_line(called, capsys):
    called("/usr/bin/alpr")
    parser = ScriptParser("example: x")
    parser.add_argument("image")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--count", type=int)
    for arguments, line in (
        (["x", "--jsn"], "error: alpr: unrecognized arguments: --jsn. Did you mean `--json`?\n"),
        (["x", "--qqq"], "error: alpr: unrecognized arguments: --qqq. --help shows what it takes.\n"),
        ([], "error: alpr: the following arguments are required: image. --help shows what it takes.\n"),
        (["x", "--count", "1\n2"],
         "error: alpr: argument --count: invalid int value: '1\\n2'. --help shows what it takes.\n"),
    ):  # fmt: skip
        with pytest.raises(SystemExit) as caught:
            parser.parse_args(arguments)
        assert caught.value.code == 2
        assert capsys.readouterr() == ("", line)
