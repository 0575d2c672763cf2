"""Where events are delivered to: the settings of each target."""

from __future__ import annotations

import hashlib
import os
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from lp_recognition.settings.loading import PathText, Section, Settings

_FROM_ENVIRONMENT = "env:"
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=600)]


def read_secret(value: object) -> object:
    """`env:NAME` stands for what the environment holds under that name; in YAML, a password may be a number.

    Raises:
        ValueError: the environment holds nothing under that name.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value.startswith(_FROM_ENVIRONMENT):
        name = value.removeprefix(_FROM_ENVIRONMENT)
        if name not in os.environ:
            raise ValueError(f"expected the environment variable {name}, received none")
        return os.environ[name]
    return value


#: A text that no log, error or record shows; `env:NAME` takes it from the environment.
Secret = Annotated[SecretStr, BeforeValidator(read_secret)]


class TargetConfig(Section):
    """What every target is told.

    Attributes:
        name: What its messages wait under; unless told, the type and the address. A target that gets another name
            gets no message that waits under the old one.
        events: Which events of a passage it gets.
        plates: Whether it gets known plates, unknown ones, or all.
    """

    name: Annotated[str, Field(max_length=200)] = ""
    events: Annotated[tuple[Literal["start", "update", "here", "end"], ...], Field(min_length=1)] = (
        "start", "update", "here", "end",
    )  # fmt: skip
    plates: Literal["all", "known", "unknown"] = "all"

    @property
    def address(self) -> str:
        """Where it is, without what lets one in."""
        raise NotImplementedError

    @property
    def label(self) -> str:
        """What its messages wait under, and what messages for people call it."""
        return self.name or f"{getattr(self, 'type', '')} {self.address}".strip()


class JsonlConfig(TargetConfig):
    """A file with an event a line, as JSON."""

    type: Literal["jsonl"]
    path: PathText

    @property
    def address(self) -> str:
        """The file."""
        return self.path


class CsvConfig(TargetConfig):
    """A file with a header and an event a row."""

    type: Literal["csv"]
    path: PathText

    @property
    def address(self) -> str:
        """The file."""
        return self.path


class WebhookConfig(TargetConfig):
    """An address that every event is posted to.

    Attributes:
        form: Our JSON, or what Plate Recognizer's Stream posts.
        headers: More lines for the head of a request, as `Authorization`.
        pictures: Post the picture, too; our JSON is a form's field then.
        timeout_s: So long may the receiver be silent.
    """

    type: Literal["webhook"]
    url: Secret
    form: Literal["ours", "platerecognizer"] = "ours"
    headers: dict[str, Secret] = Field(default={})
    pictures: bool = False
    timeout_s: Seconds = 10.0

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: SecretStr) -> SecretStr:
        try:
            parts = urlsplit(url.get_secret_value())
            fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            fits = False
        if not fits:
            raise ValueError("expected an address http://HOST/ or https://HOST/, received another text")
        return url

    @field_validator("headers")
    @classmethod
    def _are_lines(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, value in headers.items():
            if not name.isascii() or any(end in f"{name}{value.get_secret_value()}" for end in "\r\n"):
                raise ValueError(f"expected a name and a text of one line, received another for {name!r}")
        return headers

    @property
    def address(self) -> str:
        """The host, and a few letters that tell its addresses apart: paths may hold what lets one in, too."""
        url = self.url.get_secret_value()
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port} #{hashlib.sha256(url.encode()).hexdigest()[:6]}"


class MqttConfig(TargetConfig):
    """An MQTT broker.

    Attributes:
        topic: What all topics begin with: `TOPIC/available`, and `TOPIC/events/SOURCE` in our form or
            `TOPIC/tracked_object_update` in Frigate's.
        form: Our JSON, or Frigate's.
        home_assistant: Announce an `event` entity a source to Home Assistant.
        discovery_prefix: Where Home Assistant looks for announcements.
        tls: Speak TLS.
    """

    type: Literal["mqtt"]
    host: Annotated[str, Field(min_length=1)]
    port: Port = 1883
    topic: Annotated[str, Field(min_length=1, pattern=r"^[^#+\x00]+$")] = "alpr"
    form: Literal["ours", "frigate"] = "ours"
    home_assistant: bool = False
    discovery_prefix: Annotated[str, Field(min_length=1, pattern=r"^[^#+\x00]+$")] = "homeassistant"
    username: Secret | None = None
    password: Secret | None = None
    tls: bool = False

    @model_validator(mode="after")
    def _no_password_alone(self) -> MqttConfig:
        if self.password is not None and self.username is None:
            raise ValueError("expected a username beside the password, received none")
        return self

    @property
    def address(self) -> str:
        """Host, port and topic."""
        return f"{self.host}:{self.port} {self.topic}"


class KafkaConfig(TargetConfig):
    """A Kafka cluster.

    Attributes:
        bootstrap: Brokers to begin with, as `host:port,host:port`.
        form: Our JSON, or DeepStream's minimal schema.
        options: More settings of librdkafka, as `security.protocol` or `sasl.password`.
    """

    type: Literal["kafka"]
    bootstrap: Annotated[str, Field(min_length=1)]
    topic: Annotated[str, Field(min_length=1, max_length=249, pattern=r"^[\w.-]+$")]
    form: Literal["ours", "deepstream"] = "ours"
    options: dict[str, Secret] = Field(default={})

    @property
    def address(self) -> str:
        """Brokers and topic."""
        return f"{self.bootstrap} {self.topic}"


Target: TypeAlias = Annotated[
    JsonlConfig | CsvConfig | WebhookConfig | MqttConfig | KafkaConfig, Field(discriminator="type")
]


def refuse_namesakes(targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """For validators: targets of one name would take each other's messages."""
    labels = [target.label for target in targets]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise ValueError(f"expected each target once, received `{twice}` twice; give one of them another `name`")
    return targets


class DeliveriesConfig(Settings):
    """All targets; for configs that hold nothing else."""

    deliveries: tuple[Target, ...] = ()

    _names = field_validator("deliveries")(refuse_namesakes)
