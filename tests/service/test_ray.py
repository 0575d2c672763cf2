"""Ray Serve as the engine: on a local Ray with two replicas, one of which is killed under load."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from brokers import free_port
from tiny_photographs import photograph, tiny_detector, tiny_reader

from lp_recognition.images.headers import read_header
from lp_recognition.images.image import write_image
from lp_recognition.service.engine.jobs import BusyError, EncodedPicture, EngineDownError, Job
from lp_recognition.settings.loading import validate
from lp_recognition.settings.service import ServiceConfig
from lp_recognition.system.errors import ConfigError, ImageError, UserError

ray = pytest.importorskip("ray", reason="needs Ray: pip install 'lp-recognition[ray]'")
from ray import serve  # noqa: E402

from lp_recognition.service.engine.ray import RayEngine  # noqa: E402
from lp_recognition.service.ray_app import app, application  # noqa: E402


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A Ray of this test's own, which is gone in the end whatever happens."""
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR",
             namespace="serve", object_store_memory=100 << 20)  # fmt: skip
    yield
    serve.shutdown()
    ray.shutdown()


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ray")
    (folder / "finder.tflite").write_bytes(tiny_detector())
    (folder / "reader.tflite").write_bytes(tiny_reader())
    write_image(folder / "two.png", photograph([(1, 1, "BBBCCC"), (4, 5, "CCCAAA")]))
    return folder


def config_of(made: Path, **settings) -> ServiceConfig:
    models = {"detector": str(made / "finder.tflite"), "readers": [str(made / "reader.tflite")], "corners": "off"}
    return validate(ServiceConfig, {"database": "", "workers": 2, **models, **settings}, "test")


def job_of(path: Path, keep: int | None = None) -> Job:
    data = path.read_bytes()
    return Job("alpr", (EncodedPicture(data[:keep], path.name, read_header(data)),))


def replicas(application: str) -> list[int]:
    """The processes of the replicas that find and read."""
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    wanted = f"ServeReplica:{application}:Plates"
    return [int(line.split()[0]) for line in listed.splitlines() if wanted in line]


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 150  # Ray starts a replica in seconds, on a busy machine in many
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


# ---- Settings, which need no Ray -----------------------------------------------------------------------------------


def test_nothing_is_reported():
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_replicas_follow_the_load_unless_their_number_is_named():
    for workers, expected in ((None, (1, 16, 2)), (3, None)):
        bound = application(config_of(Path("models"), workers=workers))
        [plates] = [one for one in bound._bound_deployment.init_args if isinstance(one, serve.Application)]
        deployment = plates._bound_deployment._deployment_config
        scaling = deployment.autoscaling_config
        found = scaling and (scaling.min_replicas, scaling.max_replicas, scaling.target_ongoing_requests)
        assert found == expected
        assert expected or deployment.num_replicas == workers


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"wrokers": "2"}, "wrokers"),
        ({"ray.min_replicas": "9", "ray.max_replicas": "3"}, "max_replicas: expected at least min_replicas, 9"),
        ({"ray.ingresses": "2"}, "expected one with a database in a file"),
    ],
)
def test_settings_that_are_wrong_are_told_before_anything_is_started(arguments, told):
    with pytest.raises(ConfigError, match=told):
        app(arguments)


# ---- On Ray --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_no_request_is_lost_where_a_replica_is_killed_under_load(cluster, made):
    async def run() -> None:
        engine = RayEngine(config_of(made, max_batch=2))
        await engine.start()
        name = f"alpr {os.getpid()}"
        try:
            await until(lambda: engine.state().workers == 2)
            job, over, answered, pids = job_of(made / "two.png"), asyncio.Event(), 0, replicas(name)

            async def ask() -> None:
                nonlocal answered
                while not over.is_set():
                    answer = await engine.read(job)  # which raises what is lost
                    assert [plate.text for plate in answer.pictures[0].plates] == ["BC", "CA"]
                    answered += 1

            asking = [asyncio.create_task(ask()) for _ in range(8)]
            await until(lambda: answered > 20)
            os.kill(pids[0], signal.SIGKILL)
            await until(lambda: engine.state().restarts == 1)
            await until(lambda: len(set(replicas(name)) - {pids[0]}) == 2)
            before = answered
            await until(lambda: answered > before + 20)
            over.set()
            await asyncio.gather(*asking)
            await until(lambda: engine.state().workers == 2)
        finally:
            await engine.stop()
        with pytest.raises(EngineDownError):
            await engine.read(job)

    asyncio.run(run())


@pytest.mark.slow
def test_a_replica_tells_what_is_wrong_with_a_picture_and_what_is_too_much_is_refused(cluster, made):
    async def run() -> None:
        engine = RayEngine(config_of(made, workers=1, queue=4))
        await engine.start()
        try:
            with pytest.raises(ImageError, match=r"two\.png: expected an image"):
                await engine.read(job_of(made / "two.png", keep=200))
            job = job_of(made / "two.png")
            asked = await asyncio.gather(*(engine.read(job) for _ in range(12)), return_exceptions=True)
            refused = [one for one in asked if isinstance(one, BusyError)]
            assert len(refused) == 12 - 4 - 1
            assert all(one.stages_ms["queue"] >= 0 for one in asked if one not in refused)
            assert sum(size * count for size, count in engine.state().batches.items()) == 6
        finally:
            await engine.stop()

    asyncio.run(run())


@pytest.mark.slow
def test_a_model_that_cannot_be_opened_is_told(cluster, made):
    engine = RayEngine(config_of(made, workers=1, detector=str(made / "none.tflite")))
    with pytest.raises(UserError, match=r"received none: .*none\.tflite: expected"):
        asyncio.run(engine.start())


@pytest.mark.slow
def test_the_application_answers_over_http_where_ray_serve_listens(cluster, made):
    port = free_port()
    serve.shutdown()  # that of the tests before listens nowhere
    serve.start(http_options={"port": port})
    config = config_of(made, workers=1)
    serve.run(application(config), name="over http", route_prefix="/")
    try:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/alpr", data=(made / "two.png").read_bytes(),
            headers={"Content-Type": "image/png"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert [plate["text"] for plate in json.load(answer)["plates"]] == ["BC", "CA"]
    finally:
        serve.delete("over http")
