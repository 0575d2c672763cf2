"""Databases of both kinds to keep events in."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import PostgreSQL, find_postgresql

from lp_recognition.video.database.store import Store


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL | None]:
    """A PostgreSQL server; None where it is not installed."""
    programs = find_postgresql()
    if programs is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        place = Path(folder) / "server"
        place.mkdir()
        server = PostgreSQL(place, programs)
        try:
            yield server
        finally:
            server.stop()
            shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request, tmp_path, monkeypatch) -> str:
    """The address of a database that is still empty; the current folder is one of the test's own."""
    monkeypatch.chdir(tmp_path)
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'plates.db'}"
    server = request.getfixturevalue("postgresql")
    if server is None:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    pytest.importorskip("psycopg")
    return server.new_database()


@pytest.fixture
def store(address, tmp_path) -> Iterator[Store]:
    """A database that is still empty."""
    with Store(address, pictures=tmp_path / "pictures") as opened:
        yield opened
