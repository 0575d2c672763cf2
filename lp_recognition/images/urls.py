"""Pictures of the network: fetched only where a user allows it, over HTTP alone, bounded in size and time."""

from __future__ import annotations

import threading

from lp_recognition.system.errors import ImageError

#: A larger picture, or a slower answer, is given up.
MAX_BYTES, MAX_SECONDS = 64_000_000, 30.0
_CHUNK = 1 << 16
#: Those of `urllib.request.build_opener` without the ones for files, FTP and data.
_HANDLERS = (
    "ProxyHandler", "UnknownHandler", "HTTPHandler", "HTTPSHandler", "HTTPDefaultErrorHandler", "HTTPRedirectHandler",
    "HTTPErrorProcessor",
)  # fmt: skip


def is_url(text: str) -> bool:
    """Whether a word is the address of something on the network."""
    return text.lower().startswith(("http://", "https://"))


def fetch(url: str) -> bytes:
    """Reads what an `http` or `https` address gives, redirections and the proxies of the environment included.

    Raises:
        ImageError: there is no answer in time, or an error, or more than a picture may have.
    """
    outcome: list[bytes | str] = []
    too_late = threading.Event()

    def read() -> None:
        outcome.append(_read(url, too_late))

    # In a thread, as no timeout of the standard library bounds the whole of an answer that trickles.
    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(MAX_SECONDS)
    too_late.set()
    received = outcome[0] if outcome else f"no whole answer in {MAX_SECONDS:g} seconds"
    if isinstance(received, str):
        raise ImageError(f"{url}: expected an image, received {received}")
    return received


def _read(url: str, too_late: threading.Event) -> bytes | str:
    """The bytes, or what was received in place of them."""
    # Imported here: it takes longer than reading a plate does.
    import urllib.error
    import urllib.request
    from http.client import HTTPException

    opener = urllib.request.OpenerDirector()
    for name in _HANDLERS:
        if hasattr(urllib.request, name):  # a Python without SSL has no HTTPSHandler
            opener.add_handler(getattr(urllib.request, name)())
    opener.addheaders = [("User-Agent", "lp_recognition")]
    data = bytearray()
    try:
        with opener.open(url, timeout=MAX_SECONDS) as response:
            while (chunk := response.read1(_CHUNK)) and not too_late.is_set():
                data += chunk
                if len(data) > MAX_BYTES:
                    return f"more than {MAX_BYTES:,} bytes"
            expected = response.headers.get("Content-Length")
    except urllib.error.HTTPError as error:
        return f"status {error.code} {error.reason}"
    except urllib.error.URLError as error:
        return f"an error: {error.reason}"
    except (OSError, HTTPException, ValueError) as error:
        return f"an error: {error}"
    if expected is not None and expected.isdecimal() and int(expected) != len(data):
        return f"{len(data)} of {expected} bytes"
    return bytes(data)
