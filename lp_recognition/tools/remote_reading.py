"""What commands share that have pictures read by a service: where it is, what lets one in, and what it finds."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lp_recognition.system.errors import UserError
from lp_recognition.tools.photographs import Searched

if TYPE_CHECKING:
    from lp_recognition.client.answers import Answer
    from lp_recognition.client.remote import RemoteAlpr

#: So long may the answer to a photograph take, and so often is a service asked that says when to ask again.
_TIMEOUT_S, _ATTEMPTS = 60.0, 5
#: Options of models, which a service has of its own.
_OF_MODELS = ("detector", "reader", "vehicle_model", "vehicle_class", "texts", "crops")


def add_service(parser: argparse.ArgumentParser, default: str = "") -> None:
    """Adds what names a service and lets one in."""
    otherwise = f" ({default})" if default else " in place of models here"
    parser.add_argument("--url", default=default, metavar="ADDRESS", help=f"a service that reads{otherwise}")
    parser.add_argument("--token", default="", help="what lets one in there; others at this machine may see it")
    parser.add_argument("--token_file", default="", metavar="FILE", help="a file whose first word is the token")


def read_token(arguments: argparse.Namespace) -> str:
    """The token of a command line, as it is or the first word of a file; empty where there is none.

    Raises:
        UserError: both are given; or the file cannot be read, or holds no token.
    """
    token, file = arguments.token, arguments.token_file
    if not file:
        return _checked(str(token), "--token")
    if token:
        raise UserError("--token_file: expected no --token beside it, received one; leave one out")
    try:
        text = Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{file}: expected a token, received a file that is no text; name another") from None
    except OSError as error:
        raise UserError(f"{file}: expected a token, cannot be read: {error.strerror}") from None
    if not text.split():
        raise UserError(f"{file}: expected a token, received an empty file")
    if "sha256:" in text:
        raise UserError(
            f"{file}: expected a token, received the hashes by which a service knows its tokens; name a file with what "
            "`alpr serve --new_token` printed"
        )
    return _checked(text.split()[0], file)


def _checked(token: str, where: str) -> str:
    if not (token.isascii() and token.isprintable()):  # it is not shown
        raise UserError(f"{where}: expected a token of letters and digits, received other characters")
    return token


def open_remote(arguments: argparse.Namespace) -> RemoteAlpr:
    """The service that reads photographs.

    Raises:
        UserError: the address is none; or an option names what the service has itself.
    """
    from lp_recognition.client.remote import RemoteAlpr
    from lp_recognition.model_files.pretrained import DEFAULT_CORNERS

    other = {option: getattr(arguments, option) for option in _OF_MODELS}
    other["corners"] = arguments.corners != DEFAULT_CORNERS
    for option, given in other.items():
        if given:
            raise UserError(f"--url: expected no --{option} beside it, for the service has its own; leave one out")
    return RemoteAlpr(arguments.url, token=read_token(arguments), timeout_s=_TIMEOUT_S)


def read_remotely(remote: RemoteAlpr, data: bytes, finding: Mapping[str, str], min_confidence: float) -> Searched:
    """What a service finds and reads in a picture, for printing and drawing.

    Raises:
        UserError: it does not answer, or takes no such picture.
    """
    import numpy as np

    from lp_recognition.evaluation.drawing import plate_caption
    from lp_recognition.reading.detector import Detection

    answer = _answer(remote, data, finding)
    sure = [
        (plate, record)
        for plate, record in zip(answer.plates, answer.told["plates"], strict=True)
        if plate.confidence >= min_confidence
    ]
    detections = [Detection(np.array(plate.corners, np.float32), plate.score) for plate, _ in sure]
    captions = [plate_caption(plate.text, plate.confidence) for plate, _ in sure]
    records: list[dict[str, Any]] = [{**record, "box": list(plate.box)} for plate, record in sure]
    return Searched(detections, records, captions, left_out=len(answer.plates) - len(sure))


def _answer(remote: RemoteAlpr, data: bytes, finding: Mapping[str, str]) -> Answer:
    from lp_recognition.client.remote import RefusedError, TimedOutError, UnavailableError

    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return remote.read(data, finding)
        except UnavailableError as error:
            if error.retry_after_s is None or attempt == _ATTEMPTS:
                raise UserError(f"{remote.address}: {error}; is it running?") from None
            time.sleep(min(error.retry_after_s, _TIMEOUT_S))
        except TimedOutError:
            raise UserError(f"{remote.address}: expected an answer in {_TIMEOUT_S:g} s, received none") from None
        except RefusedError as error:
            raise UserError(f"{remote.address}: {error}") from None
    raise AssertionError
