"""The settings of deliveries: what is refused, by which words, and that secrets are shown nowhere."""

from __future__ import annotations

import re

import pytest

from lp_recognition.settings.deliveries import DeliveriesConfig
from lp_recognition.settings.loading import Settings, dump_settings, parse_settings, validate
from lp_recognition.system.errors import ConfigError


class Config(Settings):
    """As a config of streams holds them."""

    defaults: DeliveriesConfig = DeliveriesConfig()
    streams: dict[str, DeliveriesConfig] = {}  # noqa: RUF012


TEXT = """
defaults:
  deliveries:
    - {type: jsonl, path: events.jsonl, events: [end]}
    - {type: csv, path: known.csv, plates: known}
    - {type: webhook, url: "https://eve:sesame@host/sesame?key=sesame", headers: {Authorization: Token sesame}}
    - {type: mqtt, host: broker, username: 12, password: env:ALPR_TEST_PASSWORD, home_assistant: true}
    - {type: kafka, bootstrap: "a:9092,b:9092", topic: plates, options: {sasl.password: sesame}}
"""


def deliveries(*targets: object) -> Config:
    return validate(Config, {"defaults": {"deliveries": targets}}, "streams.yaml")


def test_targets_have_names_and_show_no_secret(monkeypatch):
    monkeypatch.setenv("ALPR_TEST_PASSWORD", "sesame from outside")
    config = parse_settings(Config, TEXT, "streams.yaml")
    labels = [target.label for target in config.defaults.deliveries]
    assert labels[:2] == ["jsonl events.jsonl", "csv known.csv"]
    assert re.fullmatch(r"webhook https://host #[0-9a-f]{6}", labels[2])
    assert labels[3:] == ["mqtt broker:1883 alpr", "kafka a:9092,b:9092 plates"]
    assert config.defaults.deliveries[3].password.get_secret_value() == "sesame from outside"
    assert "sesame" not in dump_settings(config) + repr(config)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"type": "webhook", "ulr": "http://host/", "url": "http://host/"},
         "unknown key `defaults.deliveries.0.ulr`. Did you mean `defaults.deliveries.0.url`?"),
        ({"type": "kafka", "bootstrap": "a:1", "topic": "a b"},
         "defaults.deliveries.0.topic: expected String should match pattern"),
        ({"type": "mqtt", "host": "x", "port": 0}, "defaults.deliveries.0.port: expected greater than or equal to 1"),
        ({"type": "mqtt", "host": "x", "password": "sesame"}, "expected a username beside the password, received none"),
        ({"type": "mqtt", "host": "x", "username": "env:ALPR_NONE"},
         "defaults.deliveries.0.username: expected the environment variable ALPR_NONE, received none"),
        ({"type": "webhook", "url": "sesame"}, "defaults.deliveries.0.url: expected an address http://HOST/"),
        ({"type": "webhook", "url": "http://host/", "headers": {"A": "sesame\nB: c"}},
         "defaults.deliveries.0.headers: expected a name and a text of one line"),
        ({"type": "mqtt", "username": "sesame", "password": "sesame"},
         "defaults.deliveries.0.host: expected a value, received none in type, username, password"),
        ({"type": "mqtt", "host": "x", "username": ["sesame"]},
         "defaults.deliveries.0.username: expected a valid string, received another value"),
        ({"type": "webhook", "url": "http://host/", "headers": "Authorization: sesame"},
         "defaults.deliveries.0.headers: expected a valid dictionary, received another value"),
        ({"type": "jsonl", "path": "x", "events": []}, "defaults.deliveries.0.events: expected "),
        ({"type": "csv"}, "defaults.deliveries.0.path: expected a value, received none"),
        ({"type": "telegram"},
         "defaults.deliveries.0.type: expected 'jsonl', 'csv', 'webhook', 'mqtt', 'kafka', received telegram"),
        ({}, "defaults.deliveries.0.type: expected a known one, received none"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_where_it_stands(target, message):
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        deliveries(target)
    assert "sesame" not in str(caught.value)


def test_places_in_a_section_of_many_are_named():
    with pytest.raises(ConfigError, match=r"unknown key `streams\.gate\.deliveries\.1\.paht`\. Did you mean"):
        streams = {"gate": {"deliveries": [{"type": "csv", "path": "a"}, {"type": "csv", "path": "b", "paht": "c"}]}}
        validate(Config, {"streams": streams}, "streams.yaml")


def test_targets_of_one_name_are_refused():
    with pytest.raises(ConfigError, match="expected each target once, received `csv a` twice"):
        deliveries({"type": "csv", "path": "a"}, {"type": "csv", "path": "a", "plates": "known"})
    deliveries({"type": "csv", "path": "a"}, {"type": "csv", "path": "a", "name": "other"})
