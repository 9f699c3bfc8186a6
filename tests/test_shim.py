"""Programs that say `import wandb` find homerun, in processes as a user starts them."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import homerun
from homerun.agent import wandb_env
from homerun.store import Store, settle
from tests.agent_home import make_sweep, work
from tests.cli_call import environment, start
from tests.track_program import call, only_run, points

SHIM = str(Path(homerun.__file__).parent / "shim")
TRAIN = """
import wandb
wandb.init(config={"lr": 0.1})
for epoch in range(3):
    wandb.log({"loss": 1 / (epoch + 1)})
print(wandb.__file__)
"""


def shimmed(code, **options):
    return call(code, PYTHONPATH=SHIM, **options)[0]


def test_it_is_a_package_like_any_other(home):
    out = shimmed("""
        import importlib.metadata, importlib.util, sys
        from packaging.requirements import Requirement
        print(importlib.util.find_spec("wandb").origin)
        assert "wandb" not in sys.modules
        assert importlib.util.find_spec("wandb.sdk.lib.telemetry") is not None
        assert importlib.util.find_spec("wandb.nothing") is None
        version = importlib.metadata.version("wandb")
        assert version in Requirement("wandb>=0.12.10").specifier
        assert importlib.metadata.metadata("wandb")["Name"] == "wandb"
        import homerun, wandb
        assert wandb.__version__ == version
        assert tuple(map(int, version.split(".")[:2])) >= (0, 20)
        assert wandb.init is homerun.init and wandb.Run is homerun.Run
    """)
    assert out.split() == [f"{SHIM}/wandb/__init__.py"]


def test_it_loads_nothing_until_it_is_used(home):
    out = shimmed("""
        import sys
        import homerun
        before = set(sys.modules)
        import wandb
        print(*sorted(set(sys.modules) - before))
    """)
    assert set(out.split()) <= {"wandb", "wandb._modules", "importlib.machinery", "types"}


def test_the_current_run_is_looked_up_each_time(home):
    shimmed("""
        import wandb
        from wandb import config, summary
        assert hasattr(wandb, "run") and wandb.run is None
        run = wandb.init(mode="offline", config={"a": 1})
        assert wandb.run is run and wandb.config.a == config["a"] == 1
        wandb.log({"loss": 2.0})
        assert wandb.summary["loss"] == summary["loss"] == 2.0
        wandb.finish()
        assert wandb.run is None
        assert wandb.init() is wandb.run and "a" not in wandb.config
    """)


def test_what_other_libraries_reach_for_is_there(home):
    shimmed("""
        import os
        import wandb
        from wandb.sdk.lib import RunDisabled, config_util, telemetry
        from wandb.sdk.lib.config_util import ConfigError
        from wandb.sdk.lib.disabled import RunDisabled as Disabled
        from wandb.sdk.lib.runid import generate_id
        from wandb.sdk.wandb_run import Run
        from wandb.wandb_run import Run as SameRun
        from wandb.errors import CommError, Error, UsageError
        from wandb.apis import PublicApi
        from wandb.apis.public import Api
        import wandb.data_types, wandb.env, wandb.plot, wandb.sdk.wandb_setup, wandb.util

        assert Run is SameRun is wandb.Run and RunDisabled is Disabled
        assert Api is PublicApi is wandb.Api
        assert issubclass(UsageError, Error) and config_util.ConfigError is ConfigError
        assert len(generate_id()) == len(wandb.util.generate_id()) == 8
        assert wandb.data_types.Table is wandb.Table and callable(wandb.plot.bar)
        assert wandb.util.get_module("json").dumps(1) == "1"
        assert wandb.util.get_module("no_such_module") is None
        assert wandb.util.make_artifact_name_safe("a b/c") == "a_b_c"
        with telemetry.context(run=wandb.run) as tel:
            tel.feature.lightning = True
        wandb.require("service")
        wandb.ensure_configured()
        wandb.env.set_project("digits")
        assert os.environ["WANDB_PROJECT"] == wandb.env.get_project() == "digits"
        run = wandb.init(id="abc12345")
        assert isinstance(run, Run) and not isinstance(run, RunDisabled)
        run._label(code="transformers_trainer")
        assert wandb._attach("abc12345") is run and run.project == "digits"
        try:
            run.config.update({"a": 1}); run.config.update({"a": 2})
        except ConfigError:
            pass
        else:
            raise AssertionError("changed")
    """)


def test_every_name_of_the_table_that_needs_no_library_is_there(home):
    out = shimmed("""
        import importlib, wandb
        from wandb._modules import MODULES
        for name, sources in MODULES.items():
            module = importlib.import_module(f"wandb.{name}".rstrip("."))
            assert module.__doc__ and dir(module)
            if not any("integrations" in source or "fastai" in source for source in sources):
                for there in module.__all__:
                    getattr(module, there)
        print("ok")
    """)
    assert out == "ok\n"


def test_a_name_that_is_missing_is_named_with_the_nearest(home):
    out = shimmed("""
        import wandb
        assert not hasattr(wandb, "nothing_like_it")
        for code in (
            "wandb.define_metrics",
            "wandb.zzzzzz",
            "import wandb.nothing",
            "from wandb.nothing import something",
            "from wandb.util import something",
        ):
            try:
                exec(code)
            except (AttributeError, ImportError) as error:
                print(type(error).__name__, str(error))
    """)
    what = "has no attribute"
    where = "homerun stands in for wandb here and does not have it"
    lines = out.splitlines()
    assert lines[:4] == [
        f"AttributeError module 'wandb' {what} 'define_metrics': {where}; "
        "the nearest it has is 'define_metric'",
        f"AttributeError module 'wandb' {what} 'zzzzzz': {where}",
        "ModuleNotFoundError No module named 'wandb.nothing'",
        "ModuleNotFoundError No module named 'wandb.nothing'",
    ]
    assert lines[4].startswith("ImportError cannot import name 'something' from 'wandb.util'")


def test_the_path_of_a_program_begins_with_ours_and_keeps_the_users():
    assert wandb_env({}) == {"PYTHONPATH": SHIM}
    assert wandb_env({"PYTHONPATH": "/a:/b"}) == {"PYTHONPATH": f"{SHIM}:/a:/b"}
    assert wandb_env({"PYTHONPATH": f"{SHIM}:/a"}) == {"PYTHONPATH": f"{SHIM}:/a"}
    assert wandb_env({"PYTHONPATH": "/a", "HOMERUN_WANDB": "off"}) == {}


def test_a_program_run_by_homerun_is_tracked_unchanged(home, tmp_path):
    (tmp_path / "train.py").write_text(TRAIN)
    env = environment(PYTHONPATH="/elsewhere")
    done = start("run", "--", sys.executable, "train.py", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{SHIM}/wandb/__init__.py\n"
    run = only_run(home)
    assert (run.state, run.config) == ("finished", {"lr": 0.1})
    assert points(home, run.id, "loss") == [(0, 1.0), (1, 0.5), (2, 1 / 3)]


def test_the_wandb_of_the_user_is_left_alone_where_ours_is_off(home, tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "wandb.py").write_text("")
    env = environment(PYTHONPATH=str(tmp_path / "theirs"))
    program = ["run", "--", sys.executable, "-c", "import wandb; print(wandb.__file__)"]
    assert start(*program, env=env).stdout == f"{SHIM}/wandb/__init__.py\n"
    done = start(*program, env={**env, "HOMERUN_WANDB": "off"})
    assert done.stdout == f"{tmp_path}/theirs/wandb.py\n"


def test_a_queued_program_keeps_what_its_shell_said(home, tmp_path):
    code = "import wandb; print(wandb.__file__)"
    (tmp_path / "wandb.py").write_text("")
    env = environment(PYTHONPATH=str(tmp_path))
    for mode in ("", "off"):
        done = start("add", "--", sys.executable, "-c", code, env={**env, "HOMERUN_WANDB": mode})
        assert done.returncode == 0, done.stderr
    assert start("agent", env=environment()).returncode == 0
    with Store(home) as store:
        outputs = [store.folder(run.id).output.read_text() for run in store.runs()]
    assert sorted(outputs) == sorted([f"{SHIM}/wandb/__init__.py\n", f"{tmp_path}/wandb.py\n"])


def test_the_runs_of_an_agent_find_it(home, tmp_path):
    (tmp_path / "train.py").write_text(TRAIN)
    with Store(home) as store:
        sweep = make_sweep(store, [sys.executable, "train.py"], values=2, cwd=tmp_path)
        work(store, sweep)
        settle(store)
        runs = store.runs()
    assert [run.state for run in runs] == ["finished", "finished"]
    assert sorted(run.config["n"] for run in runs) == [0, 1]
    assert all(run.summary["loss"] == pytest.approx(1 / 3) for run in runs)


def test_a_shell_has_it(home, tmp_path):
    (tmp_path / "train.py").write_text(TRAIN)
    env = environment(SHELL="/bin/sh")
    done = start(
        "shell",
        input=f"{sys.executable} train.py\nexit 3\n",
        cwd=tmp_path,
        env=env,
        stdin=None,
    )
    assert done.returncode == 3
    assert done.stdout == f"{SHIM}/wandb/__init__.py\n"
    assert f"kept in {home}" in done.stderr
    assert only_run(home).summary["loss"] == pytest.approx(1 / 3)


def test_a_shell_that_cannot_be_says_why(home):
    done = start("shell", env=environment(SHELL="/no/such/shell"))
    assert done.returncode == 2
    assert "SHELL=/no/such/shell cannot be started" in done.stderr
    done = start("shell", env=environment(HOMERUN_WANDB="off"))
    assert done.returncode == 2
    assert "HOMERUN_WANDB" in done.stderr


def test_it_steps_aside_in_a_python_without_homerun(tmp_path):
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    packages = next((tmp_path / "env" / "lib").glob("python*")) / "site-packages"
    program = [python, "-c", "import wandb; print(wandb.__file__, wandb.x)"]
    env = {**os.environ, "PYTHONPATH": SHIM}

    def run():
        return subprocess.run(program, env=env, capture_output=True, text=True, check=False)

    done = run()
    assert done.returncode == 1
    assert "homerun is not installed for" in done.stderr.splitlines()[-1]
    (packages / "wandb.py").write_text("x = 1")
    assert run().stdout == f"{packages}/wandb.py 1\n"
