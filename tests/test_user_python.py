"""Programs start in the Python environment of their user, wherever homerun itself is installed."""

import fcntl
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from types import SimpleNamespace

import pytest

from homerun.agent.lending import Pythons
from homerun.agent.pythons import choose
from homerun.core import SpecError, UsageError
from homerun.spec import from_dict
from homerun.store import Store
from tests.cli_call import HOMERUN, attempt, call
from tests.environments import cache_folder, environment
from tests.track_program import only_run

REPOSITORY = Path(__file__).parents[1]
TRAIN = """
import sys
import homerun, wandb
with wandb.init(config={"lr": 0.1}) as run:
    run.log({"loss": 0.5})
print(sys.executable)
print(wandb.__version__)
"""
SWEEP = "program: train.py\nmethod: grid\nparameters: {lr: {values: [1, 2]}}\n"
BARE = "/usr/bin:/bin"


# homerun as people install it


@pytest.fixture(scope="session")
def uv(tmp_path_factory):
    """Return uv, a wheel of homerun with those it needs, and the environment to call it in."""
    tools = environment("uv").parent
    wheels = tmp_path_factory.mktemp("wheels")
    for wheel in _needed(tools).iterdir():
        (wheels / wheel.name).symlink_to(wheel)
    build = f"-m pip wheel --quiet --no-deps --no-build-isolation -w {wheels} {REPOSITORY}"
    subprocess.run([tools / "python", *build.split()], check=True)
    alone = tmp_path_factory.mktemp("uv")  # without the Python beside it
    (alone / "uv").symlink_to(tools / "uv")
    env = {
        "PATH": f"{alone}:{BARE}",
        "HOME": str(tmp_path_factory.mktemp("home")),
        "UV_CACHE_DIR": str(tmp_path_factory.mktemp("cache")),
        "UV_TOOL_DIR": str(tmp_path_factory.mktemp("tools")),
        "UV_TOOL_BIN_DIR": str(tmp_path_factory.mktemp("bin")),
        "UV_OFFLINE": "1",
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": str(wheels),
        "UV_PYTHON": sys._base_executable,
        "UV_PYTHON_DOWNLOADS": "never",
    }
    return SimpleNamespace(program=str(tools / "uv"), env=env)


def _needed(tools):
    """Return a folder with the wheels that homerun needs; loaded once, then kept."""
    folder = cache_folder() / f"wheels-{tools.parent.name}"
    with folder.with_suffix(".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not folder.exists():
            loading = folder.with_suffix(".loading")
            shutil.rmtree(loading, ignore_errors=True)
            lock = REPOSITORY / "tests" / "locks" / "uv.txt"
            arguments = f"-m pip download --quiet --no-deps -d {loading} -r {lock}"
            subprocess.run([tools / "python", *arguments.split()], check=True)
            for wheel in loading.glob("uv-*"):  # it is installed already
                wheel.unlink()
            loading.rename(folder)
    return folder


@pytest.fixture
def folder(tmp_path, home, monkeypatch):
    """Return a folder with a program and its sweep, in which no environment is active."""
    place = tmp_path / "project"
    place.mkdir()
    (place / "train.py").write_text(TRAIN)
    (place / "sweep.yaml").write_text(SWEEP)
    monkeypatch.chdir(place)
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "PYTHONPATH", "UV"):
        monkeypatch.delenv(name, raising=False)
    return place


def make_environment(path, python=None):
    """Make an environment without any package, and return its Python."""
    if python is None:
        venv.create(path, with_pip=False, symlinks=True)
    else:
        subprocess.run([python, "-m", "venv", "--without-pip", path], check=True)
    return str(path / "bin" / "python")


def by_uvx(uv, *arguments, **variables):
    """Run `uvx homerun ...`."""
    command = [uv.program, "tool", "run", "--quiet", "--from", "homerun", "homerun", *arguments]
    return _run(command, {**uv.env, **variables})


def by_homerun(*arguments, program=HOMERUN, **variables):
    """Run homerun by its path, so that its environment is not on the PATH."""
    return _run([program, *arguments], {"PATH": BARE, "HOME": "/nowhere", **variables})


def _run(command, env):
    ours = {name: value for name, value in os.environ.items() if name.startswith("HOMERUN_")}
    words = [str(word) for word in command]
    done = subprocess.run(
        words, env={**env, **ours}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done


def outputs(home):
    """Return the first line that each run of the home wrote."""
    with Store(home) as store:
        logs = [store.folder(run.id).output.read_text() for run in store.runs()]
    return [log.splitlines()[0] for log in logs]


def states(home):
    with Store(home) as store:
        return {(run.state, run.summary.get("loss")) for run in store.runs()}


def test_uvx_runs_programs_in_the_environment_beside_them(uv, folder, home):
    theirs = make_environment(folder / ".venv")
    done = by_uvx(uv, "run", "sweep.yaml")
    assert f"python: {theirs} (the nearest .venv; it has no homerun, so this one is lent" in (
        done.stderr
    )
    assert outputs(home) == [theirs, theirs]
    assert states(home) == {("finished", 0.5)}
    with Store(home) as store:
        metadata = store.runs()[0].metadata
    assert metadata["executable"] == theirs
    assert metadata["python"].startswith("CPython 3.")


def test_uvx_runs_programs_in_the_environment_that_is_active(uv, folder, home, tmp_path):
    active = make_environment(tmp_path / "active")
    make_environment(folder / ".venv")
    path = f"{Path(active).parent}:{uv.env['PATH']}"
    prefix = str(tmp_path / "active")
    done = by_uvx(uv, "run", "--", "python", "train.py", PATH=path, VIRTUAL_ENV=prefix)
    assert done.stdout.splitlines()[0] == active
    assert "python:" in done.stderr  # not the first `python` that uvx has on the PATH
    assert states(home) == {("finished", 0.5)}


def test_a_command_is_queued_with_the_environment_of_its_shell(uv, folder, home, tmp_path):
    theirs = make_environment(folder / ".venv")
    by_uvx(uv, "add", "--", "python", "train.py")
    elsewhere = make_environment(tmp_path / "elsewhere")
    by_homerun("agent", VIRTUAL_ENV=str(tmp_path / "elsewhere"))
    assert outputs(home) == [theirs] != [elsewhere]
    assert states(home) == {("finished", 0.5)}


def test_an_installed_tool_starts_the_python_of_the_path(uv, folder, home, tmp_path):
    install = [uv.program, "tool", "install", "--quiet", "homerun"]
    subprocess.run(install, env=uv.env, check=True)
    program = f"{uv.env['UV_TOOL_BIN_DIR']}/homerun"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys._base_executable)  # as Debian has it
    options = {"PATH": str(tmp_path / "bin"), "program": program}
    done = by_homerun("run", "--", "python", "train.py", **options)
    assert Path(done.stdout.splitlines()[0]).resolve() == Path(sys._base_executable).resolve()
    assert "the first on the PATH" in done.stderr
    assert states(home) == {("finished", 0.5)}


def test_pipx_runs_programs_in_the_environment_that_is_active(uv, folder, home, tmp_path):
    theirs = make_environment(tmp_path / "active")
    env = {
        "PATH": BARE,
        "HOME": str(tmp_path),
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "PIPX_DEFAULT_PYTHON": sys._base_executable,
        "PIPX_DEFAULT_BACKEND": "pip",  # uv is beside it here
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": uv.env["UV_FIND_LINKS"],
    }
    pipx = Path(uv.program).with_name("pipx")
    subprocess.run([pipx, "install", "--quiet", "homerun"], env=env, check=True)
    program = str(tmp_path / "bin" / "homerun")
    active = {"PATH": f"{Path(theirs).parent}:{BARE}", "VIRTUAL_ENV": str(tmp_path / "active")}
    by_homerun("run", "sweep.yaml", program=program, **active)
    assert outputs(home) == [theirs, theirs]
    done = by_homerun("run", "--", "python", "train.py", program=program, PATH=BARE)
    other = Path(done.stdout.splitlines()[0]).resolve()
    assert not other.is_relative_to(tmp_path)  # it is not that of pipx either
    assert states(home) == {("finished", 0.5)}


def test_a_uv_project_is_asked_once_for_its_environment(uv, folder, home):
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "digits"\nversion = "1"\nrequires-python = ">=3.11"\n'
    )
    subprocess.run([uv.program, "lock", "--quiet"], env=uv.env, check=True)
    calls = folder / "calls"
    (folder / "bin").mkdir()
    (folder / "bin" / "uv").write_text(f'#!/bin/sh\necho "$1" >> {calls}\n{uv.program} "$@"\n')
    (folder / "bin" / "uv").chmod(0o755)
    dry = by_homerun("sweep", "sweep.yaml", "--dry-run", PATH=f"{folder}/bin:{BARE}")
    assert f"python    uv run in {folder} (a uv project)" in dry.stdout
    assert not calls.exists()
    variables = {**uv.env, "PATH": f"{folder}/bin:{BARE}"}
    done = by_homerun("run", "sweep.yaml", **variables)
    assert f"{folder}/.venv/bin/python" in done.stderr
    assert {str(Path(line).parent) for line in outputs(home)} == {f"{folder}/.venv/bin"}
    assert states(home) == {("finished", 0.5)}
    assert calls.read_text() == "run\n"


def test_a_uv_that_fails_is_told_in_one_line(uv, folder, home):
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "digits"\nversion = "1"\ndependencies = ["no-such-package-at-all"]\n'
        "[tool.uv]\n"
    )
    sweep_id = attempt("sweep", "sweep.yaml").stdout.strip()
    env = {**os.environ, **uv.env}
    done = subprocess.run(
        [HOMERUN, "agent", sweep_id], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "uv run python in" in done.stderr
    assert "choose another: --python PATH" in done.stderr.splitlines()[-1]
    assert by_homerun("agent", "--python", sys.executable, sweep_id, **uv.env)


def test_scripts_of_a_folder_get_it_too(folder, home):
    theirs = make_environment(folder / ".venv")
    (folder / "to_run").mkdir()
    script = folder / "to_run" / "a.py"
    script.write_text(f"#!/usr/bin/env python\n{TRAIN}")
    script.chmod(0o755)
    by_homerun("poll", "--exit", "1")
    assert outputs(home) == [theirs]
    assert states(home) == {("finished", 0.5)}


def test_a_prefix_of_conda_is_an_environment(folder, home, tmp_path):
    prefix = tmp_path / "envs" / "torch"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "conda-meta").mkdir()
    (prefix / "bin" / "python").symlink_to(sys._base_executable)
    by_homerun("run", "sweep.yaml", CONDA_PREFIX=str(prefix), CONDA_DEFAULT_ENV="torch")
    assert outputs(home) == [f"{prefix}/bin/python"] * 2
    code = "import os; print(os.environ['CONDA_PREFIX'])"
    done = by_homerun("run", "--python", prefix, "--", "python", "-c", code)
    assert done.stdout == f"{prefix}\n"


def other_pythons():
    """Return the other Pythons of this machine that homerun supports."""
    found = {}
    base = Path(sys._base_executable).parents[2]
    for minor in (11, 12, 13, 14):
        known = [*sorted(base.glob(f"3.{minor}.*/bin/python")), shutil.which(f"python3.{minor}")]
        if sys.version_info[:2] != (3, minor) and any(known):
            found[minor] = next(filter(None, known))
    return [str(path) for path in found.values()]


def test_other_versions_of_python_are_lent_what_they_lack(folder, home, tmp_path):
    for i, python in enumerate(other_pythons()):
        theirs = make_environment(tmp_path / f"other{i}", python)
        done = by_homerun("run", "--python", tmp_path / f"other{i}", "--", "python", "train.py")
        assert done.stdout.splitlines()[0] == theirs
        assert states(home) == {("finished", 0.5)}


def test_nothing_is_lent_that_a_python_has_itself(folder, home, tmp_path):
    theirs = make_environment(tmp_path / "other")
    packages = next((tmp_path / "other").glob("lib/python3.*/site-packages"))
    (packages / "msgpack.py").write_text("")
    python = Pythons(home, asked=theirs, environ={"PATH": BARE, "PYTHONPATH": "/a"})
    env = python.of_folder(folder).env
    first, *_, lent = env["PYTHONPATH"].split(":")
    assert first == "/a"
    assert {link.name for link in Path(lent).iterdir()} == {"homerun", "psutil", "yaml"}
    assert [oct(path.stat().st_mode)[-3:] for path in (home, home / "lent", Path(lent))] == (
        ["700"] * 3
    )
    assert env["PATH"] == f"{Path(theirs).parent}:{BARE}"
    assert env["VIRTUAL_ENV"] == str(tmp_path / "other")


def fake_python(path, answer, *, name="python"):
    """Make something that answers as a Python would and notes that it was started."""
    (path / "bin").mkdir(parents=True, exist_ok=True)
    program = path / "bin" / name
    program.write_text(f"#!/bin/sh\necho started >> {path}/started\n{answer}\n")
    program.chmod(0o755)
    return program


def test_a_python_that_is_too_old_is_told_and_its_runs_go_on(folder, home, tmp_path):
    old = fake_python(
        tmp_path / "old", """echo '["/old", [3, 8], ["homerun", "msgpack"]]'; exit 0"""
    )
    done = by_homerun("run", "--python", old, "sweep.yaml")
    assert "it is 3.8, so runs are not tracked: homerun needs 3.11 or later" in done.stderr
    assert states(home) == {("finished", None)}
    with Store(home) as store:
        assert not (store.home / "lent").exists()


def test_one_that_has_homerun_is_never_asked_and_others_once(folder, home, tmp_path):
    has = fake_python(tmp_path / "has", "")
    (tmp_path / "has/lib/python3.11/site-packages/homerun-0.1.0.dist-info").mkdir(parents=True)
    lacks = fake_python(tmp_path / "lacks", "")
    for python, starts in ((has, 2), (lacks, 3)):  # two runs each
        by_homerun("run", "--python", python, "sweep.yaml")
        assert len((python.parents[1] / "started").read_text().splitlines()) == starts


# Which one it is, and why


@pytest.fixture
def places(tmp_path):
    """Return a repository with a program, and environments."""
    program = tmp_path / "repository" / "src"
    program.mkdir(parents=True)
    (tmp_path / "repository" / ".git").mkdir()
    for name in ("active", "conda", "path", "repository/.venv", "named", ".venv"):
        fake_python(tmp_path / name, "")
    (tmp_path / "active" / "pyvenv.cfg").touch()
    return tmp_path


def path_of(places, *names):
    return ":".join([*(str(places / name / "bin") for name in names), BARE])


def test_the_order_in_which_a_python_is_looked_for(places):
    program = places / "repository" / "src"
    active = {"VIRTUAL_ENV": str(places / "active"), "PATH": path_of(places, "active", "path")}
    conda = {"CONDA_PREFIX": str(places / "conda"), "PATH": path_of(places, "conda", "path")}
    none = {"PATH": path_of(places, "path")}
    named = {"HOMERUN_PYTHON": str(places / "named"), **active}

    def chosen(environ, folder=program, **options):
        found = choose(folder, environ=environ, **options)
        assert found.path is not None
        return str(found.path.parents[1].relative_to(places)), found.why

    assert chosen(named, asked=str(places / "path"), setting="x") == ("path", "--python")
    assert chosen(named, setting=str(places / "conda"))[0] == "conda"
    assert chosen(named, start=places, setting="conda")[0] == "conda"
    assert chosen(named) == ("named", "HOMERUN_PYTHON")
    assert chosen(active) == ("active", "the active virtual environment")
    assert chosen({**active, "PATH": BARE})[0] == "active"  # an editor has set the variable alone
    assert chosen(conda) == ("conda", "the active conda environment")
    both = {**conda, **active, "PATH": path_of(places, "conda", "active")}
    assert chosen(both)[0] == "conda"  # activated last
    before = {**active, "PATH": path_of(places, "path", "active")}
    assert chosen(before) == ("path", "the first on the PATH")
    # As containers do it: the PATH alone.
    assert chosen({"PATH": path_of(places, "active")}) == ("active", "the first on the PATH")
    assert chosen(none) == ("repository/.venv", "the nearest .venv")
    base = {**conda, "CONDA_DEFAULT_ENV": "base"}
    assert chosen(base)[0] == "repository/.venv"
    assert chosen(base, folder=places / "named")[0] == "conda"
    gone = {"VIRTUAL_ENV": str(places / "gone"), **none}
    assert chosen(gone)[0] == "repository/.venv"
    assert choose(program, environ={"PATH": ""}).path == places / "repository/.venv/bin/python"


def test_what_lies_above_a_project_is_not_taken(places):
    none = {"PATH": path_of(places, "path")}
    apart = places / "path" / "deeper"
    apart.mkdir()
    assert choose(apart, environ=none).why == "the first on the PATH"
    assert choose(apart, start=places, environ=none).path == places / ".venv/bin/python"
    nothing = choose(apart, environ={"PATH": "/nowhere"})
    assert str(nothing.path) == sys.executable
    assert "no python on the PATH" in nothing.why
    assert choose(apart, environ=none, caller="/a/python").path == Path("/a/python")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("nowhere/python", "there is no such Python; give the bin/python of an environment"),
        ("no-such-python", "there is no such Python"),
        ("train.py", "is no Python"),
        ("uv", "there is no uv on the PATH"),
    ],
)
def test_a_python_that_cannot_be_is_refused_in_one_line(folder, home, monkeypatch, given, text):
    sweep_id = attempt("sweep", "sweep.yaml").stdout.strip()
    monkeypatch.setenv("PATH", BARE)
    for command in (["run", "true"], ["add", "true"], ["agent", sweep_id], ["poll", "--exit=1"]):
        done = attempt(command[0], "--python", given, *command[1:])
        assert done.returncode == 2, command
        assert text in done.stderr.splitlines()[-1]
    monkeypatch.setenv("HOMERUN_PYTHON", given)
    assert f"HOMERUN_PYTHON {given}" in attempt("run", "true").stderr


def test_uv_needs_a_project(uv, folder):
    with pytest.raises(UsageError, match=r"there is no pyproject.toml in .*; uv init makes one"):
        choose(folder, asked="uv", environ=uv.env)


def test_a_sweep_file_names_its_python(folder, home, tmp_path):
    theirs = make_environment(tmp_path / "theirs")
    (folder / "sweep.yaml").write_text(f"{SWEEP}homerun: {{python: ../theirs}}\n")
    dry = call("sweep", "sweep.yaml", "--dry-run").stdout
    assert f"python    {folder}/../theirs/bin/python (python: of the sweep file)" in dry
    by_homerun("run", "sweep.yaml")
    assert {os.path.normpath(line) for line in outputs(home)} == {theirs}
    other = make_environment(tmp_path / "other")
    assert other in call("sweep", "sweep.yaml", "--python", other, "--dry-run").stdout
    for value in (3.11, "", ["uv"]):
        with pytest.raises(SpecError, match="must be the path of a Python"):
            from_dict(
                {
                    "program": "a.py",
                    "method": "grid",
                    "parameters": {"a": {"value": 1}},
                    "homerun": {"python": value},
                }
            )


def test_an_agent_of_the_queue_leaves_out_a_sweep_whose_python_is_gone(folder, home):
    (folder / "sweep.yaml").write_text(f"{SWEEP}homerun: {{python: gone/python}}\n")
    sweep_id = attempt("sweep", "sweep.yaml").stdout.strip()
    call("add", "--python", sys.executable, "--", "python", "train.py")
    done = by_homerun("agent")
    assert f"sweep {sweep_id}: python: of the sweep file gone/python: there is no" in done.stderr
    assert outputs(home) == [sys.executable]
    done = attempt("agent", sweep_id)
    assert done.returncode == 2
    assert call("sweep", "sweep.yaml", "--python", sys.executable).exit_code == 0
    with Store(home) as store:
        assert store.sweeps()[-1].spec["homerun"] == {"python": sys.executable}


def test_functions_are_called_where_they_are_and_programs_by_the_python_that_asks(
    folder, home, monkeypatch
):
    sweep_id = attempt("sweep", "sweep.yaml").stdout.strip()
    monkeypatch.setenv("PATH", BARE)
    code = f"import homerun; homerun.agent({sweep_id!r})"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert outputs(home) == [sys.executable] * 2


def test_one_run_is_a_run_like_any_other(folder, home):
    by_homerun("run", "--python", sys.executable, "--", "python", "train.py")
    assert only_run(home).summary["loss"] == 0.5
