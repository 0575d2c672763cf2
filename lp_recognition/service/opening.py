"""The service as its settings say: engine, database, streams and the application around them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from fastapi import FastAPI

from lp_recognition.service.app import create_app
from lp_recognition.service.engine.jobs import Engine
from lp_recognition.service.live import Live
from lp_recognition.service.security.tokens import read_tokens
from lp_recognition.settings.service import ServiceConfig, load_watched
from lp_recognition.video.database.store import Store


def open_app(
    config: ServiceConfig, opened: ExitStack, open_engine: Callable[[ServiceConfig], Engine] | None = None
) -> FastAPI:
    """Makes the application that settings describe.

    Args:
        config: The settings.
        opened: Closes the database.
        open_engine: Makes the engine; by default that which the settings name.

    Raises:
        UserError: a file of the settings is broken, or the database cannot be opened.
    """
    config, streams, watch = load_watched(config)
    if config.token_file:
        read_tokens(Path(config.token_file))  # what is wrong with it is told before a database is made
    engine = (open_engine or engine_of)(config)
    store = opened.enter_context(Store(config.database_address)) if config.database_address else None
    return create_app(config, engine=engine, store=store, live=Live(streams, watch))


def engine_of(config: ServiceConfig) -> Engine:
    """What finds and reads, by the settings."""
    if config.engine == "ray":
        from lp_recognition.service.engine.ray import RayEngine

        return RayEngine(config)
    from lp_recognition.service.engine.local import LocalEngine

    return LocalEngine(config)
