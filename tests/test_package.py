"""What an installed package holds: every module, the files that tools need, the models without their checkpoints."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
from tiny_models import ROOT

import lp_recognition


@pytest.fixture(scope="module")
def wheel(shared) -> zipfile.ZipFile:
    """The wheel, built of a copy of the repository, so that nothing is left behind in it."""

    def make(folder: Path) -> None:
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.ckpt")
        for name in ("lp_recognition", "pretrained"):
            shutil.copytree(ROOT / name, folder / "source" / name, ignore=ignored)
        (folder / "source" / "pretrained" / "lprnet_mcu_cn" / "lprnet_mcu_cn.ckpt").write_bytes(b"large")
        for path in [
            *ROOT.glob("*.py"),
            *map(ROOT.joinpath, ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in")),
        ]:
            shutil.copy(path, folder / "source")
        stale = folder / "source" / "build" / "lib" / "lp_recognition" / "of_an_earlier_build.py"
        stale.parent.mkdir(parents=True)
        stale.touch()
        code = "from setuptools import build_meta; build_meta.build_wheel('..')"
        result = subprocess.run(
            [sys.executable, "-c", code], cwd=folder / "source", capture_output=True, text=True, timeout=300
        )
        assert result.returncode == 0, result.stderr[-2000:]
        assert "****" not in result.stderr, result.stderr  # a boxed warning

    setuptools = pytest.importorskip("setuptools")
    if int(setuptools.__version__.partition(".")[0]) < 77:
        pytest.skip("needs setuptools 77: pip install 'setuptools>=77'")
    [path] = shared("wheel", make).glob("*.whl")
    return zipfile.ZipFile(path)


def below(folder: Path, pattern: str) -> set[str]:
    """Files below a folder of the repository, by their paths in it; hidden ones and what Python makes are left out."""
    return {
        str(path.relative_to(ROOT))
        for path in folder.rglob(pattern)
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }


def test_it_holds_every_file_of_the_package(wheel):
    names = {name for name in wheel.namelist() if name.startswith("lp_recognition/")}
    models = {name for name in names if name.startswith("lp_recognition/pretrained_models/")}
    assert names - models == below(ROOT / "lp_recognition", "*")
    assert "lp_recognition/py.typed" in names


def test_it_holds_the_models_without_their_checkpoints(wheel):
    models = {name for name in wheel.namelist() if name.startswith("lp_recognition/pretrained_models/")}
    shipped = {name for name in below(ROOT / "pretrained", "*/*") if not name.endswith(".ckpt")}
    assert models == {f"lp_recognition/pretrained_models/{name.removeprefix('pretrained/')}" for name in shipped}


def test_beside_the_package_it_holds_the_scripts_alone(wheel):
    others = {name for name in wheel.namelist() if not name.startswith(("lp_recognition/", "lp_recognition-"))}
    scripts = {path.name for path in ROOT.glob("*.py")} - {"alpr.py", "conftest.py", "setup.py"}
    assert others == scripts


def test_its_commands_are_there(wheel):
    [entry_points] = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    lines = wheel.read(entry_points).decode().split("\n")
    assert "alpr = lp_recognition.tools.alpr:script" in lines
    assert "train-lpr = train_lpr:script" in lines


def test_what_it_says_of_itself(wheel):
    [metadata] = [name for name in wheel.namelist() if name.endswith("/METADATA")]
    said = message_from_string(wheel.read(metadata).decode())
    assert said["Version"] == lp_recognition.__version__
    assert said["License-Expression"] == "Apache-2.0"
    assert said["License-File"] == "LICENSE"
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())
    assert set(said.get_all("Provides-Extra")) == {
        "train", "mcu", "text", "video", "service", "postgresql", "messages", "client", "ray", "jax", "dev", "all",
    }  # fmt: skip
    light = [need for need in said.get_all("Requires-Dist") if "extra ==" not in need]
    assert {re.split(r"[<>=;]", need)[0] for need in light} == {
        "numpy", "opencv-python-headless", "pyyaml", "pydantic", "interegular", "ai-edge-litert",
    }  # fmt: skip


def test_it_reads_a_plate_where_there_is_no_clone(wheel, crops, tmp_path):
    wheel.extractall(tmp_path / "site")
    image = next((crops / "crops 图").iterdir())
    site, arguments = str(tmp_path / "site"), ["alpr", "read", "--crops", str(image), "--json"]
    code = (
        f"import sys; sys.path.insert(0, {site!r}); sys.argv = {arguments}\n"
        "from lp_recognition.model_files import pretrained; print(pretrained.__file__, flush=True)\n"
        "from lp_recognition.tools.alpr import script\n"
        "try: script()\n"
        "finally: print('heavy:', *sorted({'keras', 'tensorflow', 'jax', 'grain'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (result.returncode, result.stderr) == (0, "")
    place, line, heavy = result.stdout.splitlines()
    assert place == str(tmp_path / "site" / "lp_recognition" / "model_files" / "pretrained.py")
    assert json.loads(line)["image"] == str(image)
    assert heavy == "heavy:"
