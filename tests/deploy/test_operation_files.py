"""The files of deploy/, each checked by the tool that knows it where that is here, and against what they name."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel, ConfigDict, Field
from tiny_models import ROOT

from lp_recognition import __version__
from lp_recognition.video.metrics import StreamMetrics

pytest.importorskip("fastapi")
from made_up_engine import served

DEPLOY = ROOT / "deploy"


def program(name: str) -> str:
    """A program of this machine or of this environment; the test skips where there is none."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"needs {name}")
    return found


def read(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


# ---- systemd -------------------------------------------------------------------------------------------------------


def test_systemd_takes_the_unit_and_finds_it_confined(tmp_path):
    analyze = program("systemd-analyze")
    unit = tmp_path / "alpr.service"
    unit.write_text(read("alpr.service").replace("/opt/alpr/bin/alpr", "/bin/true"))
    verified = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True)
    assert (verified.returncode, verified.stderr) == (0, "")
    exposed = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", "--threshold=20", str(unit)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert exposed.returncode == 0, exposed.stdout + exposed.stderr  # at most 2.0 of 10


def test_the_unit_starts_what_there_is():
    [command] = re.findall(r"^ExecStart=\S+/alpr (.*)$", read("alpr.service"), re.MULTILINE)
    assert_it_starts(command.split())


def assert_it_starts(words: Iterable[str]) -> None:
    """The words behind `alpr` are a command, and its options and settings are known."""
    from lp_recognition.tools.alpr_serve import _config, _parser

    name, *options = words
    assert name == "serve"
    assert _config(_parser().parse_args(options)).log == "json"


# ---- Container -----------------------------------------------------------------------------------------------------


def test_hadolint_finds_nothing():
    linted = subprocess.run([program("hadolint"), str(DEPLOY / "Dockerfile")], capture_output=True, text=True)
    assert (linted.returncode, linted.stdout) == (0, "")


def test_the_image_copies_what_there_is_and_what_is_let_in():
    let_in = set(re.findall(r"^!(.+)$", read("Dockerfile.dockerignore"), re.MULTILINE))
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", read("Dockerfile"), re.MULTILINE)
    words = {word for line in copied for word in line.split()}
    assert words == let_in
    assert all(list(ROOT.glob(word)) for word in words)


def test_the_image_starts_what_there_is():
    [command] = re.findall(r"^CMD (\[.+\])$", read("Dockerfile"), re.MULTILINE)
    assert_it_starts(json.loads(command))


def test_images_are_of_this_version():
    tags = re.findall(r"\balpr(?:-ray)?:(\d+(?:\.\d+)*)", read("Dockerfile") + read("kuberay.yaml"))
    assert set(tags) == {__version__}


def test_the_image_has_extras_that_there_are():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = set(re.findall(r"EXTRAS=([\w,]+)", read("Dockerfile") + read("kuberay.yaml")))
    assert extras == {"service", "service,ray"}
    assert all(re.search(rf"^{extra} = \[", project, re.MULTILINE) for names in extras for extra in names.split(","))


# ---- Figures -------------------------------------------------------------------------------------------------------


def exported() -> dict[str, set[str]]:
    """The figures of the service, with their labels: `instance` and `job` are Prometheus's own."""
    with served() as client:
        client.post("/v1/alpr", content=b"no picture", headers={"Content-Type": "image/jpeg"})
        text = client.get("/metrics").text
    registry = CollectorRegistry()
    registry.register(StreamMetrics(list))  # of no stream: names alone
    text = text.removesuffix("# EOF\n") + generate_latest(registry).decode()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        names = {f"{family.name}{suffix}" for suffix in {
            "histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",), "info": ("_info",),
        }.get(family.type, ("",))}  # fmt: skip
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
        for name in names:
            found.setdefault(name, set())
    return found


def assert_it_is_exported(expression: str, figures: dict[str, set[str]]) -> None:
    names = set(re.findall(r"\balpr_\w+", expression))
    assert names <= set(figures), expression
    for name, selector in re.findall(r"\b(alpr_\w+)\{([^}]*)\}", expression):
        labels = set(re.findall(r"(\w+)\s*=~?", selector)) - {"instance", "job"}
        assert not figures[name] or labels <= figures[name], expression


def test_the_dashboard_shows_figures_that_are_exported():
    board, figures = json.loads(read("grafana.json")), exported()
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    for expression in expressions:
        assert_it_is_exported(expression, figures)
    shown = set(re.findall(r"\balpr_\w+", " ".join(expressions)))
    assert {family(name) for name in figures if name.startswith("alpr_")} == {family(name) for name in shown}


def family(name: str) -> str:
    """What the names of a figure's samples begin with."""
    return re.sub("_(bucket|sum|count|created|total)$", "", name)


def test_the_dashboard_fits_on_its_grid():
    board = json.loads(read("grafana.json"))
    places = [panel["gridPos"] for panel in board["panels"]]
    cells = [(x, y) for one in places for x in range(one["x"], one["x"] + one["w"])
             for y in range(one["y"], one["y"] + one["h"])]  # fmt: skip
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in board["panels"]}) == len(places)
    assert {panel["datasource"]["uid"] for panel in board["panels"]} == {"${source}"}


def test_alarms_go_by_figures_that_are_exported():
    rules = yaml.safe_load(read("alpr.rules.yml"))["groups"][0]["rules"]
    figures = exported()
    for rule in rules:
        assert_it_is_exported(rule["expr"], figures)


def test_prometheus_reads_the_service_where_it_is():
    config = yaml.safe_load(read("prometheus.yml"))
    [job] = config["scrape_configs"]
    with served() as client:
        assert client.get(job["metrics_path"]).status_code == 200
    assert all((DEPLOY / name).exists() for name in config["rule_files"])


def test_promtool_takes_both_files():
    checked = subprocess.run(
        [program("promtool"), "check", "config", str(DEPLOY / "prometheus.yml")], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


# ---- Kubernetes: what the manifest uses of the schemas of KubeRay and of pods, closed --------------------------------

Quantity = Field(pattern=r"^\d+(\.\d+)?(m|[KMGT]i?)?$")


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Named(Part):
    name: str = Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=63)


class Variable(Part):
    name: str
    value: str


class Port(Named):
    containerPort: int = Field(ge=1, le=65535)  # noqa: N815


class Amounts(Part):
    cpu: str = Quantity
    memory: str = Quantity


class Resources(Part):
    requests: Amounts
    limits: Amounts


class Capabilities(Part):
    drop: list[str]


class Security(Part):
    allowPrivilegeEscalation: bool  # noqa: N815
    runAsNonRoot: bool  # noqa: N815
    capabilities: Capabilities


class Mount(Named):
    mountPath: str = Field(pattern="^/")  # noqa: N815
    readOnly: bool = False  # noqa: N815


class Container(Named):
    image: str = Field(pattern=r"^[\w./-]+:[\w.-]+$")
    env: list[Variable]
    ports: list[Port] = []
    resources: Resources
    securityContext: Security  # noqa: N815
    volumeMounts: list[Mount]  # noqa: N815


class Secret(Part):
    secretName: str  # noqa: N815


class Volume(Named):
    secret: Secret


class PodSpec(Part):
    containers: list[Container] = Field(min_length=1)
    volumes: list[Volume]


class Template(Part):
    spec: PodSpec


class HeadGroup(Part):
    rayStartParams: dict[str, str]  # noqa: N815
    template: Template


class WorkerGroup(HeadGroup):
    groupName: str  # noqa: N815
    replicas: int = Field(ge=0)
    minReplicas: int = Field(ge=0)  # noqa: N815
    maxReplicas: int = Field(ge=0)  # noqa: N815


class Cluster(Part):
    rayVersion: str  # noqa: N815
    enableInTreeAutoscaling: bool  # noqa: N815
    headGroupSpec: HeadGroup  # noqa: N815
    workerGroupSpecs: list[WorkerGroup]  # noqa: N815


class ServiceSpec(Part):
    serveConfigV2: str  # noqa: N815
    rayClusterConfig: Cluster  # noqa: N815


class RayService(Part):
    apiVersion: Literal["ray.io/v1"]  # noqa: N815
    kind: Literal["RayService"]
    metadata: Named
    spec: ServiceSpec


@pytest.fixture
def manifest() -> RayService:
    return RayService.model_validate(yaml.safe_load(read("kuberay.yaml")))


def test_the_manifest_has_the_shape_that_kuberay_takes(manifest):
    cluster = manifest.spec.rayClusterConfig
    pods = [cluster.headGroupSpec.template.spec, *(group.template.spec for group in cluster.workerGroupSpecs)]
    for pod in pods:
        volumes = {volume.name for volume in pod.volumes}
        for container in pod.containers:
            assert {mount.name for mount in container.volumeMounts} <= volumes
            assert {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"} in [one.model_dump() for one in container.env]
    assert all(group.minReplicas <= group.replicas <= group.maxReplicas for group in cluster.workerGroupSpecs)


def served_by(manifest: RayService) -> dict[str, Any]:
    return yaml.safe_load(manifest.spec.serveConfigV2)


def test_ray_serve_takes_what_the_manifest_serves(manifest):
    schema = pytest.importorskip("ray.serve.schema", reason="needs Ray: pip install 'lp-recognition[ray]'")
    [application] = schema.ServeDeploySchema.model_validate(served_by(manifest)).applications
    module, _, name = application.import_path.partition(":")
    from lp_recognition.service import ray_app

    assert (module, name) == (ray_app.__name__, "app")
    assert ray_app.app(application.args) is not None  # which knows all its settings


def test_the_ports_and_the_tokens_of_the_manifest_are_those_of_the_service(manifest):
    config = served_by(manifest)
    head = manifest.spec.rayClusterConfig.headGroupSpec.template.spec
    assert config["http_options"]["port"] in {port.containerPort for port in head.containers[0].ports}
    [application] = config["applications"]
    assert any(
        application["args"]["token_file"].startswith(mount.mountPath) for mount in head.containers[0].volumeMounts
    )


def test_a_manifest_of_another_shape_is_found_out(manifest):
    broken = yaml.safe_load(read("kuberay.yaml"))
    broken["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]["maxReplica"] = 3
    with pytest.raises(ValueError, match="maxReplica"):
        RayService.model_validate(broken)
