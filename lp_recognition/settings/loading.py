"""How settings of any schema are loaded, overridden and recorded: Python to write, pydantic to read, YAML to record.

People write `config/xxx.py`, plain Python holding values and sections (`class train:`, `class eval:`, ...);
`base = "default.py"` names the file it builds on. A schema is closed: an unknown key is an error. Each run records its
resolved settings as `config.yaml`, and every script takes that file in place of the `.py`.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar, get_args, get_origin

import pydantic
import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict

from lp_recognition.settings.places import place_of
from lp_recognition.settings.sources import Layer, load_yaml, parse_yaml, read_layers
from lp_recognition.system.addresses import without_credentials
from lp_recognition.system.errors import ConfigError, did_you_mean, summarize
from lp_recognition.system.files import expand_home, write_text

if TYPE_CHECKING:
    from typing_extensions import Self


#: A path; `~/` stands for the home folder.
PathText = Annotated[str, AfterValidator(expand_home)]


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
        path: A `.py` config, a recorded `config.yaml`, or a folder: its `default.py`, else its `config.yaml`, as that
            of a training's `model_dir`. A `.py` file is executed: name only files you trust. YAML is read as data.
        overrides: `key=value` or `section.key=value`; values are read as YAML or as Python, so that both
            `input_shape=[24,94,1]` and `input_shape=(24, 94, 1)` are three numbers.

    Raises:
        ConfigError: a missing file, an unknown key, a wrong type or value, a duplicate override.
    """
    return merge_layers(schema, read_layers(path), overrides)


def merge_layers(schema: type[Schema], layers: Sequence[Layer], overrides: Sequence[str] = ()) -> Schema:
    """Lays the files of a config over each other, each checked where it stands, and applies overrides.

    Raises:
        ConfigError: as of `load_settings`.
    """
    named = {key: value for layer in layers for key, value in layer.values.items()}
    _refuse_other_task(schema, named, layers[-1].source)  # of the file that was given, not of one it builds on
    values: dict[str, Any] = {}
    for layer in layers:
        values = _merge(schema, values, layer.values)
        config = validate(schema, values, layer.source)
    return override(config, overrides)


def override(config: Schema, overrides: Sequence[str]) -> Schema:
    """The settings with those that a command line changes; see `load_settings`."""
    if not overrides:
        return config
    schema = type(config)
    changes = _parse_overrides(schema, overrides)
    return validate(schema, _merge(schema, config.model_dump(), changes), "command line")


def parse_settings(schema: type[Schema], text: str, name: str) -> Schema:
    """Reads settings recorded as YAML text; `name` is for messages."""
    return validate(schema, parse_yaml(text, name), name)


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
        raise ConfigError(
            f"{source}: was made with other settings of the model: {summarize(differences)}; give the config that "
            "it was made with"
        )


def settle_by_record(config: Schema | None, recorded: Schema, source: str) -> Schema:
    """The settings to use a model by: the recorded ones, or given ones of the same model, settled as it was.

    Raises:
        ConfigError: by name, each setting of the model that differs.
    """
    if config is None:
        return recorded
    refuse_other_model(config, recorded, source)
    return config.with_values(**{name: getattr(recorded, name) for name in config.SETTLED_IN_TRAINING})


def validate(schema: type[Schema], values: Mapping[str, Any], source: str) -> Schema:
    """Checks plain values by a schema; `source` is for messages.

    Raises:
        ConfigError: settings of another task, an unknown key, a wrong type or value.
    """
    _refuse_other_task(schema, values, source)  # else all its keys would be unknown
    try:
        return schema.model_validate(values)
    except pydantic.ValidationError as error:
        problems = [_describe(schema, problem) for problem in error.errors()]
        # A value is shown as it was received, and may be an address with a password.
        raise ConfigError(without_credentials(f"{source}: {summarize(problems)}")) from None


def _refuse_other_task(schema: type[Settings], values: Mapping[str, Any], source: str) -> None:
    task = schema.model_fields.get("task")
    if task is not None and values.get("task", task.default) != task.default:
        raise ConfigError(
            f"{source}: task: expected {task.default!r}, received {values['task']!r}. A config is for the scripts of"
            " its task: train_lpr.py and those beside it for recognition, train_lpd.py for detection"
        )


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
        target[key or section] = _read_value(schema, section, key, text)
    return changes


def _read_value(schema: type[Settings], section: str, key: str, text: str) -> Any:
    """The value that a text on the command line stands for: YAML, or Python where it has parentheses."""
    name = f"{section}.{key}" if key else section
    if "(" in text and _annotation(schema, section, key) is not str:
        value = _python_value(text)
        if value is not None:
            return value
    try:
        # A path or pattern may be no YAML at all ('%d.txt', '[A-Z]+'): then it is the text as it stands.
        value = load_yaml(text)
    except yaml.constructor.ConstructorError as error:
        raise ConfigError(f"command line: {name}: expected a value, received {error.problem}") from None
    except yaml.YAMLError:
        value = text
    if isinstance(value, str) or value is None:
        return _number_or_text(text)
    if not isinstance(value, list) and _takes_text(schema, section, key):
        return text  # a folder may be called 2024, or no
    return value


def _takes_text(schema: type[Settings], section: str, key: str) -> bool:
    """Whether a setting is a text (or a list of them, or None)."""
    annotation = _annotation(schema, section, key)
    kinds = [annotation, *get_args(annotation)]
    return str in [get_args(kind)[0] if get_origin(kind) is Annotated else kind for kind in kinds]


def _annotation(schema: type[Settings], section: str, key: str) -> Any:
    model = schema.sections().get(section, schema) if key else schema
    field = model.model_fields.get(key or section)
    return None if field is None else field.annotation


#: `(a.txt, b.txt)`: words in parentheses that are no regular expression.
_WORDS = re.compile(r"\(((?:[^][(){}|\\+*?^$,]+,)+[^][(){}|\\+*?^$,]*)\)")


def _python_value(text: str) -> Any:
    """The tuple, list or dict that a text is in Python, `(24, 94, 1)` or `(a.txt, b.txt)`; None where it is none."""
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        words = _WORDS.fullmatch(text.strip())
        return [word.strip() for word in words[1].split(",") if word.strip()] if words else None
    return value if isinstance(value, (tuple, list, dict)) else None


def _number_or_text(text: str) -> Any:
    """YAML 1.1 takes `1e-3` for text; people mean a number. `null` alone is None."""
    if text in ("null", "None", "~"):
        return None
    if re.fullmatch(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+", text):
        return float(text)
    return text


def _places_of_keys(schema: type[Settings]) -> dict[str, list[str]]:
    """Each key, and its full names: `batch_size` is `train.batch_size` and `eval.batch_size`."""
    sections = schema.sections()
    places: dict[str, list[str]] = {key: [key] for key in schema.model_fields if key not in sections}
    for section, model in sections.items():
        for key in model.model_fields:
            places.setdefault(key, []).append(f"{section}.{key}")
    return places


def _elsewhere(schema: type[Settings], name: str) -> str:
    """Where else a key stands that is not where it was put."""
    places = _places_of_keys(schema).get(name.rpartition(".")[2], [])
    return f" Did you mean {' or '.join(f'`{place}`' for place in places)}?" if places else ""


def _near_elsewhere(schema: type[Settings], name: str) -> str:
    """Where a key stands that is spelt nearly as one that is not known where it was put."""
    places = _places_of_keys(schema)
    near = difflib.get_close_matches(name.rpartition(".")[2], places, n=1, cutoff=0.75)
    return _elsewhere(schema, near[0]) if near else ""


def _describe(schema: type[Settings], problem: Any) -> str:
    name, section = place_of(schema, problem["loc"])
    if problem["type"] == "extra_forbidden":
        prefix = name[: name.rfind(".") + 1]
        choices = [prefix + key for key in section.model_fields]
        hint = _elsewhere(schema, name) or did_you_mean(name, choices) or _near_elsewhere(schema, name)
        known = f" Known keys: {', '.join(sorted(choices))}"
        return f"unknown key `{name}`.{hint or known}"
    if problem["type"] == "value_error":
        message = str(problem["ctx"]["error"])
        return f"{name}: {message}" if name else message
    received = problem["input"]
    if problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
        key, choices = problem["ctx"]["discriminator"].strip("'"), problem["ctx"].get("expected_tags", "a known one")
        return f"{name}.{key}: expected {choices}, received {problem['ctx'].get('tag') or 'none'}"
    if problem["type"] == "missing":  # the other values of a section may be secrets
        among = ", ".join(map(str, received)) if isinstance(received, Mapping) else repr(received)
        return f"{name}: expected a value, received none in {among}"
    if problem["type"] == "model_type":
        return f"{name}: expected a section, received {received!r} ({type(received).__name__})"
    expected = problem["msg"].removeprefix("Input should be ")
    if _is_secret(section, name):
        return f"{name}: expected {expected}, received another value"
    return f"{name}: expected {expected}, received {received!r} ({type(received).__name__})"


def _is_secret(section: type[BaseModel], name: str) -> bool:
    """Whether a place is, or is in, a setting of its section that no message shows."""
    keys = [key for key in name.split(".") if key in section.model_fields]
    return any(pydantic.SecretStr.__name__ in repr(section.model_fields[key].annotation) for key in keys)
