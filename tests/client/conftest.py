"""A service, and a video of numbered frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from plate_service import PlateService
from tiny_videos import write_video

pytest.importorskip("httpx")

#: Frames of the video, ten a second.
FRAMES = 20


@pytest.fixture
def service() -> Iterator[PlateService]:
    served = PlateService()
    yield served
    served.stop()


@pytest.fixture(scope="session")
def drive(tmp_path_factory) -> Path:
    """A video that was recorded at noon."""
    path = tmp_path_factory.mktemp("client") / "drive.mkv"
    times = [number / 10 for number in range(FRAMES)]
    return write_video(
        path, times, codec="ffv1", pixels="bgr0", metadata={"creation_time": "2026-11-26T12:00:00.000000Z"}
    )
