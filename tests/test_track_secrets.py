"""Secrets are redacted before anything is written: no byte of them is anywhere in the home."""

import stat
import subprocess
import sys

import pytest

from tests.track_program import only_run

TOKEN = "hf_" + "Q7vX9kLm2Np4Rs6Tu8Wy"
KEY = "sk-" + "abcdEFGH0123456789ijklMNOPqrst"
PASSWORD = "correct-horse-battery"
AWS = "AKIA" + "QWERTYUIOPASDFGH"
SECRETS = (TOKEN, KEY, PASSWORD, AWS)

PROGRAM = f'''
import os, sys, homerun
run = homerun.init(
    project="p",
    config={{"lr": 0.1, "api_key": "{KEY}", "nested": {{"password": "{PASSWORD}"}}}},
    save_code=True,
)
assert run.config.api_key == "{KEY}"          # the program sees what it gave
run.config.update({{"hub_token": "{TOKEN}"}})
print("login with {KEY}")
print("token={TOKEN}", file=sys.stderr)
run.log_code()
run.log({{"loss": 1.0}})
raise ValueError("cannot log in as {TOKEN} with --password {PASSWORD}")
'''


@pytest.fixture
def repo(tmp_path):
    """A checkout with a secret in an uncommitted change and in its remote."""
    repo = tmp_path / "repo"
    repo.mkdir()
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@x"]
    (repo / "settings.py").write_text("key = None\n")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "start"]):
        subprocess.run([*git, *command], cwd=repo, check=True)
    remote = f"https://user:{PASSWORD}@example.com/x.git"
    subprocess.run([*git, "remote", "add", "origin", remote], cwd=repo, check=True)
    (repo / "settings.py").write_text(f'aws = "{AWS}"\napi_key = "{KEY}"\n')
    (repo / "train.py").write_text(PROGRAM)
    return repo


def test_no_byte_of_a_secret_is_in_the_home(home, repo, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("SLURM_JOB_COMMENT", f"key {KEY}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    done = subprocess.run(
        [sys.executable, "train.py", "--hub_token", TOKEN, f"--db=x:{KEY}", "--lr=1"],
        cwd=repo,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ValueError: cannot log in" in done.stderr
    run = only_run(home)
    found = {
        (str(path.relative_to(home)), secret)
        for path in home.rglob("*")
        if path.is_file()
        for secret in SECRETS
        if secret.encode() in path.read_bytes()
    }
    assert found == set()
    assert run.config["lr"] == 0.1
    assert run.config["api_key"].startswith("<redacted:")
    assert run.config["nested"]["password"].startswith("<redacted:")
    assert run.argv[-1] == "--lr=1"
    assert run.metadata["env"]["CUDA_VISIBLE_DEVICES"] == "3"
    assert "HF_TOKEN" not in run.metadata["env"]
    assert "<redacted:" in run.reason
    assert "<redacted:" in (home / "runs" / run.id / "output.log").read_text()
    for name in ("diff.patch", "code/train.py", "code/settings.py"):
        assert "<redacted:" in (home / "runs" / run.id / "files" / name).read_text()


def test_nobody_else_can_read_the_home(home):
    code = (
        "import os; os.umask(0)\nimport homerun\n"
        "run = homerun.init(project='p', resume='auto', save_code=True)\n"
        "open('x.txt', 'w').write('x'); run.save('x.txt', policy='now'); run.log_code()\n"
        "print('out'); run.log({'h': homerun.Html('x')})\n"
        "if os.fork() == 0: run.log({'c': 1}); os._exit(0)\n"
        "os.kill(os.getpid(), 9)"
    )
    path = home.parent / "work"
    path.mkdir()
    (path / "train.py").write_text(code)
    subprocess.run([sys.executable, "train.py"], cwd=path, capture_output=True, check=False)
    only_run(home)
    kinds = {path.relative_to(home).parts[0] for path in home.rglob("*")}
    assert {"runs", "homerun.db", "resume", "inbox"} <= kinds
    for path in [home, *home.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
