"""The thread that brings messages from the outbox to one target."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone

from lp_recognition.system.addresses import without_credentials
from lp_recognition.system.errors import UserError
from lp_recognition.video.database.claims import Claim
from lp_recognition.video.database.connection import DatabaseError
from lp_recognition.video.database.outbox import Message, Outbox
from lp_recognition.video.database.store import Store
from lp_recognition.video.deliveries.target import DeliveryError, RefusedError, StoppedError, Target

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pauses:
    """How long a worker waits, in seconds.

    Attributes:
        first: After a first failure; each further one doubles it.
        longest: At most.
        idle: Until it looks for messages that another program recorded.
    """

    first: float = 1.0
    longest: float = 60.0
    idle: float = 2.0


@dataclass
class WorkerState:
    """How the deliveries to a target go.

    Attributes:
        delivered: Messages that have arrived since the start.
        failures: Deliveries that failed in a row; 0 while all is well.
        last_error: Why the last delivery failed, without credentials; empty while all is well.
        last_delivery: When a message arrived last.
        is_elsewhere: Another program delivers to this target.
    """

    delivered: int = 0
    failures: int = 0
    last_error: str = ""
    last_delivery: datetime | None = None
    is_elsewhere: bool = False


@dataclass
class Worker:
    """Delivers the messages of one target, in order and at least once, until it is stopped.

    Attributes:
        label: The target's name.
        store: The database whose outbox it empties.
        connect: Opens the target; may raise what its `send` does.
        pauses: How long it waits.
        state: How it goes.
    """

    label: str
    store: Store
    connect: Callable[[], Target]
    pauses: Pauses = field(default_factory=Pauses)
    state: WorkerState = field(default_factory=WorkerState)

    def __post_init__(self) -> None:
        self._outbox = Outbox(self.store)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._deadline = 0.0
        self._target: Target | None = None
        self._claim: Claim | None = None
        self._thread = threading.Thread(target=self._run, name=f"deliveries to {self.label}", daemon=True)

    def start(self) -> None:
        """Begins to deliver."""
        self._thread.start()

    def wake(self) -> None:
        """Says that there may be new messages."""
        self._wake.set()

    def stop(self, deadline: float) -> None:
        """Asks it to end once nothing waits, at the latest at a moment of `time.monotonic`; does not wait for it."""
        self._deadline = deadline
        self._stopping.set()
        self._wake.set()

    def join(self) -> bool:
        """Waits for its end, a little longer than the deadline allows; returns whether it came."""
        self._thread.join(max(0.0, self._deadline - time.monotonic()) + 1)
        return not self._thread.is_alive()

    def _is_over(self) -> bool:
        return self._stopping.is_set() and time.monotonic() >= self._deadline

    def _run(self) -> None:
        try:
            while not self._is_over():
                self._wake.clear()
                was_stopping = self._stopping.is_set()  # before looking: what was recorded until then is delivered
                pause = self._attempt()
                if pause and was_stopping and not self.state.failures:
                    return  # nothing waits
                self._sleep(pause)
        finally:
            self._disconnect()
            if self._claim is not None:
                self._claim.release()

    def _sleep(self, seconds: float) -> None:
        if not self.state.failures:
            self._wake.wait(seconds)
        elif not self._stopping.is_set():  # new messages are no reason to try earlier
            self._stopping.wait(seconds)
        else:  # while there is time, a target that is away gets another chance
            time.sleep(max(0.0, min(seconds, self.pauses.first, self._deadline - time.monotonic())))

    def _attempt(self) -> float:
        """Delivers the next messages; returns how long to wait then, 0 where there may be more."""
        try:
            if not self._has_claim():
                return self.pauses.idle
            if self._target is None:
                self._target = self.connect()
            messages = self._outbox.pending(self.label, self._target.batch)
            if not messages:
                self._succeeded(0)
                return self.pauses.idle
            self._deliver(self._target, messages)
        except StoppedError:
            return 0.0
        except (DeliveryError, UserError, OSError) as error:
            return self._failed(error)
        except Exception as error:  # a defect in one target shall end no other, nor go unseen
            _log.exception("deliveries to %s: a defect", self.label)
            return self._failed(error)
        return 0.0

    def _deliver(self, target: Target, messages: list[Message]) -> None:
        try:
            target.send(messages, self._is_over)
        except RefusedError as refused:
            before = messages[: messages.index(refused.message)]
            if before:
                self._outbox.remove(before)
            self._outbox.set_aside(refused.message, str(refused))
            _log.error("%s refuses a message for good: %s", self.label, refused)
            self._succeeded(len(before))
        else:
            self._outbox.remove(messages)
            self._succeeded(len(messages))

    def _succeeded(self, count: int) -> None:
        if self.state.failures:
            _log.warning("deliveries to %s go on", self.label)
        self.state.failures = 0
        self.state.last_error = ""
        self.state.delivered += count
        if count:
            self.state.last_delivery = datetime.now(timezone.utc)

    def _failed(self, error: Exception) -> float:
        """Remembers what went wrong, and says it once; returns how long to wait."""
        reason = without_credentials(" ".join(str(error).split()) or type(error).__name__)
        if not self.state.failures:
            _log.warning("deliveries to %s wait: %s", self.label, reason)
        self.state.last_error = reason
        self.state.failures += 1
        if not isinstance(error, DatabaseError):
            self._disconnect()
        return min(self.pauses.longest, self.pauses.first * 2.0 ** min(self.state.failures - 1, 30))

    def _has_claim(self) -> bool:
        """Whether this program delivers to the target: of several, one does."""
        if self._claim is None or not self._claim.holds():
            self._claim = self.store.claim(f"deliveries to {self.label}")
        self.state.is_elsewhere = self._claim is None
        return self._claim is not None

    def _disconnect(self) -> None:
        target, self._target = self._target, None
        if target is not None:
            with contextlib.suppress(Exception):  # it is given up
                target.close()
