"""How settings of any schema are loaded, overridden and recorded: Python to write, pydantic to read, YAML to record.

People write `config/xxx.py`, plain Python holding values and sections (`class train:`, `class eval:`, ...);
`base = "default.py"` names the file it builds on. A schema is closed: an unknown key is an error. Each run records its
resolved settings as `config.yaml`, and every script takes that file in place of the `.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, get_args

import pydantic
import yaml
from pydantic import BaseModel, ConfigDict

from lp_recognition.settings.sources import load_yaml, one_line, read_python, read_text
from lp_recognition.system.errors import ConfigError, did_you_mean, summarize
from lp_recognition.system.files import write_text

if TYPE_CHECKING:
    from typing_extensions import Self


class Section(BaseModel):
    """A closed and frozen group of settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Settings(Section):
    """All settings of a run: values, and sections of them.

    Attributes:
        MODEL_SETTINGS: Those that make the network and what it reads: a checkpoint fits only where these agree.
        SETTLED_IN_TRAINING: Of these, the ones that may be None, and are then settled by a training and its record.
    """

    MODEL_SETTINGS: ClassVar[tuple[str, ...]] = ()
    SETTLED_IN_TRAINING: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def sections(cls) -> dict[str, type[Section]]:
        """The sections by name."""
        annotations = {name: field.annotation for name, field in cls.model_fields.items()}
        return {
            name: kind for name, kind in annotations.items() if isinstance(kind, type) and issubclass(kind, Section)
        }

    def with_values(self, **values: Any) -> Self:
        """A copy with other values of top-level settings, checked again."""
        return validate(type(self), self.model_dump() | values, "config")


Schema = TypeVar("Schema", bound=Settings)


def load_settings(schema: type[Schema], path: str | Path, overrides: Sequence[str] = ()) -> Schema:
    """Loads a config of a schema and applies overrides.

    Args:
        schema: What settings there are.
        path: A `.py` config, a folder (its `default.py`), or a recorded `config.yaml`. A `.py` file is executed: name
            only files you trust. YAML is read as data.
        overrides: `key=value` or `section.key=value`; values are read as YAML, so `eval.file_list_path=[a.txt,b.txt]`
            is a list.

    Raises:
        ConfigError: a missing file, an unknown key, a wrong type or value, a duplicate override.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "default.py"
    if path.suffix in (".yaml", ".yml"):
        values = parse_settings(schema, read_text(path), str(path)).model_dump()
    else:

        def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
            return _merge(schema, base, changes)

        def check(values: Mapping[str, Any], source: str) -> Schema:
            return validate(schema, values, source)

        values = read_python(path, merge, check)
    config = validate(schema, values, str(path))
    if not overrides:
        return config
    changes = _parse_overrides(schema, overrides)
    return validate(schema, _merge(schema, config.model_dump(), changes), "command line")


def parse_settings(schema: type[Schema], text: str, name: str) -> Schema:
    """Reads settings recorded as YAML text; `name` is for messages."""
    try:
        values = load_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}:{mark.line + 1}" if mark else name
        problem = getattr(error, "problem", None) or one_line(error)
        raise ConfigError(f"{place}: expected YAML, received: {problem}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{name}: expected settings, received {type(values).__name__}")
    return validate(schema, values, name)


def dump_settings(config: Settings) -> str:
    """Writes settings as YAML text that `parse_settings` reads back."""
    values = config.model_dump(mode="json")
    text = yaml.safe_dump(values, allow_unicode=True, sort_keys=False, width=120)
    if any(character in text for character in "\x85\u2028\u2029\ufeff"):  # PyYAML would read them as ends of lines
        return yaml.safe_dump(values, sort_keys=False, width=120)
    return text


def save_settings(config: Settings, path: str | Path) -> None:
    """Records settings as YAML."""
    write_text(path, dump_settings(config))


def refuse_other_model(config: Settings, recorded: Settings, source: str) -> None:
    """Checks that a config describes the same model as a recorded one.

    Raises:
        ConfigError: by name, each setting of the model that differs.
    """
    differences = []
    for key in recorded.MODEL_SETTINGS:
        ours, theirs = getattr(config, key), getattr(recorded, key)
        if key in recorded.SETTLED_IN_TRAINING and ours is None:  # the record knows
            continue
        if ours != theirs:
            differences.append(f"{key}: expected {_shown(theirs)}, received {_shown(ours)}")
    if differences:
        raise ConfigError(f"{source}: was made with other settings of the model: {summarize(differences)}")


def validate(schema: type[Schema], values: Mapping[str, Any], source: str) -> Schema:
    """Checks plain values by a schema; `source` is for messages.

    Raises:
        ConfigError: an unknown key, a wrong type or value.
    """
    try:
        return schema.model_validate(values)
    except pydantic.ValidationError as error:
        problems = [_describe(schema, problem) for problem in error.errors()]
        raise ConfigError(f"{source}: {summarize(problems)}") from None


def _shown(value: Any) -> str:
    text = "".join(value) if isinstance(value, tuple) and all(isinstance(v, str) for v in value) else repr(value)
    return text if len(text) <= 90 else f"{text[:87]}..."


def _merge(schema: type[Settings], base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    sections = schema.sections()
    merged = dict(base)
    for key, value in changes.items():
        inherited = merged.get(key)
        if key in sections and isinstance(inherited, Mapping) and isinstance(value, Mapping):
            merged[key] = {**inherited, **value}
        else:
            merged[key] = value
    return merged


def _parse_overrides(schema: type[Settings], overrides: Sequence[str]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for override in overrides:
        name, equals, text = override.partition("=")
        section, dot, key = name.partition(".")
        if not equals or not section or (dot and not key):
            raise ConfigError(f"command line: expected section.key=value, received `{override}`")
        target = changes.setdefault(section, {}) if dot else changes
        if not isinstance(target, dict) or (key or section) in target:
            raise ConfigError(f"command line: expected `{name}` once, received it twice")
        try:
            # A path or pattern may be no YAML at all ('%d.txt', '[A-Z]+'): then it is the text as it stands.
            value = load_yaml(text)
        except yaml.constructor.ConstructorError as error:
            raise ConfigError(f"command line: {name}: expected a value, received {error.problem}") from None
        except yaml.YAMLError:
            value = text
        if isinstance(value, str) or value is None:
            value = _number_or_text(text)
        elif not isinstance(value, list) and _takes_text(schema, section, key):
            value = text  # a folder may be called 2024, or no
        target[key or section] = value
    return changes


def _takes_text(schema: type[Settings], section: str, key: str) -> bool:
    """Whether a setting is a text (or a list of them, or None)."""
    model = schema.sections().get(section, schema) if key else schema
    field = model.model_fields.get(key or section)
    return field is not None and str in (field.annotation, *get_args(field.annotation))


def _number_or_text(text: str) -> Any:
    """YAML 1.1 takes `1e-3` for text; people mean a number. `null` alone is None."""
    if text in ("null", "None", "~"):
        return None
    if re.fullmatch(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+", text):
        return float(text)
    return text


def _describe(schema: type[Settings], problem: Any) -> str:
    location, sections = problem["loc"], schema.sections()
    depth = 2 if location and location[0] in sections else 1
    # Behind the setting stand places in a list, and names of types that say nothing to the user.
    name = ".".join(str(part) for i, part in enumerate(location) if i < depth or isinstance(part, int))
    if problem["type"] == "extra_forbidden":
        model = sections[location[0]] if depth == 2 else schema
        prefix = f"{location[0]}." if depth == 2 else ""
        choices = [prefix + key for key in model.model_fields]
        hint = did_you_mean(name, choices) or f" Known keys: {', '.join(sorted(choices))}"
        return f"unknown key `{name}`.{hint}"
    if problem["type"] == "value_error":
        message = str(problem["ctx"]["error"])
        return f"{name}: {message}" if name else message
    received = problem["input"]
    if problem["type"] == "missing":
        return f"{name}: expected a value, received none in {received!r}"
    if problem["type"] == "model_type":
        return f"{name}: expected a section, received {received!r} ({type(received).__name__})"
    expected = problem["msg"].removeprefix("Input should be ")
    return f"{name}: expected {expected}, received {received!r} ({type(received).__name__})"
