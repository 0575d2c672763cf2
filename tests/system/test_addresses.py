import pytest

from lp_recognition.system.addresses import without_credentials


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("rtsp://camera/stream", "rtsp://camera/stream"),
        ("rtsp://admin:secret@camera:554/stream", "rtsp://camera:554/stream"),
        ("rtsp://admin:se@cr:et@camera/", "rtsp://camera/"),
        ("postgresql+psycopg://gate:secret@[::1]/plates", "postgresql+psycopg://[::1]/plates"),
        ("http://host/x?token=secret&a=b#c", "http://host/x?token=***&a=***#c"),
        (
            "cannot open rtsp://u:secret@a/ and http://b/?key=secret 2 of 2 failed",
            "cannot open rtsp://a/ and http://b/?key=*** 2 of 2 failed",
        ),
        ("mail me@example.org about it?", "mail me@example.org about it?"),
    ],
)
def test_addresses_lose_what_lets_one_in(given, shown):
    assert without_credentials(given) == shown
