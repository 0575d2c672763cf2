"""Decoding takes no more memory than it may, in however many threads, and nobody waits forever."""

from __future__ import annotations

import io
import os
import runpy
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from lp_recognition.images import memory
from lp_recognition.images.memory import MemoryBudget

ROOT = Path(__file__).resolve().parents[2]


def test_threads_never_hold_more_than_the_limit():
    budget, held, most, lock = MemoryBudget(100), [0], [0], threading.Lock()

    def work() -> None:
        for size in (10, 60, 100, 1000):
            with budget.take(size):
                with lock:
                    held[0] += min(size, 100)
                    most[0] = max(most[0], held[0])
                with lock:
                    held[0] -= min(size, 100)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert most[0] <= 100
    with budget.take(100):
        pass  # all was given back


def test_who_asks_for_too_much_waits_for_the_others():
    budget, entered = MemoryBudget(100), threading.Event()

    def work() -> None:
        with budget.take(50):
            entered.set()

    with budget.take(60):
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        assert not entered.wait(0.2)
    assert entered.wait(60)
    thread.join(60)


def test_a_thread_does_not_wait_for_itself():
    budget = MemoryBudget(100)
    with budget.take(80), budget.take(80):
        pass
    with budget.take(100):
        pass


def test_what_the_outer_block_holds_is_held_until_its_end():
    budget, entered = MemoryBudget(100), threading.Event()

    def work() -> None:
        with budget.take(50):
            entered.set()

    with budget.take(60):
        with budget.take(60):
            pass
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        assert not entered.wait(0.2)
    assert entered.wait(60)


def test_a_failure_gives_back_what_was_held():
    budget = MemoryBudget(100)
    with pytest.raises(ValueError, match="x"), budget.take(100):
        raise ValueError("x")
    with budget.take(100):
        pass


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="no fork here")
@pytest.mark.parametrize(
    ("told", "limit"), [("100000000\n", 50_000_000), ("max\n", 512_000_000), ("99000000000\n", 512_000_000)]
)
def test_a_container_decodes_in_half_of_what_it_may_have(monkeypatch, told, limit):
    sizes = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2**21}
    with monkeypatch.context() as patch:
        patch.setattr("os.sysconf", sizes.__getitem__)
        patch.setattr("builtins.open", lambda path, **_: io.StringIO(told if path.endswith("memory.max") else ""))
        found = runpy.run_path(memory.__file__)["DECODING"].limit
    assert found == limit


def test_a_child_holds_nothing_of_its_parents_threads():
    budget = MemoryBudget(100)
    with budget.take(100):
        budget.reset()
        entered = threading.Event()
        thread = threading.Thread(target=lambda: budget.take(100).__enter__() or entered.set(), daemon=True)
        thread.start()
        assert entered.wait(60)


def peak_growth(code: str) -> int:
    """How much more memory a process holds at its peak than after importing, in bytes, as it tells itself."""
    program = """
        import resource, threading
        import numpy as np, cv2
        from lp_recognition.images import image as images
        from lp_recognition.images.memory import MemoryBudget
        from lp_recognition.system.errors import ImageError

        cv2.imdecode(cv2.imencode(".png", np.zeros((9, 9, 3), np.uint8))[1], 1)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    """
    program = textwrap.dedent(program) + textwrap.dedent(code)
    program += "\nprint((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert result.returncode == 0, result.stderr
    return int(result.stdout.splitlines()[-1])


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux")
def test_a_bomb_of_any_format_is_refused_before_it_takes_memory():
    growth = peak_growth("""
        import struct, zlib
        side = 20_000
        be, le = struct.pack(">II", side, side), struct.pack("<II", side, side)
        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        entry = lambda tag, value: struct.pack("<HHII", tag, 4, 1, value)
        tags = {256: side, 257: side, 258: 8, 259: 1, 262: 2, 273: 8, 277: 3, 278: side, 279: 10}
        bombs = [
            b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", be + b"\\x08\\2\\0\\0\\0")
            + chunk(b"IDAT", zlib.compress(b"\\0")),
            b"\\xff\\xd8\\xff\\xc0\\0\\x11\\x08" + struct.pack(">HH", side, side)
            + b"\\3\\1\\x22\\0\\2\\x11\\0\\3\\x11\\0"
            + b"\\xff\\xda\\0\\x0c\\3\\1\\0\\2\\0\\3\\0\\0\\x3f\\0" + bytes(9) + b"\\xff\\xd9",
            b"BM" + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0),
            b"BM" + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, side, -side, 1, 24, 0, 0, 0, 0, 0, 0),
            b"RIFF\\x20\\0\\0\\0WEBPVP8X\\x0a\\0\\0\\0\\0\\0\\0\\0" + struct.pack("<I", side - 1)[:3] * 2,
            b"II*\\0\\x08\\0\\0\\0" + struct.pack("<H", len(tags))
            + b"".join(entry(*tag) for tag in tags.items()) + bytes(9),
            b"GIF89a" + le[:2] + le[4:6] + b"\\0\\0\\0,\\0\\0\\0\\0" + le[:2] + le[4:6] + b"\\0\\2\\0;",
            b"P6\\n%d %d\\n255\\n" % (side, side),
            b"P3\\n# x\\n%d %d\\n255\\n" % (side, side),
            b"P4\\n%d %d\\n" % (side, side),
            b"P7\\nWIDTH %d\\nHEIGHT %d\\nDEPTH 3\\nMAXVAL 255\\nTUPLTYPE RGB\\nENDHDR\\n" % (side, side),
            b"PF\\n%d %d\\n-1\\n" % (side, side),
            b"#?RGBE\\nFORMAT=32-bit_rle_rgbe\\n\\n-Y %d +X %d\\n" % (side, side),
            b"\\x59\\xa6\\x6a\\x95" + struct.pack(">7I", side, side, 24, 0, 1, 0, 0),
        ]
        for bomb in bombs:
            try:
                images.decode_image(bomb, "x")
                raise SystemExit("decoded")
            except ImageError as error:
                assert "received 20000x20000 pixels" in str(error), (bomb, error)
    """)
    assert growth < 20_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux")
def test_four_threads_share_the_memory(tmp_path):
    growth = peak_growth(f"""
        images.DECODING = MemoryBudget(100_000_000)  # one picture takes 90 million
        from lp_recognition.images.image import Preprocessing, opened_image, write_image
        path = {str(tmp_path / "x.png")!r}
        write_image(path, np.zeros((3000, 5000, 3), np.uint8))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        def prepared():
            with opened_image(path) as (image, _):
                prepared = Preprocessing((24, 94, 3), True, False).prepare(image)
                del image
            return prepared
        def read():
            for _ in range(2):
                prepared()
        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
    """)
    assert growth < 200_000_000  # four at once would take 360; the C library keeps what is below 32 for later
