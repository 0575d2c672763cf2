"""Where in a schema something is wrong, in the words of who wrote the config."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel


def place_of(schema: type[BaseModel], location: Sequence[str | int]) -> tuple[str, type[BaseModel]]:
    """The name of a place, as `train.plate_widths.0`, and the section that it stands in.

    Args:
        schema: The schema that a config was checked by.
        location: What pydantic says of the place. It holds also names of types, which say nothing to who wrote the
            config, and of an entry that may be of several kinds its kind.
    """
    kind: Any = schema
    section, names = schema, []
    for position, part in enumerate(location):
        candidates = _members(kind)
        section = next((one for one in candidates if _is_section(one)), section)
        kind, is_name = _step(candidates, part)
        is_unknown_key = position == len(location) - 1 and any(map(_is_section, candidates)) and kind is None
        if is_name or is_unknown_key:
            names.append(str(part))
        if _is_section(kind) and not is_name:
            section = kind
    return ".".join(names), section


def _step(candidates: Sequence[Any], part: str | int) -> tuple[Any, bool]:
    """What a part of a location leads to, None where nothing is known of it; and whether people would name it."""
    if len(candidates) > 1:
        chosen = next((one for one in candidates if _is_called(one, part)), None)
        return chosen, chosen is None and isinstance(part, int)
    for one in candidates:
        arguments = get_args(one)
        if _is_section(one) and part in one.model_fields:
            return one.model_fields[part].annotation, True
        if get_origin(one) in (dict, Mapping):
            return arguments[1], True
        if isinstance(part, int) and get_origin(one) in (tuple, list):
            return arguments[0 if Ellipsis in arguments else min(part, len(arguments) - 1)], True
    return None, isinstance(part, int)


def _members(kind: Any) -> list[Any]:
    """The kinds that something may be of, beside None."""
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return [member for one in get_args(kind) for member in _members(one)]
    return [] if kind in (None, types.NoneType) else [kind]


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _is_called(kind: Any, part: str | int) -> bool:
    """Whether a part of a location says that an entry is of this kind: by its type, or by a setting that tells it."""
    if not _is_section(kind):
        return str(part).startswith(getattr(get_origin(kind) or kind, "__name__", str(kind)))
    annotations = (field.annotation for field in kind.model_fields.values())
    return part == kind.__name__ or any(get_origin(one) is Literal and get_args(one) == (part,) for one in annotations)
