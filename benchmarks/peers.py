"""Models of others, as peers.yaml states them: data, with the list of plates that their figures belong to."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lp_recognition.system.errors import ConfigError, summarize

PEERS_FILE = Path(__file__).with_name("peers.yaml")

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Peer(_Closed):
    """A model of others.

    Attributes:
        name: What it is called in table and picture.
        source: Where it is published.
        weights: What it computes in.
        mmac: Millions of multiply-accumulates a plate.
        file_kb: Its file, in 1,000 bytes.
        lp_rr: Share of the plates read right; None where it reads other plates.
        last_six: Share whose last six characters are right.
        ms: A model call; None where it was not measured.
        note: What else to know of it.
        caveat: What has to be said wherever its LP-RR is shown.
    """

    name: str
    source: str
    weights: Literal["float", "int8", "uint8"]
    mmac: Positive
    file_kb: Positive
    lp_rr: Share | None = None
    last_six: Share | None = None
    ms: Positive | None = None
    note: str = ""
    caveat: str = ""


class Peers(_Closed):
    """Models of others, and the one list that their figures belong to.

    Attributes:
        list_name: Its name.
        plates: Its plates.
        labels_sha256: What it is known by: `labels_sha256` of its labels.
        about: What is on it.
        conditions: How they were measured.
        peers: The models.
    """

    list_name: Annotated[str, Field(alias="list")]
    plates: Annotated[int, Field(gt=0)]
    labels_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    about: str
    conditions: str
    peers: tuple[Peer, ...]

    def fit(self, labels: Sequence[str]) -> bool:
        """Whether these are the labels of the list they were measured on."""
        return labels_sha256(labels) == self.labels_sha256

    def provenance(self) -> str:
        """Where they and their figures come from, a line each."""
        lines = [
            f"*peers*: models of others, measured earlier on these {self.plates} plates of {self.list_name} "
            f"({self.about}), {self.conditions}; their ms are not of this run"
        ]
        for peer in self.peers:
            lines.append(f"  {peer.name}: {'; '.join(filter(None, (peer.source, peer.note, peer.caveat)))}")
        return "\n".join(lines)


def labels_sha256(labels: Sequence[str]) -> str:
    """What tells a list of plates, whatever its place and order: a hash as hexadecimal digits."""
    return hashlib.sha256("\n".join(sorted(labels)).encode("utf-8")).hexdigest()


def load_peers(path: str | Path) -> Peers:
    """Reads a file like peers.yaml.

    Raises:
        ConfigError: it cannot be read, or states something else.
    """
    try:
        return Peers.model_validate(yaml.safe_load(Path(path).read_text(encoding="utf-8")))
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()]
        reason = summarize(problems)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
    raise ConfigError(f"{path}: expected peers in the form of {PEERS_FILE.name}, received others: {reason}")
