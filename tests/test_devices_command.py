"""`homerun devices`, on GPUs of the tests' own."""

import getpass
import json
import os
import subprocess
import time

import click
import pytest

from homerun.store import Store, identity, take_leases
from tests.cli_call import start
from tests.fake_gpus import FakeGpus


@pytest.fixture
def fake(home, tmp_path):
    return FakeGpus(tmp_path / "gpus", count=4)


@pytest.fixture
def foreign():
    """A process that is no run of ours."""
    with subprocess.Popen(["sleep", "60.125"]) as process:
        yield process.pid
        process.kill()


@pytest.fixture
def run(home, fake):
    """A run of project digits that has GPU 0."""
    with Store(home) as store:
        run = store.add_run("ab12cd34", project="digits", agent=str(identity()), cwd="/")
        lock = store.folder(run.id).make().hold()
        holder = str(identity())
        take_leases(store, run.id, fake.ids[:1], holder=holder, memory_mib=None, at_most=1)
        yield run
        os.close(lock)


def shown(fake, *options, **env):
    done = start(*options, "devices", env={**fake.environ, "COLUMNS": "80", **env})
    assert done.returncode == 0, done.stderr
    return done


def as_json(fake, **env):
    done = start("devices", "--json", env={**fake.environ, **env})
    return json.loads(done.stdout)


def test_each_gpu_is_shown_with_who_has_it_and_why(fake, run, foreign):
    fake.set(0, used_mib=30_000, utilization=97)
    fake.set(1, used_mib=9000, processes=[(foreign, 8704)])
    fake.set(2, lost=True)
    fake.set(3, used_mib=1500, processes=[(os.getpid(), 1400, "g")])
    text = click.unstyle(shown(fake, "--color", "always").stdout)
    lines = text.splitlines()
    assert lines[0].split() == ["GPU", "STATE", "MEMORY", "UTIL", "POWER", "TEMP", "NAME", "ID"]
    first = [
        "0",
        "ours",
        "29.3/80",
        "GiB",
        "97%",
        "60",
        "W",
        "35°C",
        "Fake",
        "A100",
        "GPU-00000000",
    ]
    assert lines[1].split() == first
    assert [line.split()[1] for line in lines[1:5]] == ["ours", "busy", "busy", "free"]
    assert "GPU 0 ours: run 1 (digits) running for " in text
    assert f"GPU 1 busy: pid {foreign} of {getpass.getuser()}: sleep 60.125, 8.5 GiB" in text
    assert "GPU 2 busy: it fell off the bus" in text
    assert f"GPU 3 free: pid {os.getpid()} of" in text
    assert "(draws the screen)" in text
    assert "1 run running" in lines[-1]
    assert all(len(line) <= 80 for line in lines[:5])


def test_json_and_tabs_hold_everything(fake, run, foreign):
    fake.set(1, used_mib=9000, processes=[(foreign, 8704)])
    told = as_json(fake)
    assert [gpu["id"] for gpu in told["gpus"]] == fake.ids
    assert [gpu["state"] for gpu in told["gpus"]] == ["ours", "busy", "free", "free"]
    assert [one["number"] for one in told["gpus"][0]["runs"]] == [1]
    (process,) = told["gpus"][1]["processes"]
    assert process["started_at"] == pytest.approx(time.time(), abs=60)
    assert (process["pid"], process["command"], process["run"]) == (foreign, "sleep 60.125", None)
    assert told["cpu"]["running"] == 1
    titles, *rows = [line.split("\t") for line in shown(fake).stdout.splitlines()]
    assert titles[:5] == ["index", "id", "kind", "name", "state"]
    assert [row[4] for row in rows] == ["ours", "busy", "free", "free"]


def test_gpus_that_must_not_be_used_are_shown_as_hidden(fake):
    told = as_json(fake, CUDA_VISIBLE_DEVICES="1,3")
    assert [gpu["state"] for gpu in told["gpus"]] == ["hidden", "free", "hidden", "free"]
    assert "CUDA_VISIBLE_DEVICES=1,3" in told["gpus"][0]["reason"]


def test_no_home_and_no_gpu_are_no_reason_to_fail(home, tmp_path):
    none = FakeGpus(tmp_path / "gpus", count=0)
    done = shown(none, "--color", "never", FORCE_COLOR="1")
    assert done.stdout.splitlines()[0] == "no GPU is seen here"
    assert done.stdout.splitlines()[1].startswith("CPU ")
    assert not home.exists()
    assert as_json(none)["gpus"] == []
