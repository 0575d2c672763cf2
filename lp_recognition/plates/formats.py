"""Plate formats: one YAML file a format, read by a closed schema; a file may build on another by `base`.

The shipped files lie in `formats/`; `docs/plates.md` explains the language.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from lp_recognition.plates.format_schema import Format, setting_names
from lp_recognition.system.errors import UserError, did_you_mean, summarize

FORMAT_FOLDER = Path(__file__).parent / "formats"


class FormatError(UserError):
    """A plate format that is unknown, cannot be read, or can draw nothing."""


def list_formats() -> list[str]:
    """The names of the shipped formats, sorted."""
    return sorted(path.stem for path in FORMAT_FOLDER.glob("*.yaml"))


def load_format(name: str | Path) -> Format:
    """Reads a shipped format by its name, or a user's own by the path of its `.yaml`.

    Raises:
        FormatError: there is no such format, or its file is wrong; the message names the file and the setting.
    """
    path = _path_of(name)
    settings = _read_settings(path)
    try:
        return Format.model_validate({"name": path.stem, **settings})
    except ValidationError as error:
        raise FormatError(f"{path}: {summarize([_problem(e) for e in error.errors()])}") from None


def _path_of(name: str | Path) -> Path:
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return path
    names = list_formats()
    if str(name) not in names:
        hint = did_you_mean(str(name), names) or f" Choose from {', '.join(names)}."
        raise FormatError(f"unknown plate format `{name}`.{hint} A format of your own is named by its .yaml file")
    return FORMAT_FOLDER / f"{name}.yaml"


def _read_settings(path: Path, derived: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The settings of a file, laid over those of its `base`: sections entry by entry, entries setting by setting."""
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FormatError(f"{path}: expected a plate format, received an error: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: expected YAML, received {' '.join(str(error).split())}") from None
    if not isinstance(settings, dict):
        raise FormatError(f"{path}: expected settings like `size_mm: [440, 140]`, received {type(settings).__name__}")
    if "base" not in settings:
        return settings
    base = settings.pop("base")
    if not isinstance(base, str):
        raise FormatError(f"{path}: `base`: expected the name or the .yaml of a format, received {base!r}")
    # A base of one's own is named from where the file lies.
    base_path = path.parent / base if Path(base).suffix in (".yaml", ".yml") else _path_of(base)
    if base_path in (*derived, path):
        raise FormatError(f"{path}: `base`: expected another format, received {base}, which builds on this one")
    return _merge(_read_settings(base_path, (*derived, path)), settings, levels=3)


def _merge(base: Any, settings: Any, levels: int) -> Any:
    if levels == 0 or not isinstance(base, dict) or not isinstance(settings, dict):
        return settings
    return {**base, **{key: _merge(base.get(key), value, levels - 1) for key, value in settings.items()}}


def _problem(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown setting `{place}`.{did_you_mean(str(error['loc'][-1]), setting_names())}"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        return f"`{place}` is missing"
    received = "" if error["type"] == "value_error" else f", received {error['input']!r}"
    if error["type"] == "string_type":
        received += "; put it in quotes"
    return f"`{place}`: {message}{received}" if place else f"{message}{received}"
