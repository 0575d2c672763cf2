"""A real Chromium that looks at the page of a service, and hears whatever goes wrong in it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

#: Where Debian has it; elsewhere it is looked for by its name.
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

#: A busy machine may take so long to show what was asked for.
PATIENCE_MS = 15_000


def expect(shown: Any) -> Any:
    """Playwright's assertions about a part of a page: each waits until it holds, as a page is never done at once."""
    from playwright import sync_api

    sync_api.expect.set_options(timeout=PATIENCE_MS)
    return sync_api.expect(shown)


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """A browser without a window; skips where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@contextlib.contextmanager
def at_a_port(app: Any, port: int = 0) -> Iterator[str]:
    """Serves an application at this machine; gives its address."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        server = _Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=60))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive(), "it does not end"


class _Server(uvicorn.Server):
    """Tells its application of its end, as that of `alpr serve` does."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.app.state.service.stopping.set()
        await super().shutdown(sockets)


class Watched:
    """A page, with all that went wrong in it, and all hosts that it asked.

    Args:
        context: A context of the browser.
    """

    def __init__(self, context: Any) -> None:
        self.problems: list[str] = []
        self.asked: set[str] = set()
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.problems.append(f"page: {error}"))
        self.page.on("dialog", lambda dialog: (self.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.add(request.url.split("/")[2]))

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"{message.type}: {message.text}")
