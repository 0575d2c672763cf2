"""Who may import whom: a board needs no training stack, `--help` is instant, and imports go downwards.

A module that is new counts as light until it is named here.
"""

from __future__ import annotations

import ast
import functools
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "lp_recognition"

#: Modules with keras, from the bottom up; each may import those of the levels below it, and of its own.
KERAS_LEVELS = (
    {"batch_norm"},
    {"quantization"},
    {"model", "losses", "summary"},
    {"distillation"},
    {"training", "evaluation", "export"},
    {"prediction"},  # light itself, but for what it reads a checkpoint or a graph with
)
KERAS = set().union(*KERAS_LEVELS)
#: Export is made by tensorflow; batch normalization uses an operation of its own where it is the back end.
TENSORFLOW = {"export", "batch_norm"}
#: What light modules may import beside the standard library; only `dataset` also imports grain.
LIGHT_LIBRARIES = {"numpy", "cv2", "yaml", "pydantic"}
#: Modules of the design: where one of these vanishes or is renamed, the checks below would look at nothing.
EXPECTED_LIGHT = {
    "annotations", "augmentation", "automaton", "calibration", "checkpoints", "config", "converters", "dataset",
    "decoding", "errors", "files", "image", "interpreter", "metrics", "pattern_decoding", "plates", "recognizer",
    "visualize", "vocabulary",
}  # fmt: skip


def name_of(path: Path) -> str:
    """`lp_recognition.plates.drawing` of its file."""
    parts = ("lp_recognition", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(part for part in parts if part != "__init__")


def part_of(module: str) -> str:
    """`plates` of `lp_recognition.plates.drawing`: the unit of the design."""
    return [*module.split("."), ""][1]


FILES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
LIGHT = [module for module in FILES if part_of(module) not in KERAS]


@functools.cache
def imports_of(module: str) -> tuple[tuple[str, bool], ...]:
    """What a module imports, and whether as soon as it is imported itself (else within a function)."""
    tree = ast.parse(FILES[module].read_text(encoding="utf-8"))
    found = []

    def visit(node: ast.AST, at_once: bool) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            return
        if isinstance(node, ast.Import):
            found.extend((alias.name, at_once) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are written in full here"
            source = node.module or ""
            found.extend((f"{source}.{alias.name}" if source in FILES else source, at_once) for alias in node.names)
        inside = at_once and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(tree, True)
    return tuple(found)


def own_imports(module: str) -> Iterator[str]:
    """The modules of the package that a module imports, also within functions."""
    for imported, _ in imports_of(module):
        while imported and imported not in FILES:  # a name in a module stands for the module
            imported = imported.rpartition(".")[0]
        if imported and imported != module:
            yield imported


def test_the_package_holds_what_these_checks_look_for():
    assert {part_of(module) for module in LIGHT} >= EXPECTED_LIGHT
    assert {part_of(module) for module in FILES} >= {"model", "quantization", "losses", "training", "export"}
    assert ("numpy", True) in imports_of("lp_recognition.texts.decoding")
    assert "lp_recognition.texts.vocabulary" in set(own_imports("lp_recognition.evaluation.metrics"))


@pytest.mark.parametrize("part", sorted({*map(part_of, LIGHT), "evaluation"} - {""}))
def test_a_light_module_brings_neither_keras_nor_tensorflow(part):
    modules = ", ".join(module for module in FILES if part_of(module) == part)  # a folder's files all at once
    code = f"import sys, {modules}; print(*sorted({{'keras', 'tensorflow', 'jax', 'torch'}} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent, timeout=60
    )
    assert (result.returncode, result.stdout.strip()) == (0, ""), result.stderr


def test_importing_the_package_brings_nothing():
    code = "import sys, lp_recognition; print({'numpy', 'cv2', 'pydantic', 'yaml'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert (result.returncode, result.stdout.strip()) == (0, "set()")


@pytest.mark.parametrize("module", FILES)
def test_tensorflow_is_imported_where_it_is_meant(module):
    roots = {imported.partition(".")[0] for imported, _ in imports_of(module)}
    assert "tensorflow" not in roots or part_of(module) in TENSORFLOW
    if part_of(module) == "batch_norm":  # on other back ends there is none
        assert not {name for name, at_once in imports_of(module) if at_once and name.startswith("tensorflow")}
    if part_of(module) == "evaluation":  # light until it is given a checkpoint
        assert not {"keras", "tensorflow"} & {name.partition(".")[0] for name, at_once in imports_of(module) if at_once}
    else:
        assert "keras" not in roots or part_of(module) in KERAS


@pytest.mark.parametrize("module", LIGHT)
def test_a_light_module_needs_the_light_install_alone(module):
    allowed = LIGHT_LIBRARIES | set(sys.stdlib_module_names) | {"lp_recognition"}
    if part_of(module) == "dataset":
        allowed.add("grain")
    assert {imported.partition(".")[0] for imported, at_once in imports_of(module) if at_once} <= allowed


@pytest.mark.parametrize("module", FILES)
def test_imports_go_downwards(module):
    levels = {name: level for level, names in enumerate(KERAS_LEVELS, start=1) for name in names}
    own = levels.get(part_of(module), 0)
    above = {imported for imported in own_imports(module) if levels.get(part_of(imported), 0) > own}
    if module != "lp_recognition":  # whose `Recognizer` is imported when it is asked for
        assert not above
    roots = {imported.partition(".")[0] for imported, _ in imports_of(module)}
    assert not roots & {"utils", "benchmarks", "config", "tests", "train_lpr", "eval_lpr", "test_lpr"}


def test_imports_go_in_no_circle():
    graph = {module: set(own_imports(module)) for module in FILES if module != "lp_recognition"}
    for imported in graph.values():
        imported.discard("lp_recognition")
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError


def test_the_checks_can_fail(tmp_path, monkeypatch):
    bad = tmp_path / "bad.py"
    bad.write_text(
        "import numpy\ndef f():\n    from tensorflow.lite import x\n    import lp_recognition.networks.lprnet\n"
    )
    monkeypatch.setitem(FILES, "lp_recognition.bad", bad)
    with pytest.raises(AssertionError):
        test_tensorflow_is_imported_where_it_is_meant("lp_recognition.bad")
    with pytest.raises(AssertionError):
        test_imports_go_downwards("lp_recognition.bad")
    imports_of.cache_clear()
