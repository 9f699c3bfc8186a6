"""Where the home lies and who may use it."""

import os
import subprocess
import sys

import pytest

from homerun.core import End, RunState, StoreError, UsageError
from homerun.store import Store, find_home, make_home, read_json, run_folder, write_json
from homerun.store.home import check_local, file_system


def test_the_environment_names_the_home_first(tmp_path):
    assert find_home({"HOMERUN_HOME": str(tmp_path / "h")}, tmp_path) == tmp_path / "h"


def test_the_nearest_folder_upwards_is_the_home(tmp_path):
    (tmp_path / ".homerun").mkdir()
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert find_home({}, deep) == tmp_path / ".homerun"


def test_without_either_it_lies_with_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_home({}, tmp_path / "elsewhere") == tmp_path / ".homerun"


@pytest.mark.parametrize("name", ["..", "a/b", "/etc", "a\\b", "a\0b", "", ".hidden", "a..b", "-x"])
def test_the_folder_of_a_run_is_inside_the_home(tmp_path, name):
    with pytest.raises(UsageError, match="cannot be used"):
        run_folder(tmp_path, name)


MOUNTS = """\
22 28 0:21 / /proc rw - proc proc rw
28 1 254:0 / / rw - ext4 /dev/vda rw
40 28 0:50 / {share} rw - nfs4 server:/export rw
41 40 0:51 / {share}/local rw - xfs /dev/vdb rw
"""


def test_a_network_file_system_is_refused_in_one_line(tmp_path):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(share=tmp_path / "share"))
    assert file_system(tmp_path, mounts) == "ext4"
    assert file_system(tmp_path / "share" / "home", mounts) == "nfs4"
    check_local(tmp_path / "share" / "local" / "home", mounts)
    with pytest.raises(StoreError, match=r"network file system \(nfs4\).* set HOMERUN_HOME"):
        check_local(tmp_path / "share" / "home", mounts)


def test_a_home_that_is_a_file_is_refused_in_one_line(tmp_path):
    (tmp_path / "home").write_text("")
    with pytest.raises(StoreError, match=r"cannot be used: .* set HOMERUN_HOME"):
        make_home(tmp_path / "home")


def test_the_home_of_another_user_is_refused_in_one_line(tmp_path):
    """As root we make a home for a second user; without root the root of the disk is not ours."""
    home = tmp_path / "home"
    home.mkdir()
    if os.geteuid() == 0:
        os.chown(home, 12345, 12345)
    else:
        home = find_home({"HOMERUN_HOME": "/"})
    with pytest.raises(StoreError, match=r"belongs to user id \d+|cannot be used"):
        Store(home)


def test_the_lock_of_a_run_is_freed_by_any_death(tmp_path):
    folder = run_folder(tmp_path, "abc").make()
    program = (
        "import os, sys; from pathlib import Path; from homerun.store import run_folder\n"
        "assert run_folder(Path(sys.argv[1]), 'abc').hold() is not None\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"held\n"
    assert folder.is_held()
    assert folder.hold() is None
    holder.kill()
    holder.communicate()
    assert not folder.is_held()


def test_a_result_comes_back_as_it_was(tmp_path):
    folder = run_folder(tmp_path, "abc").make()
    assert folder.read_result() is None
    end = End(state=RunState.FAILED, reason="exit code 3", exit_code=3, ended_at=1.5)
    folder.write_result(end)
    assert folder.read_result() == end


def test_half_a_file_is_no_file(tmp_path):
    write_json(tmp_path / "x.json", {"a": 1})
    assert read_json(tmp_path / "x.json") == {"a": 1}
    (tmp_path / "x.json").write_text('{"a": ')
    assert read_json(tmp_path / "x.json") is None
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_what_does_not_fit_on_the_disk_leaves_the_old_text(tmp_path):
    write_json(tmp_path / "x.json", {"a": 1})
    code = """
import resource, sys
from pathlib import Path
from homerun.store import write_json
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    write_json(Path(sys.argv[1]), {"a": "x" * 1000})
except OSError:
    sys.exit(7)
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "x.json"], check=False)
    assert done.returncode == 7
    assert read_json(tmp_path / "x.json") == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]
