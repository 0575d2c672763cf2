"""Who may import whom: a room is a folder, imports go downwards, and a board needs no training stack."""

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

#: From the bottom up: a room imports from those before it, and from itself.
ROOMS = (
    "system", "images", "boxes", "texts", "plates", "settings", "model_files", "lists", "reading", "networks",
    "evaluation", "training", "export", "deployment", "video", "client", "service", "tools",
)  # fmt: skip
#: Rooms with keras. All others are light.
HEAVY = {"networks", "training", "export"}
#: Light rooms that reach for a heavy one, within a function, once they are given a checkpoint or a config to build.
ON_DEMAND = {"evaluation", "deployment", "tools"}
#: TensorFlow makes the exported files; batch normalization uses an operation of its where it is the back end.
TENSORFLOW = {"lp_recognition.export", "lp_recognition.networks.batch_norm"}
#: What light modules may import, as soon as they are imported, beside the standard library.
LIGHT_LIBRARIES = {"numpy", "cv2", "yaml", "pydantic"}
#: Modules of light rooms that need more, and what.
MORE_LIBRARIES = {
    "lp_recognition.client.gpx": {"gpxpy"},
    "lp_recognition.client.nmea": {"pynmea2", "serial"},
    "lp_recognition.client.remote": {"httpx"},
    "lp_recognition.deployment.layers": {"ai_edge_litert"},
    "lp_recognition.video.annotated": {"av"},
    "lp_recognition.video.decoding": {"av"},
    "lp_recognition.video.metrics": {"prometheus_client"},
    "lp_recognition.video.passage": {"rapidfuzz"},
    "lp_recognition.video.tracking": {"lap", "rapidfuzz"},
    "lp_recognition.video.known": {"rapidfuzz"},
    **{f"lp_recognition.video.database.{name}": {"sqlalchemy"} for name in (
        "call_counts", "claims", "connection", "known_plates", "outbox", "retention", "search", "store", "tables",
    )},
    "lp_recognition.video.deliveries.kafka": {"confluent_kafka"},
    "lp_recognition.video.deliveries.mqtt": {"paho"},
    **{f"lp_recognition.service.{name}": {"fastapi"} for name in ("api", "history", "known", "page.router")},
    **{f"lp_recognition.service.{name}": {"fastapi", "starlette"} for name in ("audience", "streams")},
    "lp_recognition.service.feed": {"starlette"},
    "lp_recognition.service.answers": {"starlette"},
    **{f"lp_recognition.service.{name}": {"fastapi", "starlette"} for name in (
        "app", "code_project", "operation", "plate_recognizer",
    )},
    "lp_recognition.service.bodies": {"python_multipart", "starlette"},
    "lp_recognition.service.engine.ray": {"ray"},
    "lp_recognition.service.errors": {"starlette"},
    "lp_recognition.service.metrics": {"prometheus_client"},
    "lp_recognition.service.opening": {"fastapi"},
    "lp_recognition.service.ray_app": {"fastapi", "ray"},
    "lp_recognition.service.security.guard": {"starlette"},
    "lp_recognition.service.security.protocol": {"uvicorn"},
    "lp_recognition.service.security.session": {"fastapi", "starlette"},
    "lp_recognition.service.server": {"fastapi", "uvicorn"},
    "lp_recognition.service.serving": {"starlette"},
    "lp_recognition.video.database.schema": {"sqlalchemy", "alembic"},
    **{f"lp_recognition.video.database.migrations.{name}": {"sqlalchemy", "alembic"} for name in (
        "first_tables", "changes", "call_counts",
    )},
}  # fmt: skip
FRAMEWORKS = {"keras", "tensorflow", "jax", "torch", "grain"}


def name_of(path: Path) -> str:
    """`lp_recognition.plates.drawing` of its file."""
    parts = ("lp_recognition", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(part for part in parts if part != "__init__")


def room_of(module: str) -> str:
    """`plates` of `lp_recognition.plates.drawing`; empty for the package itself."""
    return [*module.split("."), ""][1]


FILES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
LIGHT = [module for module in FILES if room_of(module) not in HEAVY]


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


def roots_of(module: str, *, at_once: bool = False) -> set[str]:
    """The packages that a module imports from; only those it imports when it is imported itself, where asked."""
    return {name.partition(".")[0] for name, immediate in imports_of(module) if immediate or not at_once}


def own_imports(module: str) -> Iterator[str]:
    """The modules of the package that a module imports, also within functions."""
    for imported, _ in imports_of(module):
        while imported and imported not in FILES:  # a name in a module stands for the module
            imported = imported.rpartition(".")[0]
        if imported and imported != module:
            yield imported


def test_the_rooms_are_those_of_the_design():
    assert {room_of(module) for module in FILES} - {""} == set(ROOMS)
    assert [path.name for path in PACKAGE.glob("*.py")] == ["__init__.py"]  # every module lives in a room
    assert ("numpy", True) in imports_of("lp_recognition.texts.decoding")
    assert "lp_recognition.texts.vocabulary" in set(own_imports("lp_recognition.evaluation.metrics"))


@pytest.mark.parametrize("room", [room for room in ROOMS if room not in HEAVY])
def test_a_light_room_brings_no_training_stack(room):
    modules = ", ".join(module for module in FILES if room_of(module) == room)  # all at once
    code = f"import sys, {modules}; print(*sorted({FRAMEWORKS!r} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent, timeout=60
    )
    assert (result.returncode, result.stdout.strip()) == (0, ""), result.stderr


def test_importing_the_package_brings_nothing():
    code = "import sys, lp_recognition; print({'numpy', 'cv2', 'pydantic', 'yaml'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert (result.returncode, result.stdout.strip()) == (0, "set()")


@pytest.mark.parametrize("module", LIGHT)
def test_a_light_module_needs_the_light_install_alone(module):
    allowed = LIGHT_LIBRARIES | MORE_LIBRARIES.get(module, set()) | set(sys.stdlib_module_names) | {"lp_recognition"}
    assert roots_of(module, at_once=True) <= allowed
    if room_of(module) not in ON_DEMAND:
        assert not roots_of(module) & FRAMEWORKS


@pytest.mark.parametrize("module", FILES)
def test_tensorflow_is_imported_where_it_is_meant(module):
    if "tensorflow" in roots_of(module):
        assert any(module == place or module.startswith(f"{place}.") for place in TENSORFLOW)
    if room_of(module) == "networks":  # where the back end is another one, there is none
        assert "tensorflow" not in roots_of(module, at_once=True)


@pytest.mark.parametrize("module", FILES)
def test_imports_go_downwards(module):
    if module == "lp_recognition":  # whose public names are imported when they are asked for
        return
    own = ROOMS.index(room_of(module))
    assert not {imported for imported in own_imports(module) if room_of(imported) in ROOMS[own + 1 :]}
    above = {"utils", "benchmarks", "config", "tests", *(path.stem for path in PACKAGE.parent.glob("*.py"))}
    assert not roots_of(module) & above


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
    monkeypatch.setitem(FILES, "lp_recognition.texts.bad", bad)
    for check in (
        test_tensorflow_is_imported_where_it_is_meant,
        test_a_light_module_needs_the_light_install_alone,
        test_imports_go_downwards,
    ):
        with pytest.raises(AssertionError):
            check("lp_recognition.texts.bad")
    imports_of.cache_clear()
