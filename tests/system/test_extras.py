"""What is said where a package of an extra is missing, and what the light install goes without."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys

import pytest
from tiny_models import ROOT

from lp_recognition.system import extras
from lp_recognition.system.errors import run_script
from lp_recognition.system.progress import progress_bar

#: Modules whose distribution has another name.
DISTRIBUTIONS = {
    "cv2": "opencv-python-headless",
    "yaml": "pyyaml",
    "ai_edge_litert": "ai-edge-litert",
    "lap": "lapx",
    "paho": "paho-mqtt",
    "serial": "pyserial",
}
#: What pydantic brings along, and what TensorFlow does.
WITH_PYDANTIC = {"typing_extensions"}
WITH_TENSORFLOW = {"absl", "flatbuffers", "google"}


def requirements(extra: str | None) -> set[str]:
    """The distributions that pyproject.toml names for an extra, or for the light install."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    key = "dependencies" if extra is None else extra
    listed = re.search(rf"^{key} = \[(.*?)\]$", text, re.MULTILINE | re.DOTALL)
    assert listed is not None
    return set(re.findall(r'"([A-Za-z][\w-]*)', listed[1]))


def imported_packages() -> set[str]:
    """All packages that the package, the scripts and the tools import anywhere."""
    found: set[str] = set()
    for path in [*(ROOT / "lp_recognition").rglob("*.py"), *ROOT.glob("*_*.py"), *(ROOT / "utils").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add((node.module or "").partition(".")[0])
    ours = {"lp_recognition", "utils", *(path.stem for path in ROOT.glob("*.py"))}
    return found - set(sys.stdlib_module_names) - ours


def test_every_package_comes_with_the_light_install_or_is_known_to_an_extra():
    light = requirements(None)
    for package in imported_packages() - WITH_PYDANTIC:
        distribution = DISTRIBUTIONS.get(package, package)
        assert (distribution in light) != (package in extras.EXTRA_OF), package


@pytest.mark.parametrize(("package", "extra"), sorted(extras.EXTRA_OF.items()))
def test_the_extra_that_is_named_installs_the_package(package, extra):
    named = "tensorflow" if package in WITH_TENSORFLOW else package
    distribution = DISTRIBUTIONS.get(named, named.replace("_", "-"))
    assert distribution in requirements(extra)


def ending(main, capsys) -> tuple[int, str]:
    with pytest.raises(SystemExit) as caught:
        run_script(main)
    return caught.value.code, capsys.readouterr().err


@pytest.fixture
def without_keras(monkeypatch):
    """As on a board: whatever is imported already, `keras` is not there."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "keras" else find_spec(name))


@pytest.mark.usefixtures("without_keras")
@pytest.mark.parametrize("module", ["keras", "keras.ops"])
def test_a_missing_package_is_one_line_that_says_what_to_type(module, capsys):
    def main(argv):
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    assert ending(main, capsys) == (
        2,
        "error: expected the package keras, which this command needs, received none; run `pip install "
        "'lp-recognition[train]'`, in a clone `pip install '.[train]'`\n",
    )


@pytest.mark.parametrize("module", ["lp_recognition.nothing", "numpy.nothing", "yaml.nothing", None])
def test_a_fault_of_ours_keeps_its_traceback(module):
    def main(argv):
        raise ModuleNotFoundError("No module", name=module)

    with pytest.raises(ModuleNotFoundError):
        run_script(main)


def test_a_part_that_is_missing_of_an_installed_package_keeps_its_traceback():
    error = ModuleNotFoundError("No module named 'tqdm.gone'", name="tqdm.gone")
    assert importlib.util.find_spec("tqdm") is not None
    assert extras.missing_package(error) is None


#: Runs a script where importing what an extra brings fails, as it does on a board.
ON_A_BOARD = """
import runpy, sys
missing = set(sys.argv.pop(1).split(","))
class Board:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
import importlib.util
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in missing else find_spec(name, package)
sys.meta_path.insert(0, Board())
sys.argv = sys.argv[1:]
if sys.argv[0].endswith(".py"):
    runpy.run_path(sys.argv[0], run_name="__main__")
else:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def on_a_board(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs a script or module of the repository on the light install."""
    command = [sys.executable, "-c", ON_A_BOARD, ",".join(extras.EXTRA_OF), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)


@pytest.mark.slow
def test_what_needs_the_training_stack_says_so(trained, tflite, crops, tmp_path):
    config, listed = trained.folder / "config.yaml", crops / "list.txt"
    for arguments in (
        ["train_lpr.py", "config"],
        ["eval_lpr.py", config, f"eval.file_list_path={listed}"],
        ["test_lpr.py", config, f"infer.file_list_path={crops / 'paths.txt'}", f"infer.output_dir={tmp_path / 'out'}"],
        ["export_frozen_graph.py", config, "--output_dir", tmp_path / "graph"],
        ["utils.model_summary", "config"],
        ["utils.deployment_report", "config"],
        ["utils.compare_models", config, "--list", listed, "--models", trained.checkpoint, tflite],
        ["utils.quantize_after_training", config, "--checkpoint", trained.checkpoint, "--list", listed, "--output",
         tmp_path / "x.tflite"],
        ["utils.label_with_model", config, "--list", crops / "paths.txt", "--models", trained.checkpoint, "--output",
         tmp_path / "x.txt"],
    ):  # fmt: skip
        result = on_a_board(*arguments)
        lines = result.stderr.splitlines()
        assert (result.returncode, len(lines)) == (2, 1), (arguments, result.stderr)
        assert lines[0].startswith("error: expected the package "), arguments
        assert "pip install 'lp-recognition[train]'" in lines[0]
    assert not list(tmp_path.iterdir())


# ---- Progress ------------------------------------------------------------------------------------------------------


def test_progress_counts_where_tqdm_is_and_does_nothing_where_it_is_not(monkeypatch, capsys):
    seen = []

    class Bar:
        def __init__(self, **options):
            seen.append(options)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            seen.append("closed")

        def update(self, count):
            seen.append(count)

    monkeypatch.setattr("tqdm.tqdm", Bar)
    with progress_bar(3, "plate") as advance:
        advance(2)
        advance(1)
    options, *rest = seen
    assert (options["total"], options["file"], options["disable"]) == (3, sys.stderr, None)
    assert rest == [2, 1, "closed"]

    monkeypatch.setitem(sys.modules, "tqdm", None)
    with progress_bar(3, "plate") as advance:
        advance(3)
    assert capsys.readouterr() == ("", "")


def test_drawing_on_an_older_opencv_names_the_extra(monkeypatch):
    from lp_recognition.plates import fonts

    monkeypatch.delattr("cv2.FontFace")
    with pytest.raises(
        fonts.FontError, match=r"OpenCV 5, received OpenCV .*; run `pip install 'lp-recognition\[train\]'"
    ):
        fonts._load.__wrapped__("sans")
