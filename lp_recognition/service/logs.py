"""Logs with fields: a line an event, as words for people or as JSON for programs."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Literal

_PLAIN = re.compile(r"[\w./:@+-]+")
#: Loggers of libraries that tell what ours tell better, or what nobody asks for.
_QUIET = ("uvicorn.error", "uvicorn.access", "alembic", "asyncio", "httpx", "python_multipart")


def tell(logger: logging.Logger, level: int, message: str, **fields: Any) -> None:
    """Logs an event with fields."""
    logger.log(level, message, extra={"fields": fields})


def begin_logging(form: Literal["text", "json"]) -> None:
    """Lets this program log to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else Words())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)


class JsonLines(logging.Formatter):
    """A line of JSON an event: `time`, `level`, `event`, and its fields; `trace` of an error that nobody expected."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        values = {"time": _time(record), "level": record.levelname.lower(), "event": record.getMessage()}
        values |= _fields(record)
        if record.exc_info:
            values["trace"] = self.formatException(record.exc_info)
        return json.dumps(values, ensure_ascii=False, default=str)


class Words(logging.Formatter):
    """Time, level and event, and then the fields as `name=value`; a value of several words is quoted."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; those of an error that nobody expected follow it."""
        fields = "".join(f" {name}={_shown(value)}" for name, value in _fields(record).items())
        line = f"{_time(record)} {record.levelname.lower():7} {record.getMessage()}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    return getattr(record, "fields", {})


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shown(value: Any) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=True)  # no line of a client's making
