"""Removal of what a program left."""

import os
from pathlib import Path

import pytest

from regrowth.sandbox.warden.folders import remove_tree
from regrowth.sandbox.warden.root import covered, interpreter_paths


def test_depth_modes_and_names_do_not_matter(tmp_path: Path) -> None:
    top = tmp_path / "box"
    top.mkdir()
    here = Path.cwd()
    os.chdir(top)
    try:
        for _ in range(1500):  # far deeper than a path may be long, and than Python may recurse
            Path("deeper").mkdir()
            os.chdir("deeper")
        Path("end").write_text("x")
    finally:
        os.chdir(here)
    (top / "shut").mkdir()
    (top / "shut" / "inner").mkdir(mode=0)
    (top / "shut").chmod(0)
    (top / "\n\udcff").write_text("x")
    os.mkfifo(top / "pipe")
    remove_tree(str(top))
    assert not top.exists()


def test_no_link_is_followed(tmp_path: Path) -> None:
    outside, top = tmp_path / "outside", tmp_path / "box"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    (top / "in").mkdir(parents=True)
    (top / "link").symlink_to(outside)
    (top / "in" / "link").symlink_to(outside)
    (top / "in" / "hard").hardlink_to(outside / "kept")
    remove_tree(str(top))
    assert not top.exists()
    assert (outside / "kept").read_text() == "kept"


def test_a_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "box").symlink_to(tmp_path / "outside")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        remove_tree(str(tmp_path / "box"))
    assert (tmp_path / "outside").exists()


def test_paths_below_others_are_shown_once() -> None:
    assert covered(["/usr", "/usr/bin", "/usrlocal", "/opt/x/", "/opt/x/y"]) == ["/opt/x", "/usr", "/usrlocal"]


def test_a_prefix_that_holds_a_home_is_not_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert interpreter_paths("/usr/bin/python3", "/usr/lib/python3", "/usr")[0] == "/usr"
    assert "/home/ann" not in interpreter_paths("/home/ann/bin/python", "/home/ann/lib/python3", "/home/ann")
    assert "/home" not in interpreter_paths("/home/bin/python", "/home/lib/python3", "/home")
    assert "/home/ann/env" in interpreter_paths("/home/ann/env/bin/python", "/x", "/home/ann/env")
