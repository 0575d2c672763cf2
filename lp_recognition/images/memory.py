"""How much memory decoding may take, for all threads of a process together."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: Enough for 64 million pixels of 8 bits, and a file of 128 MB.
_MOST_BYTES = 512_000_000


class MemoryBudget:
    """Bytes that threads take for a while; who asks for more than is left waits until others are done.

    Args:
        limit: In bytes.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.reset()

    def reset(self) -> None:
        """Gives back all that is held."""
        self._free = self.limit
        self._changed = threading.Condition()
        self._held = threading.local()

    @contextmanager
    def take(self, size: int) -> Iterator[None]:
        """Holds `size` bytes, at most the limit, as long as the block runs.

        A thread that already holds some takes no more, as it would wait for itself: the outer block asks for all.
        """
        if getattr(self._held, "any", False):
            yield
            return
        size = min(size, self.limit)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= size)
            self._free -= size
        self._held.any = True
        try:
            yield
        finally:
            self._held.any = False
            with self._changed:
                self._free += size
                self._changed.notify_all()


def _machine_bytes() -> int:
    """The memory of this machine, or what this process may have of it."""
    sizes = [_MOST_BYTES * 2]
    try:
        sizes.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:  # noqa: PTH123
            sizes.append(int(file.read()))
    except (OSError, ValueError, AttributeError):  # another system, or no limit
        pass
    return min(size for size in sizes if size > 0)


#: What decoding takes: on a small board half of its memory.
DECODING = MemoryBudget(min(_MOST_BYTES, _machine_bytes() // 2))
if hasattr(os, "register_at_fork"):  # what other threads hold is not held in a child, where they do not run
    os.register_at_fork(after_in_child=DECODING.reset)
