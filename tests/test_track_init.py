"""init(): arguments, settings and environment; modes; resuming; several runs in one process."""

import subprocess
import sys
from pathlib import Path

import pytest

import homerun
from homerun.core import End, RunState, UsageError
from homerun.store import Store, run_folder, settle
from tests.track_program import call, only_run, points

FACTS = {
    "project": "vision",
    "name": "first try",
    "notes": "with more data",
    "tags": ("good", "new"),
    "group": "fold",
    "job_type": "train",
}


def recorded(home, run_id=None):
    with Store(home) as store:
        settle(store)
        run = store.run(run_id) if run_id else store.runs()[0]
        return {name: getattr(run, name) for name in FACTS}


def test_arguments(home):
    with homerun.init(**FACTS) as run:
        assert {name: getattr(run, name) for name in FACTS} == FACTS
    assert recorded(home) == FACTS


def test_settings(home):
    named = {
        "project": "vision",
        "run_name": "first try",
        "run_notes": "with more data",
        "run_tags": ["good", "new", "good"],
        "run_group": "fold",
        "run_job_type": "train",
        "run_id": "abc",
        "start_method": "thread",  # means nothing here
    }
    with homerun.init(settings=homerun.Settings(**named)) as run:
        assert run.id == "abc"
        assert run.settings.start_method == "thread"
    assert recorded(home) == FACTS


@pytest.mark.parametrize("prefix", ["WANDB", "HOMERUN"])
def test_environment(home, monkeypatch, prefix):
    values = ["vision", "first try", "with more data", "good, new", "fold", "train", "abc"]
    names = ["PROJECT", "NAME", "NOTES", "TAGS", "RUN_GROUP", "JOB_TYPE", "RUN_ID"]
    for name, value in zip(names, values, strict=True):
        monkeypatch.setenv(f"WANDB_{name}", "hidden")
        monkeypatch.setenv(f"{prefix}_{name}", value)
    with homerun.init() as run:
        assert run.id == "abc"
    assert recorded(home) == FACTS


def test_an_argument_beats_settings_and_they_the_environment(home, monkeypatch):
    monkeypatch.setenv("HOMERUN_PROJECT", "environment")
    monkeypatch.setenv("HOMERUN_NAME", "environment")
    settings = {"project": "settings", "run_name": "settings"}
    with homerun.init(project="argument", settings=settings) as run:
        assert (run.project, run.name) == ("argument", "settings")


def test_labels_can_be_changed(home):
    with homerun.init(project="p") as run:
        run.name = "better"
        run.notes = "why"
        run.tags += ("done", "done")
        assert run.tags == ("done",)
    assert recorded(home) | {"name": "better", "notes": "why", "tags": ("done",)} == recorded(home)


def test_the_project_is_named_after_the_checkout(home, tmp_path, monkeypatch):
    inside = tmp_path / "paddy#1" / "scripts"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    with homerun.init() as run:
        assert run.project == "scripts"
    (tmp_path / "paddy#1" / ".git").mkdir()
    with homerun.init() as run:
        assert run.project == "paddy-1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"project": "a/b"}, "project 'a/b' cannot be used"),
        ({"id": "../x"}, "run id '../x' cannot be used"),
        ({"mode": "cloud"}, "mode 'cloud' is unknown; use one of online"),
        ({"resume": "maybe"}, "resume 'maybe' is unknown; use one of allow"),
        ({"reinit": "maybe"}, "reinit 'maybe' is unknown"),
        ({"resume": "must"}, "needs the id="),
        ({"resume": "must", "id": "none"}, "there is no such run"),
        ({"fork_from": "abc?_step=1"}, "does not rewind"),
        ({"resume_from": "abc?_step=1"}, "does not rewind"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(home, arguments, message):
    with pytest.raises(UsageError, match=message) as caught:
        homerun.init(**arguments)
    assert "\n" not in str(caught.value)
    assert homerun.run is None


def test_everything_that_wandb_knows_is_accepted(home, capsys):
    with homerun.init(
        entity="me",
        dir="/nowhere",
        force=True,
        anonymous="allow",
        save_code=False,
        monitor_gym=True,
        sync_tensorboard=True,
        project="p",
    ) as run:
        assert run.entity == "me"
        run.watch(object(), log="all")
        run.unwatch()
        assert homerun.login(key="x")
        homerun.setup()
    said = capsys.readouterr().err
    assert "sync_tensorboard=True" in said
    assert "gradients and parameters are not recorded" in said
    homerun.teardown()


# Modes


@pytest.mark.parametrize("mode", ["online", "offline", "shared", "dryrun"])
def test_every_mode_is_local(home, mode):
    with homerun.init(project="p", mode=mode) as run:
        assert run.offline
        assert run.url is run.get_url() is None
        assert not run.disabled
    assert only_run(home).state == "finished"


@pytest.mark.parametrize("by", ["argument", "HOMERUN_MODE", "WANDB_MODE"])
def test_disabled_writes_nothing(home, by, monkeypatch, tmp_path, capsys):
    if by != "argument":
        monkeypatch.setenv(by, "disabled")
    monkeypatch.chdir(tmp_path)
    with homerun.init(project="p", mode="disabled" if by == "argument" else None) as run:
        assert run.disabled
        run.log({"a": 1, "x": object()})
        run.log({"a": 2}, step=5)
        run.config.b = 3
        run.summary["c"] = 4
        run.define_metric("a", summary="min")
        run.alert("hello")
        run.name = "other"
        assert run.save("*.txt") == run.log_code() == []
        assert (run.summary["a"], run.config.b, run.summary.c, run.step) == (2, 3, 4, 5)
        assert Path(run.dir).is_dir()
    Path(run.dir).rmdir()
    assert not home.exists()
    assert list(tmp_path.iterdir()) == []
    assert "hello" in capsys.readouterr().err


# Resuming

LOG = """
import homerun, os
with homerun.init(project="p", id="abc", resume=RESUME, config=CONFIG) as run:
    print(run.resumed, run.starting_step, run.summary.get("a"))
    for i in range(3):
        run.log({"a": run.step, "b": i})
    if END == "kill":
        os.kill(os.getpid(), 9)
    run.finish(END)
"""


def part(resume, *, end=0, config=None, returncode=0):
    code = LOG.replace("RESUME", repr(resume)).replace("END", repr(end))
    return call(code.replace("CONFIG", repr(config)), returncode=returncode)


@pytest.mark.parametrize("end", [0, 1, "kill"])
@pytest.mark.parametrize("resume", ["allow", "must", None])
def test_a_run_goes_on_where_it_ended(home, resume, end):
    out, _ = part("allow", end=end, config={"lr": 1, "x": 1}, returncode=-9 if end == "kill" else 0)
    assert out.strip() in {"False 0 None", ""}
    out, err = part(resume, config={"lr": 2})
    assert out.strip() == "True 3 2"
    assert "goes on at step 3" in err
    run = only_run(home)
    assert run.state == "finished"
    assert run.exit_code == 0
    assert run.reason == ""
    assert run.config == {"lr": 2, "x": 1}
    assert points(home, "abc", "a") == [(i, i) for i in range(6)]
    assert run.summary["a"] == 5


def test_never_and_must(home):
    part("never")
    _, err = part("never", returncode=1)
    assert err.splitlines()[-1].endswith("or resume='allow' to go on with it")
    part("must")
    assert len(points(home, "abc", "a")) == 6


AUTO = """
import homerun
with homerun.init(project="p", resume="auto") as run:
    print(run.id)
    run.log({"a": 1})
    if FAIL:
        raise SystemExit(1)
"""


def test_auto_goes_on_with_what_did_not_finish(home, tmp_path):
    def run_once(fail, cwd):
        out, _ = call(AUTO.replace("FAIL", str(fail)), returncode=int(fail), cwd=cwd)
        return out.strip()

    other = tmp_path / "other"
    other.mkdir()
    first = run_once(True, tmp_path)
    assert run_once(True, other) != first
    assert run_once(True, tmp_path) == first
    assert run_once(False, tmp_path) == first
    assert run_once(False, tmp_path) != first
    assert [step for step, _ in points(home, first, "a")] == [0, 1, 2]


def test_aggregations_go_on_with_a_resumed_run(home):
    code = """
        import homerun
        with homerun.init(project="p", id="abc", resume="allow") as run:
            run.define_metric("a", summary="min,max,mean")
            for value in VALUES:
                run.log({"a": value})
            print({k: round(v, 9) for k, v in run.summary["a"].items()})
    """
    call(code.replace("VALUES", "[1, 9]"))
    out, _ = call(code.replace("VALUES", "[2]"))
    assert out.strip() == str({"min": 1, "max": 9, "mean": 4.0})
    assert only_run(home).summary["a"] == pytest.approx({"min": 1, "max": 9, "mean": 4})


def test_a_stale_result_does_not_end_a_resumed_run(home):
    part("allow")
    old = End(state=RunState.FAILED, reason="before", ended_at=1.0)
    run_folder(home, "abc").write_result(old)
    part("must", end="kill", returncode=-9)
    assert only_run(home).state == "crashed"


# Several runs


def test_init_twice_returns_the_same_run(home, capsys):
    run = homerun.init(project="p", config={"a": 1})
    assert homerun.init(project="other", config={"b": 2}) is run
    assert "is active: that one is returned" in capsys.readouterr().err
    assert run.config.as_dict() == {"a": 1, "b": 2}
    run.finish()
    assert homerun.run is None


@pytest.mark.parametrize("reinit", [True, "finish_previous"])
def test_reinit_finishes_the_previous(home, reinit):
    first = homerun.init(project="p")
    with homerun.init(project="p", reinit=reinit) as second:
        assert second is homerun.run is not first
        with pytest.raises(UsageError):
            first.log({"a": 1})
    with Store(home) as store:
        assert [run.state for run in store.runs()] == ["finished"] * 2


def test_create_new_leaves_the_current_run_alone(home):
    first = homerun.init(project="p")
    second = homerun.init(project="p", reinit="create_new")
    assert homerun.run is first
    homerun.log({"a": 1})
    second.log({"b": 1})
    second.finish()
    assert homerun.run is first
    first.finish()
    assert [points(home, run.id, key) for run, key in ((first, "a"), (second, "b"))] == [
        [(0, 1)]
    ] * 2


# What is captured


def test_program_machine_and_git_are_captured(home, tmp_path):
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@x"]
    repo = tmp_path / "repo"
    repo.mkdir()
    (repo / "a.py").write_text("x = 1\n")
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "start"]):
        subprocess.run([*git, *command], cwd=repo, check=True)
    (repo / "a.py").write_text("x = 2\n")
    (repo / "train.py").write_text("import homerun\nhomerun.init(save_code=True).finish()\n")
    subprocess.run(
        [sys.executable, "train.py", "--lr=1"], cwd=repo, check=True, capture_output=True
    )
    run = only_run(home)
    assert run.project == "repo"
    assert run.argv[1:] == ("train.py", "--lr=1")
    assert run.cwd == str(repo)
    assert run.metadata["git"]["branch"] == "main"
    assert run.metadata["git"]["dirty"]
    assert run.metadata["args"] == ["--lr=1"]
    assert run.metadata["program"] == str(repo / "train.py")
    files = home / "runs" / run.id / "files"
    assert "+x = 2" in (files / "diff.patch").read_text()
    assert (files / "code" / "train.py").read_text() == (repo / "train.py").read_text()
    with Store(home) as store:
        kept = dict(store.rows("SELECT path, kind FROM file"))
    assert kept == {
        "requirements.txt": "captured",
        "diff.patch": "captured",
        "code/train.py": "code",
    }


def test_output_is_kept_unless_told_otherwise(home):
    code = "import homerun\nwith homerun.init(settings=SETTINGS): print('hello')"
    call(code.replace("SETTINGS", "None"))
    call(code.replace("SETTINGS", "{'console': 'off'}"))
    with Store(home) as store:
        first, second = (store.folder(run.id).output for run in store.runs())
    assert first.read_text() == "hello\n"
    assert not second.exists()


def test_system_metrics_are_sampled_and_can_be_switched_off(home, monkeypatch):
    code = """
        import homerun, time
        from homerun.store import journal
        from homerun.track import keeper
        def samples():
            paths = journal.journal_paths(run._folder.path)
            return sum(len(journal.read(path, only=journal.SYSTEM).records) for path in paths)
        keeper.FIRST_SAMPLE_S = 0.05
        with homerun.init(project="p", settings=SETTINGS) as run:
            end = time.monotonic() + LONGEST
            while samples() < 2 and time.monotonic() < end:
                time.sleep(0.02)
    """
    on = "{'x_stats_sampling_interval': 0.1, 'run_id': 'on'}"
    call(code.replace("SETTINGS", on).replace("LONGEST", "50"))
    off = "{'x_disable_stats': True, 'run_id': 'off'}"
    call(code.replace("SETTINGS", off).replace("LONGEST", "0.6"))
    with Store(home) as store:
        settle(store)
        rows = store.rows("SELECT run, key, count(*) FROM history GROUP BY run, key")
    keys = {key: count for run, key, count in rows if run == "on"}
    assert keys["system.proc.memory.rssMB"] >= 2
    assert all(run == "on" for run, _, _ in rows)
    assert all(run.summary == {} for run in (Store(home).run("on"),))
