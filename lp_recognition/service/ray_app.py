"""The service as an application of Ray Serve, for `serve run` and for clusters.

    serve run lp_recognition.service.ray_app:app
    serve run lp_recognition.service.ray_app:app config=service.yaml workers=4 ray.ingresses=2

One deployment takes requests, another one finds and reads. Ray Serve listens, at its own host and port.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from fastapi import FastAPI
from ray import serve
from ray.serve.context import _get_global_client

from lp_recognition.service.engine.ray import RayEngine, plates
from lp_recognition.service.opening import open_app
from lp_recognition.settings.service import ServiceConfig, load_service
from lp_recognition.system.errors import ConfigError


def app(arguments: Mapping[str, Any]) -> serve.Application:
    """The application, by what stands behind its name on the command line of `serve run`.

    Args:
        arguments: `config`, a YAML as of `alpr serve`; and any other setting by its name, as `workers` or
            `limits.max_bytes`.

    Raises:
        ConfigError: a setting that is unknown or wrong.
    """
    given = dict(arguments)
    path = given.pop("config", None)
    return application(load_service(path, {}, [f"{name}={value}" for name, value in given.items()]))


def application(config: ServiceConfig) -> serve.Application:
    """The application, by its settings.

    Raises:
        ConfigError: several ingresses with a database that one alone can have.
    """
    if config.ray.ingresses > 1 and config.database_address.startswith("sqlite"):
        raise ConfigError(
            f"ray.ingresses: expected one with a database in a file, received {config.ray.ingresses}; name a "
            "PostgreSQL, or database='' to keep nothing"
        )

    def build() -> FastAPI:  # within a replica
        name = serve.get_replica_context().app_name
        # Ray Serve listens, not the address of the settings: whether tokens are needed goes by where that is.
        client = _get_global_client()
        host = client.http_config.host if client is not None else None
        listened = config.with_values(host=host or config.host)
        return open_app(listened, ExitStack(), lambda settled: RayEngine(settled, application=name))

    ingress: Any = serve.deployment(
        serve.ingress(build)(),
        name="Ingress",
        num_replicas=config.ray.ingresses,
        max_ongoing_requests=config.limits.max_clients,  # it refuses by itself what is too much
        ray_actor_options={"num_cpus": 0},
        graceful_shutdown_timeout_s=config.stop_seconds,
    )
    return ingress.bind(plates(config))
