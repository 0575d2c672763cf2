"""Where settings are written: YAML, read as data alone, and Python files, which are executed, each once. Values come
out as they stand; the schema has its say in `loading`.
"""

from __future__ import annotations

import ast
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import yaml

from lp_recognition.system.errors import ConfigError
from lp_recognition.system.files import decode_text, expand_home


@dataclass(frozen=True)
class Layer:
    """The values that one file sets.

    Attributes:
        source: The file.
        values: As they stand there: settings by name, those of a section as a dict.
    """

    source: str
    values: dict[str, Any]


def read_layers(path: str | Path) -> list[Layer]:
    """Reads a config and the files it builds on, which come first.

    Args:
        path: A `.py` config, a recorded `config.yaml`, or a folder: its `default.py`, else its `config.yaml`.

    Raises:
        ConfigError: a file is missing, no config, fails, or builds on itself.
    """
    path = Path(expand_home(str(path)))
    if path.is_dir():
        inside = [path / name for name in ("default.py", "config.yaml") if (path / name).exists()]
        if not inside:
            raise ConfigError(f"{path}: expected default.py or config.yaml in this folder, received neither")
        path = inside[0]
    if path.suffix in (".yaml", ".yml"):
        return [Layer(str(path), parse_yaml(read_text(path), str(path)))]
    return _read_python(path)


def parse_yaml(text: str, name: str) -> dict[str, Any]:
    """Reads the settings in a YAML text; `name` is for messages.

    Raises:
        ConfigError: it is none, or holds no settings.
    """
    try:
        values = load_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}:{mark.line + 1}" if mark else name
        problem = getattr(error, "problem", None) or one_line(error)
        raise ConfigError(f"{place}: expected YAML, received: {problem}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{name}: expected settings, received {type(values).__name__}")
    return values


class _YamlLoader(yaml.SafeLoader):
    """Reads data alone, refuses a key that stands twice, and takes a date for the text it is."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As in YAML, but each key once."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"the key `{key.value}` twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def load_yaml(text: str) -> Any:
    """Reads YAML as data.

    Raises:
        yaml.YAMLError: it is none, or a key stands twice.
    """
    try:
        return yaml.load(text, _YamlLoader)
    except (ValueError, RecursionError) as error:  # `!!int x`, or brackets without end
        raise yaml.YAMLError(one_line(error)) from None


def read_text(path: Path) -> str:
    """Reads a config file's text.

    Raises:
        ConfigError: it is missing or no text.
    """
    try:
        return decode_text(path.read_bytes())
    except FileNotFoundError:
        raise ConfigError(f"{path}: expected a config, received no such file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: expected UTF-8 text, received byte {error.start} of another encoding; save it as UTF-8"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {one_line(error)}") from None


def _read_python(path: Path, seen: tuple[Path, ...] = ()) -> list[Layer]:
    """Runs a config file, then its `base`; `seen` are the files that led here."""
    if path.suffix != ".py":
        raise ConfigError(f"{path}: expected a .py or .yaml config, or a folder with default.py or config.yaml")
    if path.resolve() in seen:
        raise ConfigError(f"{path}: expected a base that ends somewhere, received a circle of `base =`")
    values: dict[str, Any] = {}
    for key, value in _run(path).items():
        if key.startswith("_") or isinstance(value, types.ModuleType):
            continue
        if isinstance(value, type):
            value = {name: item for name, item in vars(value).items() if not name.startswith("_")}
        values[key] = value
    base = values.pop("base", None)
    layer = Layer(str(path), values)
    if base is None:
        return [layer]
    if not isinstance(base, str):
        raise ConfigError(f"{path}: base: expected the name of a config file, received {base!r}")
    return [*_read_python(path.parent / expand_home(base), (*seen, path.resolve())), layer]


def _run(path: Path) -> dict[str, Any]:
    """The names that a Python file leaves behind."""
    text = read_text(path)
    names: dict[str, Any] = {"__name__": "config", "__file__": str(path)}
    try:
        tree = ast.parse(text, str(path))
        _refuse_duplicates(tree, path)
        exec(compile(tree, str(path), "exec"), names)
    except ConfigError:
        raise
    except Exception as error:
        line = _line_of(error, path)
        message = error.msg if isinstance(error, SyntaxError) else error
        raise ConfigError(f"{path}{line}: expected a config, received {type(error).__name__}: {message}") from None
    return names


def one_line(error: Exception) -> str:
    """The message of an error without its line breaks."""
    return " ".join(str(error).split())


def _refuse_duplicates(scope: ast.Module | ast.ClassDef, path: Path) -> None:
    """Raises where a config sets the same name twice in one scope: one of the two would silently be lost."""
    lines: dict[str, int] = {}
    for statement in scope.body:
        names = []
        if isinstance(statement, ast.ClassDef):
            _refuse_duplicates(statement, path)
            names = [statement.name]
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names = [node.id for target in targets for node in ast.walk(target) if _is_assigned(node)]
        for name in names:
            if name in lines:
                place = f"{path}:{statement.lineno}"
                raise ConfigError(f"{place}: expected `{name}` once, received it again (first in line {lines[name]})")
            lines[name] = statement.lineno


def _is_assigned(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _line_of(error: Exception, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return f":{error.lineno}"
    trace, line = error.__traceback__, ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = f":{trace.tb_lineno}"
        trace = trace.tb_next
    return line
