"""Figures of real processes and of the machine the tests run on."""

import os
import socket
import subprocess
import sys
import time

import psutil
import pytest

from homerun.devices import Sampler, machine

BUSY = "import time\nwhile True: sum(range(1000))"
PARENT = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {BUSY!r}])
print(child.pid, flush=True)
child.wait()
time.sleep(60)
"""


@pytest.fixture
def family():
    """Give the pids of a process and of its one child, which burns CPU."""
    process = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    yield process.pid, child
    if psutil.pid_exists(child):
        os.kill(child, 9)
    process.kill()
    process.wait()
    process.stdout.close()


def until(condition, timeout_s=60.0):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("the condition was never met")


def test_names_and_ranges_of_a_sample():
    sampler = Sampler(os.getpid())
    first = sampler.sample()
    assert "cpu" not in first  # no baseline yet
    assert {
        "proc.cpu.threads",
        "proc.memory.rssMB",
        "proc.memory.percent",
        "proc.memory.availableMB",
        "memory_percent",
        "disk./.usagePercent",
        "disk./.usageGB",
    } <= first.keys()
    assert first["proc.cpu.threads"] >= 1
    assert 1 < first["proc.memory.rssMB"] < psutil.virtual_memory().total / 2**20
    assert 0 < first["disk./.usagePercent"] <= 100
    second = sampler.sample()
    assert second["cpu"] >= 0
    assert all(isinstance(value, float) for value in second.values())
    since_start = [key for key in second if key.endswith((".in", ".out", ".sent", ".recv"))]
    assert all(second[key] >= first[key] >= 0 for key in since_start)


def test_the_whole_tree_is_counted(family):
    parent, child = family
    sampler = Sampler(parent)
    alone = Sampler(child)
    sampler.sample()
    busy = until(lambda: (s := sampler.sample()).get("cpu", 0) > 1 and s)
    assert busy["proc.cpu.threads"] >= 2
    assert busy["proc.memory.rssMB"] > alone.sample()["proc.memory.rssMB"]


def test_a_child_that_ends_leaves_its_time_and_takes_its_memory(family):
    parent, child = family
    sampler = Sampler(parent)
    before = sampler.sample()
    until(lambda: sampler.sample().get("cpu", 0) > 0)
    os.kill(child, 9)
    after = until(lambda: (s := sampler.sample())["proc.cpu.threads"] == 1 and s)
    assert after["cpu"] >= 0
    assert after["proc.memory.rssMB"] < before["proc.memory.rssMB"]


def test_a_process_that_is_gone_has_no_figures():
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    living = Sampler(process.pid)
    process.wait()
    for sampler in (living, Sampler(process.pid)):
        sampler.sample()
        sample = sampler.sample()
        assert not {"cpu", "proc.cpu.threads", "proc.memory.rssMB"} & sample.keys()
        assert sample["memory_percent"] > 0


def test_a_path_without_a_file_system_is_absent(tmp_path):
    sample = Sampler(os.getpid(), disk_paths=["/does/not/exist", str(tmp_path)]).sample()
    assert not any("exist" in key for key in sample)
    assert f"disk.{tmp_path}.usageGB" in sample


def test_network_counts_since_the_start():
    sampler = Sampler(os.getpid())
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        client.sendall(b"x" * 10_000)
        until(lambda: sampler.sample()["network.sent"] >= 10_000)


def test_machine_facts():
    facts = machine()
    assert facts["host"] == os.uname().nodename
    assert facts["cpu_count_logical"] == os.cpu_count()
    assert facts["cpu_count"] == psutil.cpu_count(logical=False)
    assert facts["memory"] == {"total": psutil.virtual_memory().total}
    assert facts["python"].endswith(".".join(map(str, sys.version_info[:3])))
    assert facts["os"].startswith(os.uname().sysname)
    assert facts["disk"]["/"]["total"] > facts["disk"]["/"]["used"] > 0


def test_importing_devices_loads_no_psutil():
    code = "import sys, homerun.devices as d; d.machine(); d.gpus();print('psutil' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
