"""Packages that the light install leaves out, and what to type where one of them is missing."""

from __future__ import annotations

import importlib.util

#: The extra of this package that brings a module. Everything else comes with the light install.
EXTRA_OF = {
    "absl": "train",
    "alembic": "video",
    "av": "video",
    "confluent_kafka": "messages",
    "fastapi": "service",
    "flatbuffers": "train",
    "google": "train",
    "gpxpy": "client",
    "grain": "train",
    "httpx": "client",
    "jax": "jax",
    "keras": "train",
    "lap": "video",
    "onnxruntime": "text",
    "paho": "messages",
    "prometheus_client": "video",
    "psycopg": "postgresql",
    "pynmea2": "client",
    "python_multipart": "service",
    "rapidfuzz": "video",
    "rapidocr": "text",
    "ray": "ray",
    "serial": "client",
    "sqlalchemy": "video",
    "starlette": "service",
    "tensorboardX": "train",
    "tensorflow": "train",
    "tflite_micro": "mcu",
    "tqdm": "train",
    "uvicorn": "service",
}


def install_hint(extra: str) -> str:
    """How to install an extra, for the end of a message."""
    return f"run `pip install 'lp-recognition[{extra}]'`, in a clone `pip install '.[{extra}]'`"


def missing_package(error: ModuleNotFoundError) -> str | None:
    """What to tell of an import that failed, where an extra of this package would mend it; else None.

    A package that is there and lacks a part is none of these: its version is not the one this package was tested with,
    or the fault is ours.
    """
    package = (error.name or "").partition(".")[0]
    extra = EXTRA_OF.get(package)
    if extra is None or importlib.util.find_spec(package) is not None:
        return None
    return f"expected the package {package}, which this command needs, received none; {install_hint(extra)}"
