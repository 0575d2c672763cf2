"""The settings of `alpr watch`: of each stream, and of what becomes of its events. `config/streams.yaml` explains them.

defaults: {every: 2}
streams:
  gate: {source: "rtsp://user:password@camera/stream", passages: {min_height: 12}}
  drive: drive.mp4
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from lp_recognition.settings.deliveries import Secret, Target, refuse_namesakes
from lp_recognition.settings.known import KnownConfig
from lp_recognition.settings.loading import PathText, Settings, merge_layers, override, validate
from lp_recognition.settings.passages import PassageSettings
from lp_recognition.settings.sources import Layer, parse_yaml, read_text
from lp_recognition.settings.training import Days, PositiveInt, Workers, listed
from lp_recognition.system.errors import ConfigError
from lp_recognition.system.files import expand_home


def _on_or_off(value: object) -> object:
    """YAML takes `on` and `off` for true and false."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


def _off(value: object) -> object:
    return "off" if value is False else value


#: Whether parts of large pictures are searched for small plates, too.
TilesSetting = Annotated[Literal["off", "auto", "on"], BeforeValidator(_on_or_off)]
#: A model's name or file, or `off` for none.
CornersText = Annotated[PathText, BeforeValidator(_off)]


class StreamConfig(Settings):
    """What is looked at, and how.

    Attributes:
        source: A video file, a folder of pictures, an address or a camera's number; in a YAML, where a password is
            better not written, `env:NAME` takes it from the environment.
        every: Of its frames, each n-th is looked at.
        tiles: Search parts of large frames for small plates, too.
        detector: A shipped detector's name, or a `.tflite`; the default one where it is empty.
        corners: What looks at each plate again, from near: a shipped name or a `.tflite`; the default one where it is
            empty; `off` for nothing.
        readers: Readers' names or files, the surest of which is believed; the default ones where there is none.
        vehicles: A `.tflite` that finds vehicles, inside of which plates are looked for, too.
        output: An MP4 with what was read drawn into it.
        passages: Which looks count, and what is told when.
    """

    source: Secret = SecretStr("")
    every: PositiveInt = 1
    tiles: TilesSetting = "off"
    detector: PathText = ""
    corners: CornersText = ""
    readers: tuple[PathText, ...] = ()
    vehicles: PathText = ""
    output: PathText = ""
    passages: PassageSettings = PassageSettings()

    @property
    def address(self) -> str:
        """The source as it is, with its password."""
        return self.source.get_secret_value()

    @field_validator("readers", mode="before")
    @classmethod
    def _one_reader(cls, value: Any) -> Any:
        return listed(value)

    @field_validator("source", mode="before")
    @classmethod
    def _camera(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class WatchConfig(Settings):
    """What becomes of the events of all streams.

    Attributes:
        events: A file that every event is added to, a line of JSON each.
        crops: A folder for a picture of each plate.
        database: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`; nothing is kept where it is empty.
        known: A list of known plates, CSV; those of the database are known, too.
        matching: How far a reading may be from a known plate.
        keep_days: Pictures and looks of older events are deleted from the database; None keeps them.
        deliveries: Where events are delivered to.
        metrics_port: A port for Prometheus at this machine.
        workers: Processes that find and read; None for as many as there are cores.
    """

    events: PathText = ""
    crops: PathText = ""
    database: Secret = SecretStr("")
    known: PathText = ""
    keep_days: Days | None = None
    deliveries: tuple[Target, ...] = ()
    metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    workers: Workers | None = None
    matching: KnownConfig = KnownConfig()

    _names = field_validator("deliveries")(refuse_namesakes)

    @property
    def database_address(self) -> str:
        """The address of the database as it is, with its password."""
        return self.database.get_secret_value()

    @model_validator(mode="after")
    def _check_together(self) -> WatchConfig:
        for name in ("keep_days", "deliveries"):
            if getattr(self, name) and not self.database_address:
                raise ValueError(
                    f"{name}: expected a database beside it, where events are kept first, received none; add "
                    "database: sqlite:///plates.db"
                )
        return self


def load_streams(path: str | Path, overrides: Sequence[str] = ()) -> tuple[dict[str, StreamConfig], WatchConfig]:
    """Loads a YAML of many streams: `defaults`, a section for each of the `streams`, and what becomes of events.

    Args:
        path: The YAML.
        overrides: `key=value` for all streams, as `passages.min_height=12`.

    Returns:
        The streams by their names, and the rest.

    Raises:
        ConfigError: a missing file, an unknown key, a wrong type or value, no stream, a stream without a source.
    """
    path = Path(expand_home(str(path)))
    values = parse_yaml(read_text(path), str(path))
    defaults, sections = values.pop("defaults", None) or {}, values.pop("streams", None)
    if not isinstance(sections, dict) or not sections:
        raise ConfigError(f"{path}: streams: expected a section for each stream, received none")
    if not isinstance(defaults, dict):
        raise ConfigError(f"{path}: defaults: expected settings, received {type(defaults).__name__}")
    streams = {}
    for name, section in sections.items():
        place = f"{path}: streams.{name}"
        if not isinstance(name, str) or not name.strip() or any(mark in name for mark in "/\\\n"):
            raise ConfigError(f"{path}: streams: expected names, as gate, without slashes, received {name!r}")
        own = {"source": section} if isinstance(section, (str, int)) else section
        if not isinstance(own, Mapping):
            raise ConfigError(f"{place}: expected a source, or a section of settings, received {type(own).__name__}")
        layers = [Layer(f"{path}: defaults", defaults), Layer(place, dict(own))]
        streams[name] = override(merge_layers(StreamConfig, layers), overrides)
        if not streams[name].address:
            raise ConfigError(f"{place}.source: expected a video, an address or a camera's number, received none")
    return streams, validate(WatchConfig, values, str(path))
