"""The settings of `alpr serve`; `config/service.yaml` explains each."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from lp_recognition.settings.deliveries import Seconds, Secret
from lp_recognition.settings.known import KnownConfig
from lp_recognition.settings.loading import PathText, Section, Settings, override, validate
from lp_recognition.settings.passages import Polygon
from lp_recognition.settings.sources import parse_yaml, read_text
from lp_recognition.settings.streams import CornersText, StreamConfig, TilesSetting, WatchConfig, load_streams
from lp_recognition.settings.training import Days, Fraction, PositiveInt, Workers, listed

#: Where `alpr serve` keeps events where nothing else is said: in the folder where it was started.
DEFAULT_DATABASE = "sqlite:///alpr.db"


class FindingSettings(Settings):
    """How plates are looked for in a photograph; a request may say otherwise for itself.

    Attributes:
        score_threshold: The least score of a plate; None for that of the detector.
        iou_threshold: Plates whose boxes share more than this are one; None for that of the detector.
        min_height: Lower plates, in pixels of the photograph, are left out.
        input_size: A photograph is shrunk to this longest side before it is looked at; None leaves it as it is.
        tiles: Search parts of large photographs for small plates, too; `auto`: where nothing is found in the whole.
        regions: Areas that plates count in; everywhere where there are none.
        ignore: Areas that they do not count in.
    """

    score_threshold: Fraction | None = None
    iou_threshold: Fraction | None = None
    min_height: Annotated[float, Field(ge=0, le=4096)] = 0.0
    input_size: Annotated[int, Field(ge=32, le=65535)] | None = None
    tiles: TilesSetting = "auto"
    regions: Annotated[tuple[Polygon, ...], Field(max_length=64)] = ()
    ignore: Annotated[tuple[Polygon, ...], Field(max_length=64)] = ()


class LimitSettings(Section):
    """What a client may ask of the service.

    Attributes:
        max_bytes: Of a picture.
        max_pixels: Of a picture, before it is decoded.
        max_pictures: In one request.
        max_fields: Fields and files of a form together.
        max_waiting_bytes: Of all requests that are under way together.
        max_clients: Connections at a time.
        header_seconds: Until the head of a request is there.
        body_seconds: Until its body is.
        requests_per_second: Pictures and changes that a token may send, or an address where there are no tokens; None
            for any number.
        burst: So many requests may come at once before that holds.
    """

    max_bytes: Annotated[int, Field(ge=1_000, le=500_000_000)] = 16_000_000
    max_pixels: Annotated[int, Field(ge=1_000, le=64_000_000)] = 50_000_000
    max_pictures: PositiveInt = 32
    max_fields: PositiveInt = 100
    max_waiting_bytes: Annotated[int, Field(ge=1_000_000)] = 256_000_000
    max_clients: PositiveInt = 1000
    header_seconds: Seconds = 10.0
    body_seconds: Seconds = 30.0
    requests_per_second: Annotated[float, Field(gt=0)] | None = None
    burst: PositiveInt = 10


class RaySettings(Section):
    """Replicas of Ray Serve. Their number follows the load, unless `workers` says how many there are.

    Attributes:
        min_replicas: So many there are at least.
        max_replicas: At most, if the cluster has cores for them: a replica takes one.
        target_requests: Requests that a replica shall have under way; with more of them replicas are added.
        up_seconds: So long has the load to be higher before that.
        down_seconds: So long has it to be lower before one is taken away.
        ingresses: Replicas that take requests, where `serve run` starts the service.
    """

    min_replicas: Annotated[int, Field(ge=1)] = 1
    max_replicas: Annotated[int, Field(ge=1)] = 16
    target_requests: Annotated[float, Field(gt=0)] = 2.0
    up_seconds: Annotated[float, Field(ge=0)] = 30.0
    down_seconds: Annotated[float, Field(ge=0)] = 600.0
    ingresses: PositiveInt = 1

    @model_validator(mode="after")
    def _check_together(self) -> RaySettings:
        if self.max_replicas < self.min_replicas:
            raise ValueError(
                f"max_replicas: expected at least min_replicas, {self.min_replicas}, received {self.max_replicas}"
            )
        return self


class ServiceConfig(Settings):
    """What is served, to whom, and by what.

    Attributes:
        host: The address of this machine that is listened at.
        port: 0 for one that is free.
        token_file: Who may ask: names and hashes of tokens, as `alpr serve --new_token` writes them.
        no_auth: Serve other machines without tokens.
        hosts: Names that the service is called by beside its address: a browser that calls it otherwise is refused.
        detector: A shipped detector's name, or a `.tflite`.
        corners: What looks at each plate again, from near; `off` for nothing.
        readers: Readers' names or files, the surest of which is believed.
        vehicles: A `.tflite` that finds vehicles, inside of which plates are looked for, too.
        precision: What models compute with: 8 bits, or floating point, of files that `export_frozen_graph.py` made.
        models: The folder of such files of shipped models, of `lpdnet` `lpdnet/graph_float16.tflite`.
        delegate: The library of a delegate of LiteRT, which runs what it can on other hardware, as a GPU.
        finding: How plates are looked for.
        engine: What finds and reads: processes of this machine, or Ray Serve.
        ray: Replicas of Ray Serve.
        workers: Processes, or replicas, that find and read; None for one a core, or as many as the load asks for.
        max_batch: So many requests are handed to a process at once.
        batch_wait_ms: So long is waited for more of them.
        queue: So many requests may wait; any beyond is refused at once.
        answer_seconds: A process that takes longer for a request is ended, and another one started.
        stop_seconds: So long may requests take that are under way when the service is stopped.
        limits: What a client may ask.
        upload_hosts: Hosts, and addresses or networks, that pictures may be fetched from by `upload_url`.
        database: Where events, known plates and counts are kept; nothing is where it is empty.
        keep_reads: Keep what is read in photographs as events, too.
        keep_days: Pictures and looks of older events are deleted; None keeps them.
        matching: How far a reading may be from a known plate.
        streams: A YAML of streams that are watched, as `alpr watch` takes it.
        log: How requests are told: as words for people, or as JSON.
    """

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    token_file: PathText = ""
    no_auth: bool = False
    hosts: tuple[str, ...] = ()
    detector: PathText = ""
    corners: CornersText = ""
    readers: tuple[PathText, ...] = ()
    vehicles: PathText = ""
    precision: Literal["int8", "float16", "float32"] = "int8"
    models: PathText = "models"
    delegate: PathText = ""
    finding: FindingSettings = FindingSettings()
    engine: Literal["local", "ray"] = "local"
    ray: RaySettings = RaySettings()
    workers: Workers | None = None
    max_batch: PositiveInt = 4
    batch_wait_ms: Annotated[float, Field(ge=0, le=1000)] = 0.0
    queue: PositiveInt = 64
    answer_seconds: Seconds = 60.0
    stop_seconds: Seconds = 10.0
    limits: LimitSettings = LimitSettings()
    upload_hosts: tuple[str, ...] = ()
    database: Secret = SecretStr(DEFAULT_DATABASE)
    keep_reads: bool = False
    keep_days: Days | None = None
    matching: KnownConfig = KnownConfig()
    streams: PathText = ""
    log: Literal["text", "json"] = "text"

    @property
    def database_address(self) -> str:
        """The address of the database as it is, with its password."""
        return self.database.get_secret_value()

    @property
    def is_local(self) -> bool:
        """Whether only this machine is served."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @field_validator("readers", "hosts", "upload_hosts", mode="before")
    @classmethod
    def _one_of_them(cls, value: Any) -> Any:
        return listed(value)

    @model_validator(mode="after")
    def _check_together(self) -> ServiceConfig:
        if not self.is_local and not self.token_file and not self.no_auth:
            raise ValueError(
                f"host: expected a token_file beside {self.host}, which other machines reach, received none; make one "
                "with alpr serve --token_file tokens.txt --new_token NAME, or add --no_auth for a network you trust"
            )
        if self.token_file and self.no_auth:
            raise ValueError("no_auth: expected no token_file beside it, received one; leave one out")
        if self.keep_reads and not self.database_address:
            raise ValueError("keep_reads: expected a database beside it, received none")
        return self


def load_service(
    path: str | Path | None = None, given: Mapping[str, Any] | None = None, overrides: Sequence[str] = ()
) -> ServiceConfig:
    """Loads the settings of a YAML, if any, and what a command line says beside it, which has the last word.

    Args:
        path: The YAML.
        given: Settings by their names; those that are None are as the YAML has them.
        overrides: `key=value` or `section.key=value`.

    Raises:
        ConfigError: a missing file, an unknown key, a wrong type or value.
    """
    values = {} if path is None else parse_yaml(read_text(Path(path)), str(path))
    values |= {name: value for name, value in (given or {}).items() if value is not None}
    return override(validate(ServiceConfig, values, "command line" if path is None else str(path)), overrides)


def load_watched(config: ServiceConfig) -> tuple[ServiceConfig, dict[str, StreamConfig], WatchConfig]:
    """The streams that a service watches, and both settings with one database in them.

    That is the one that the service names, else the one that the YAML of streams names: a YAML of `alpr watch` goes on
    with what is there. So it is with days and matching.

    Returns:
        The settings of the service, the streams by their names, and what becomes of their events.

    Raises:
        ConfigError: as `load_streams`.
    """
    streams, watch = load_streams(config.streams) if config.streams else ({}, WatchConfig())
    is_named = config.database_address not in ("", DEFAULT_DATABASE)
    database = config.database if is_named or not watch.database_address else watch.database
    matching = config.matching if config.matching != KnownConfig() else watch.matching
    keep_days = config.keep_days or watch.keep_days
    settled = config.with_values(database=database, keep_days=keep_days, matching=matching)
    # The service itself forgets what is old, of photographs, too.
    return settled, streams, watch.with_values(database=database, keep_days=None, matching=matching)
