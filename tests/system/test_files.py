"""Writing: whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from lp_recognition.system.errors import UserError
from lp_recognition.system.files import check_folder, replacing, write_bytes, write_text


def test_writes_and_makes_folders(tmp_path):
    write_text(tmp_path / "a" / "b" / "京 x.txt", "沪\n")
    assert (tmp_path / "a" / "b" / "京 x.txt").read_bytes() == "沪\n".encode()


def test_replaces_what_was_there(tmp_path):
    write_bytes(tmp_path / "x", b"old and long")
    write_bytes(tmp_path / "x", b"new")
    assert (tmp_path / "x").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


class Interrupted(BaseException):
    """As Ctrl-C: no `Exception`."""


@pytest.mark.parametrize("error", [RuntimeError, Interrupted])
def test_a_failed_write_leaves_the_old_file_whole(tmp_path, error):
    write_bytes(tmp_path / "x.txt", b"old")
    with pytest.raises(error), replacing(tmp_path / "x.txt") as temporary:
        temporary.write_bytes(b"ha")
        raise error
    assert (tmp_path / "x.txt").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["x.txt"]


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path):
    write_bytes(tmp_path / "x.txt", b"old")
    with replacing(tmp_path / "x.txt") as temporary:
        temporary.write_bytes(b"new")
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".txt"
        assert (tmp_path / "x.txt").read_bytes() == b"old"
    assert (tmp_path / "x.txt").read_bytes() == b"new"


def test_permissions_are_those_of_any_new_file(tmp_path):
    write_bytes(tmp_path / "ours", b"")
    (tmp_path / "plain").write_bytes(b"")
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_a_full_disk_is_one_line_and_harms_nothing(tmp_path, monkeypatch):
    write_bytes(tmp_path / "x", b"old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"x: cannot be written: No space left on device; nothing there was changed"):
        write_bytes(tmp_path / "x", b"new")
    assert (tmp_path / "x").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_folder_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write_text(tmp_path / "file" / "x", "text")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=r"folder: cannot be written: it is a folder; name a file, such as .*/NAME"):
        write_text(tmp_path / "folder", "text")
    assert (tmp_path / "folder").is_dir()
    assert list((tmp_path / "folder").iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="a Linux of its own has /dev/full")
def test_a_device_stays_what_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(UserError, match=r"/dev/full: cannot be written: No space left on device; .* another place"):
        write_text("/dev/full", "text")
    write_text("/dev/null", "text")
    assert Path("/dev/full").is_char_device()
    assert Path("/dev/null").is_char_device()
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_given_the_text(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_text(tmp_path / "pipe", "text")
        assert os.read(reader, 100) == b"text"
    finally:
        os.close(reader)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_one_line(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UserError, match="Permission denied"):
            write_text(tmp_path / "x", "text")
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_is_checked_before_work_begins(tmp_path):
    check_folder(tmp_path / "new" / "folder")
    assert list((tmp_path / "new" / "folder").iterdir()) == []
    check_folder(tmp_path / "new" / "folder")  # and again, where it is there
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=r"folder: cannot be written to: Not a directory; name another folder"):
        check_folder(tmp_path / "file" / "folder")
