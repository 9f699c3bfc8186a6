"""What a run remembers of the place it started from, with real git repositories."""

import json
import os
import stat
import subprocess
import sys
import time

import pytest

from homerun.track.capture import DIFF_LIMIT, Background, installed_packages, quick
from homerun.track.git import parse_status

KEY = "sk-proj-abcdefGHIJ0123456789abcd"


@pytest.fixture(autouse=True)
def plain_git(monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def git(folder, *args):
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *who, *args], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repo(tmp_path):
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "train.py").write_text("lr = 1\n")
    (folder / "look.ipynb").write_text("{}\n")
    (folder / "sub").mkdir()
    (folder / "sub" / "model.py").write_text("x = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def capture(folder, tmp_path, **options):
    return Background(tmp_path / "files", cwd=folder, **options).wait(30)


def test_a_clean_repository(repo, tmp_path):
    git(repo, "remote", "add", "backup", "https://example.com/b.git")
    git(repo, "remote", "add", "origin", f"https://me:{KEY}@example.com/a.git")
    facts = capture(repo / "sub", tmp_path, program="model.py")
    assert facts["git"] == {
        "remote": "https://example.com/a.git",
        "commit": git(repo, "rev-parse", "HEAD"),
        "branch": "main",
        "dirty": False,
    }
    assert facts["root"] == str(repo)
    assert facts["codePath"] == "sub/model.py"
    assert names(tmp_path / "files") == ["requirements.txt"]
    assert "diff" not in facts


def test_changes_are_saved_as_a_patch_that_applies(repo, tmp_path):
    git(repo, "config", "diff.noprefix", "true")
    git(repo, "config", "color.ui", "always")
    (repo / "train.py").write_text("lr = 2\n")
    (repo / "look.ipynb").write_text('{"outputs": "large"}\n')
    (repo / "untracked.py").write_text("private = 1\n")
    (repo / "sub" / "new file é.py").write_text("x = 3\n")
    git(repo, "add", "sub")
    facts = capture(repo / "sub", tmp_path)
    patch = tmp_path / "files" / "diff.patch"
    assert facts["git"]["dirty"] is True
    assert facts["diff"] == {
        "saved": True,
        "path": "diff.patch",
        "size": patch.stat().st_size,
        "notebooksLeftOut": ["look.ipynb"],
    }
    assert stat.S_IMODE(patch.stat().st_mode) == 0o600
    assert "outputs" not in patch.read_text()
    assert "private" not in patch.read_text()
    git(repo, "reset", "-q", "--hard")
    git(repo, "apply", str(patch))
    assert (repo / "train.py").read_text() == "lr = 2\n"
    assert (repo / "sub" / "new file é.py").read_text() == "x = 3\n"


def test_secrets_leave_the_patch(repo, tmp_path):
    (repo / "train.py").write_text(f'api_key = "{KEY}"\npassword = "hunter2"\n')
    capture(repo, tmp_path)
    patch = (tmp_path / "files" / "diff.patch").read_text()
    assert KEY not in patch
    assert "hunter2" not in patch
    assert "+api_key = " in patch


def test_a_huge_patch_is_not_saved_and_said_so(repo, tmp_path):
    (repo / "train.py").write_text("x = 12345678901234567890\n" * (DIFF_LIMIT // 20))
    facts = capture(repo, tmp_path)
    assert facts["git"]["dirty"] is True
    assert facts["diff"] == {"saved": False, "reason": "it is larger than 1048576 bytes"}
    assert names(tmp_path / "files") == ["requirements.txt"]


def test_only_notebooks_are_changed(repo, tmp_path):
    (repo / "look.ipynb").write_text("{1}\n")
    facts = capture(repo, tmp_path)
    assert facts["diff"]["saved"] is False
    assert facts["diff"]["notebooksLeftOut"] == ["look.ipynb"]


def test_a_repository_without_commits(tmp_path):
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "a.py").touch()
    git(tmp_path, "add", "a.py")
    facts = capture(tmp_path, tmp_path)
    assert facts["git"] == {"branch": "main", "dirty": True}
    assert facts["diff"] == {"saved": False, "reason": "the repository has no commit yet"}


def test_a_detached_head_and_a_worktree(repo, tmp_path):
    commit = git(repo, "rev-parse", "HEAD")
    git(repo, "worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
    (tmp_path / "tree" / "train.py").write_text("lr = 3\n")
    facts = capture(tmp_path / "tree", tmp_path)
    assert facts["git"] == {"commit": commit, "dirty": True}
    assert facts["root"] == str(tmp_path / "tree")
    assert "lr = 3" in (tmp_path / "files" / "diff.patch").read_text()


def test_no_repository_and_no_git_wanted(repo, tmp_path):
    (tmp_path / "plain").mkdir()
    assert capture(tmp_path / "plain", tmp_path) == {}
    assert capture(repo, tmp_path, with_git=False) == {}
    assert (tmp_path / "files" / "requirements.txt").exists()


def test_a_repository_of_another_owner_is_refused_in_words(repo, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    facts = capture(repo, tmp_path)
    assert "dubious ownership" in facts["gitError"]
    assert "git" not in facts


def test_git_is_not_installed(repo, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert "not installed" in capture(repo, tmp_path)["gitError"]


def test_a_broken_repository(repo, tmp_path):
    (repo / ".git" / "HEAD").write_text("nonsense\n")
    assert "fatal: not a git repository" in capture(repo, tmp_path)["gitError"]


def test_the_environment_of_a_git_hook_is_ignored(repo, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert capture(repo, tmp_path)["git"]["branch"] == "main"


def test_git_runs_no_program_of_the_repository(repo, tmp_path):
    spy = tmp_path / "spy"
    spy.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    spy.chmod(0o755)
    for name in ("diff.external", "core.pager", "core.fsmonitor", "diff.py.textconv"):
        git(repo, "config", name, str(spy))
    (repo / ".gitattributes").write_text("*.py diff=py\n")
    (repo / "train.py").write_text("lr = 2\n")
    assert capture(repo, tmp_path)["diff"]["saved"] is True
    assert not (tmp_path / "ran").exists()


def test_a_slow_git_is_stopped(repo, tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    slow = tmp_path / "bin" / "git"
    slow.write_text(
        f"#!/bin/sh\necho $$ > {tmp_path}/pid.new\nmv {tmp_path}/pid.new {tmp_path}/pid\n"
    )
    with slow.open("a") as file:
        file.write("exec sleep 600\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    background = Background(tmp_path / "files", cwd=repo)
    while not (tmp_path / "pid").exists():
        time.sleep(0.01)
    start = time.monotonic()
    facts = background.wait(0.05)
    assert time.monotonic() - start < 20
    assert "took too long" in facts["gitError"]
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    limited = Background(tmp_path / "files", cwd=repo, limit_s=0.05).wait(30)
    assert "took too long" in limited["gitError"]


def test_a_folder_that_cannot_be_written_is_said(repo, tmp_path):
    (tmp_path / "files").write_text("in the way")
    facts = capture(repo, tmp_path)
    assert facts["captureError"].startswith("FileExistsError")


def test_a_forked_child_does_not_wait(repo, tmp_path):
    code = f"""
import os, pathlib, sys, time
from homerun.track.capture import Background
background = Background(pathlib.Path({str(tmp_path / "files")!r}), cwd=pathlib.Path({str(repo)!r}))
if os.fork() == 0:
    start = time.monotonic()
    background.wait(60)
    os._exit(0 if time.monotonic() - start < 20 else 1)
background.wait(60)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120)


def test_quick_facts(tmp_path):
    environ = {
        "USER": "me",
        "CUDA_VISIBLE_DEVICES": "0,1",
        "SLURM_JOB_ID": "17",
        "SLURM_JWT": "secret-value",
        "OMP_NUM_THREADS": "4",
        "AWS_SECRET_ACCESS_KEY": "never",
        "HOME": "/home/me",
        "NCCL_DEBUG": f"INFO {KEY}",
    }
    facts = quick(["src/train.py", "--hub_token", "abc", "--lr", "0.1"], environ, tmp_path)
    assert facts["args"][0] == "--hub_token"
    assert facts["args"][1].startswith("<redacted:")
    assert facts["args"][2:] == ["--lr", "0.1"]
    assert facts["program"] == str(tmp_path / "src/train.py")
    assert facts["codePathLocal"] == "src/train.py"
    assert facts["username"] == "me"
    assert facts["executable"] == sys.executable
    assert facts["startedAt"].endswith("Z")
    assert set(facts["env"]) == {
        *("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID", "SLURM_JWT", "OMP_NUM_THREADS", "NCCL_DEBUG"),
    }
    assert facts["env"]["SLURM_JOB_ID"] == "17"
    text = json.dumps(facts)
    assert not any(secret in text for secret in ("abc", "secret-value", "never", KEY))


@pytest.mark.parametrize("argv", [[], [""], ["-c"], ["/abs/train.py"], ["../up.py"]])
def test_quick_facts_of_odd_programs(argv, tmp_path):
    facts = quick(argv, {}, tmp_path)
    assert facts["args"] == []
    assert facts["host"]
    assert ("program" in facts) == bool(argv and argv[0])


def test_packages_are_read_from_names(tmp_path):
    for name in (
        *("numpy-1.26.4.dist-info", "scikit_learn-1.5.0.dist-info", "old-0.1-py3.11.egg-info"),
        *("dev.egg-info", "PyYAML-6.0.dist-info", "~umpy-1.0.dist-info", "not-a-package", "x.py"),
    ):
        (tmp_path / name).mkdir()
    later = tmp_path / "later"
    (later / "numpy-9.dist-info").mkdir(parents=True)
    assert installed_packages([str(tmp_path), str(later), "/does/not/exist"]) == [
        ("dev", ""),
        ("numpy", "1.26.4"),
        ("old", "0.1"),
        ("PyYAML", "6.0"),
        ("scikit-learn", "1.5.0"),
    ]


def test_requirements_hold_what_is_installed(tmp_path):
    Background(tmp_path, cwd=tmp_path, with_git=False).wait(30)
    lines = (tmp_path / "requirements.txt").read_text().splitlines()
    assert any(line.startswith("psutil==") for line in lines)
    assert stat.S_IMODE((tmp_path / "requirements.txt").stat().st_mode) == 0o600


def test_status_lines():
    facts, changed = parse_status(
        "warning: something\n"
        "# branch.oid 0123\n# branch.head a b\n# branch.upstream origin/a\n"
        "1 .M N... 100644 100644 100644 aa bb with space.py\n"
        "u UU N... 100644 100644 100644 100644 aa bb cc both.py\n"
        "? new.py\n"
    )
    assert facts == {"commit": "0123", "branch": "a b", "dirty": True}
    assert changed == ["with space.py", "both.py"]


def test_capture_loads_no_slow_modules():
    code = "import sys, homerun.track.capture; print({'subprocess', 'psutil'} & {*sys.modules})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
