"""Where root's servers run as nobody, they can reach their programs and data."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from flask_scale.dev import account
from flask_scale.dev.account import Account, is_reachable, reachable_copy, reachable_folder, temporary_folder
from flask_scale.errors import DevStackError

SOMEBODY = Account(os.geteuid(), os.getegid())


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A home that is closed to others."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return home


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "shared"
    folder.mkdir()
    monkeypatch.setattr(account, "_shared_folder", lambda: folder)
    return folder


def test_a_folder_in_a_private_home_is_not_reachable(private: Path) -> None:
    assert not is_reachable(private / "checkout")
    assert is_reachable(Path("/usr/bin"))


def test_without_an_account_the_folder_itself_is_used(private: Path) -> None:
    assert reachable_folder(private / "data", None) == private / "data"


def test_a_closed_folder_becomes_a_link_to_an_open_one(private: Path, shared: Path) -> None:
    found = reachable_folder(private / "data", SOMEBODY)
    assert found.parent == shared
    assert (private / "data").resolve() == found


def test_a_moved_checkout_finds_its_data_by_the_link(private: Path, shared: Path) -> None:
    found = reachable_folder(private / "data", SOMEBODY)
    (private / "moved").mkdir()
    (private / "data").rename(private / "moved" / "data")
    assert reachable_folder(private / "moved" / "data", SOMEBODY) == found


def test_a_link_whose_folder_is_gone_leads_to_a_new_one(private: Path, shared: Path) -> None:
    reachable_folder(private / "data", SOMEBODY).rmdir()
    assert reachable_folder(private / "data", SOMEBODY).is_dir()


def test_programs_in_a_private_home_are_copied_readable_by_all(private: Path, shared: Path) -> None:
    program = private / "wheel" / "bin" / "server"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh")
    program.chmod(0o700)

    copy = reachable_copy(private, ["wheel/bin"], "wheel-1", SOMEBODY)

    assert copy == shared / "wheel-1"
    assert (copy / "wheel/bin/server").stat().st_mode & 0o777 == 0o755
    assert reachable_copy(private, ["wheel/bin"], "wheel-1", SOMEBODY) == copy


def test_a_temporary_folder_is_gone_at_the_end() -> None:
    with temporary_folder(None) as folder:
        (folder / "file").touch()
    assert not folder.exists()


def test_a_shared_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "SHARED", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    with pytest.raises(DevStackError, match="flask-scale-4242 belongs to another user"):
        account._shared_folder()


def test_a_link_in_the_place_of_the_shared_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "SHARED", tmp_path)
    (tmp_path / f"flask-scale-{os.geteuid()}").symlink_to(tmp_path)
    with pytest.raises(DevStackError, match="belongs to another user"):
        account._shared_folder()
