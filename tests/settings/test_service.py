"""The settings of the service: what a file and a command line say together, and that each is explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from lp_recognition.settings.service import FindingSettings, LimitSettings, RaySettings, ServiceConfig, load_service
from lp_recognition.system.errors import ConfigError

ROOT = Path(__file__).parents[2]


def test_the_file_that_explains_them_changes_none():
    assert load_service(ROOT / "config" / "service.yaml") == ServiceConfig()


def test_every_setting_is_explained_in_both_places():
    text = (ROOT / "config" / "service.yaml").read_text(encoding="utf-8")
    document = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
    document += (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    for schema in (ServiceConfig, FindingSettings, LimitSettings, RaySettings):
        for name in schema.model_fields:
            assert f"{name}:" in text, name
            assert f"`{name}`" in document, name


def test_a_command_line_has_the_last_word(tmp_path):
    path = tmp_path / "service.yaml"
    path.write_text("host: 0.0.0.0\nport: 80\nlimits: {max_bytes: 5000}\n")
    config = load_service(path, {"no_auth": True, "port": None}, ["limits.max_pixels=2000"])
    assert (config.host, config.port, config.no_auth) == ("0.0.0.0", 80, True)
    assert (config.limits.max_bytes, config.limits.max_pixels) == (5000, 2000)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot: 80", "unknown key `prot`. Did you mean `port`?"),
        ("host: 0.0.0.0", r"host: expected a token_file beside 0\.0\.0\.0"),
        ("{token_file: x, no_auth: true}", "no_auth: expected no token_file beside it"),
        ("{keep_reads: true, database: ''}", "keep_reads: expected a database beside it"),
        ("finding: {score_threshold: 2}", "finding.score_threshold"),
        ("workers: 257", "workers: expected less than or equal to 256, received 257"),
        ("keep_days: 36501", "keep_days: expected less than or equal to 36500, received 36501"),
    ],
)
def test_what_is_wrong_is_told_by_its_place(tmp_path, text, message):
    (tmp_path / "service.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_service(tmp_path / "service.yaml")
