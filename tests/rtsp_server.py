"""An RTSP server of the tests: GStreamer's, by the system's own Python, sending numbered pictures to whom it knows."""

from __future__ import annotations

import functools
import shutil
import socket
import subprocess
from pathlib import Path

from tiny_videos import numbered

from lp_recognition.images.image import write_image

PYTHON = "/usr/bin/python3"
_SERVER = """
import sys
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
for element in ("multifilesrc", "jpegdec", "jpegenc", "rtpjpegpay"):
    assert Gst.ElementFactory.find(element), element
if len(sys.argv) > 1:
    folder, port = sys.argv[1:]
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic("user", "secret"), token)
    server.set_auth(auth)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f'( multifilesrc location="{folder}/%02d.jpg" loop=true caps=image/jpeg,framerate=25/1,width=64,height=48 '
        '! jpegdec ! jpegenc ! rtpjpegpay name=pay0 pt=26 )'
    )
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("user", "media.factory.access", True)
    permissions.add_permission_for_role("user", "media.factory.construct", True)
    factory.set_permissions(permissions)
    server.get_mount_points().add_factory("/gate", factory)
    assert server.attach(None)
    print("ready", flush=True)
    GLib.MainLoop().run()
"""


@functools.cache
def is_installed() -> bool:
    """Whether GStreamer's RTSP server is there: gir1.2-gst-rtsp-server-1.0 and gstreamer1.0-plugins-good of Debian."""
    if shutil.which(PYTHON) is None:
        return False
    return subprocess.run([PYTHON, "-c", _SERVER], capture_output=True, timeout=60).returncode == 0


class RtspServer:
    """Serves 32 numbered pictures, over and over, 25 a second.

    Args:
        folder: Where the pictures are laid.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for number in range(32):
            write_image(folder / f"{number:02}.jpg", numbered(number))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.start()

    @property
    def address(self) -> str:
        """Where it is, with the password that it asks for."""
        return f"rtsp://user:secret@127.0.0.1:{self._port}/gate"

    def start(self) -> None:
        """Begins to serve, at the same port as before."""
        command = [PYTHON, "-c", _SERVER, str(self._folder), str(self._port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        """Dies at once."""
        self._process.kill()
        self._process.wait()
