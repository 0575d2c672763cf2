"""Models of others, as peers.yaml states them: data, with the lists of plates that their figures belong to."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lp_recognition.system.errors import ConfigError, summarize

PEERS_FILE = Path(__file__).with_name("peers.yaml")

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PeerFigures(_Closed):
    """How a model of others read a list.

    Attributes:
        right: Plates read right.
        last_six_right: Plates whose last six characters are right.
    """

    right: Count
    last_six_right: Count | None = None


class Peer(_Closed):
    """A model of others.

    Attributes:
        name: What it is called in table and picture.
        source: Where it is published.
        weights: What it computes in.
        mmac: Millions of multiply-accumulates a plate.
        file_kb: Its file, in 1,000 bytes.
        ms: A model call; None where it was not measured.
        note: What else to know of it.
        caveat: What has to be said wherever its LP-RR is shown.
        figures: How it read lists, by their names; those that it did not read are left out.
    """

    name: str
    source: str
    weights: Literal["float", "int8", "uint8"]
    mmac: Positive
    file_kb: Positive
    ms: Positive | None = None
    note: str = ""
    caveat: str = ""
    figures: dict[str, PeerFigures] = {}


class PeerList(_Closed):
    """A list that models of others were measured on.

    Attributes:
        plates: Its plates.
        labels_sha256: What it is known by: `labels_sha256` of its labels.
        about: What is on it.
    """

    plates: Annotated[int, Field(gt=0)]
    labels_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    about: str


class Peers(_Closed):
    """Models of others, and the lists that their figures belong to.

    Attributes:
        conditions: How they were measured.
        lists: The lists, by their names.
        peers: The models.
    """

    conditions: str
    lists: dict[str, PeerList]
    peers: tuple[Peer, ...]

    @model_validator(mode="after")
    def _know_their_lists(self) -> Peers:
        for peer in self.peers:
            unknown = sorted(peer.figures.keys() - self.lists.keys())
            if unknown:
                raise ValueError(f"{peer.name}: expected figures of {', '.join(self.lists)}, received {unknown[0]}")
            for name, figures in peer.figures.items():
                most = max(figures.right, figures.last_six_right or 0)
                if most > self.lists[name].plates:
                    raise ValueError(
                        f"{peer.name}: expected at most the {self.lists[name].plates} of {name}, received {most}"
                    )
        return self

    def list_of(self, labels: Sequence[str]) -> str | None:
        """The list that has these labels, by its name; None where it is none of them."""
        known_by = labels_sha256(labels)
        return next((name for name, one in self.lists.items() if one.labels_sha256 == known_by), None)

    def provenance(self, lists: Sequence[str]) -> str:
        """Where they and their figures on lists, by their names, come from, a line each."""
        measured = " and ".join(f"{name} ({self.lists[name].about})" for name in lists)
        lines = [
            f"*peers*: models of others, measured earlier on these plates of {measured}, {self.conditions}; "
            "their ms are not of this run"
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
