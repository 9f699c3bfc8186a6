"""What a run does to its GPUs and the CPU: samples, peak memory, energy."""

import json
import sys
import time

import pytest

from homerun.devices import CpuEnergy, why_no_cpu_energy
from homerun.store import Store, journal
from tests.agent_home import Runner, until
from tests.fake_gpus import FakeGpus

OWN = 4242  # pids that the tests' own answer to `is it ours` knows
OTHER = 4343
SAMPLER = f"""
from homerun.devices import GpuSampler
def sampler(*ids):
    return GpuSampler(ids, {{{OWN}: True, {OTHER}: False}}.get)
def make(*ids):
    global s
    s = sampler(*ids)
"""


@pytest.fixture
def fake(tmp_path):
    return FakeGpus(tmp_path / "gpus", count=2)


def test_names_and_units_of_a_sample(fake):
    fake.set(1, used_mib=40_960, power_w=300, utilization=97, memory_utilization=41)
    fake.set(1, processes=[(OWN, 40_000)], fan=30, ecc=2)
    with fake.shell(SAMPLER) as ask:
        sample = ask(f"sampler({fake.ids[1]!r}).sample()")
    assert sample == {
        "gpu.1.gpu": 97.0,
        "gpu.1.memory": 41.0,
        "gpu.1.memoryAllocated": 50.0,
        "gpu.1.memoryAllocatedBytes": 40 * 2.0**30,
        "gpu.1.powerWatts": 300.0,
        "gpu.1.powerPercent": 75.0,
        "gpu.1.enforcedPowerLimitWatts": 400.0,
        "gpu.1.temp": 35.0,
        "gpu.1.smClock": 1410.0,
        "gpu.1.memoryClock": 1593.0,
        "gpu.1.graphicsClock": 1410.0,
        "gpu.1.fanSpeed": 30.0,
        "gpu.1.correctedMemoryErrors": 2.0,
        "gpu.1.uncorrectedMemoryErrors": 0.0,
        "gpu.process.1.gpu": 97.0,
        "gpu.process.1.memory": 41.0,
        "gpu.process.1.memoryAllocated": 50.0,
        "gpu.process.1.memoryAllocatedBytes": 40 * 2.0**30,
        "gpu.process.1.temp": 35.0,
        "gpu.process.1.powerWatts": 300.0,
        "gpu.process.1.enforcedPowerLimitWatts": 400.0,
        "gpu.process.1.powerPercent": 75.0,
    }


def test_a_missing_sensor_is_absent_and_a_lost_gpu_has_none(fake):
    fake.set(0, power_w=None, utilization=None, sm=None)
    with fake.shell(SAMPLER) as ask:
        ask(f"make({fake.ids[0]!r}, {fake.ids[1]!r})")
        sample = ask("s.sample()")
        assert not {"gpu.0.powerWatts", "gpu.0.powerPercent", "gpu.0.smClock"} & sample.keys()
        assert "gpu.0.temp" in sample
        assert "gpu.0.fanSpeed" not in sample
        assert not any("process" in key for key in sample)
        fake.set(0, lost=True)
        assert {key.split(".")[1] for key in ask("s.sample()")} == {"1"}


def test_energy_is_the_difference_of_the_counters(fake):
    fake.set(0, energy_mj=1_000_000)
    fake.set(1, energy_mj=5_000_000)
    with fake.shell(SAMPLER) as ask:
        ask(f"make({fake.ids[0]!r}, {fake.ids[1]!r})")
        assert ask("s.use()")["energy_wh"] == 0.0
        fake.set(0, energy_mj=4_600_000)  # 3.6 MJ are 1 kWh, so this is 1 Wh
        fake.set(1, energy_mj=6_800_000)
        ask("s.update()")
        assert ask("s.use()")["energy_wh"] == pytest.approx(1.5)
        fake.set(0, energy_mj=360_000)  # the driver was loaded anew
        ask("s.update()")
        assert ask("s.use()")["energy_wh"] == pytest.approx(1.6)
        fake.set(1, lost=True)
        ask("s.update()")
        assert ask("s.use()")["energy_wh"] == pytest.approx(1.6)


def test_without_a_counter_power_is_summed_up(fake):
    fake.set(0, energy_mj=None, power_w=360)
    with fake.shell(SAMPLER) as ask:
        before = time.monotonic()
        ask(f"make({fake.ids[0]!r})")
        ask("s.glance()")
        after_first = time.monotonic()
        time.sleep(0.1)
        started_last = time.monotonic()
        ask("s.glance()")
        energy_wh = ask("s.use()")["energy_wh"]
        least, most = started_last - after_first, time.monotonic() - before
    assert 360 * least / 3600 <= energy_wh <= 360 * most / 3600


def test_what_cannot_be_known_is_none(fake):
    fake.set(0, energy_mj=None, power_w=None)
    fake.set(1, energy_mj=1)
    with fake.shell(SAMPLER) as ask:
        nothing = {"memory_max_gib": None, "energy_wh": None}
        assert ask(f"sampler({fake.ids[0]!r}).use()") == {**nothing, "is_shared": False}
        both = ask(f"sampler({fake.ids[0]!r}, {fake.ids[1]!r}).use()")
        assert both["energy_wh"] is None  # half of it would be wrong
        assert ask("sampler('GPU-gone').use()") == {**nothing, "is_shared": None}


def test_the_peak_is_the_most_that_our_processes_held_at_once(fake):
    with fake.shell(SAMPLER) as ask:
        fake.set(0, used_mib=9_000, processes=[(OTHER, 8_000)])
        ask(f"make({fake.ids[0]!r}, {fake.ids[1]!r})")
        for mib in (1024, 3072, 2048):
            fake.set(0, used_mib=9_000 + mib, processes=[(OTHER, 8_000), (OWN, mib)])
            ask("s.glance()")
        fake.set(1, processes=[(OWN, 2560)])
        ask("s.glance()")
        assert ask("s.use()") == {"memory_max_gib": 3.0, "energy_wh": 0.0, "is_shared": True}


def test_where_no_process_is_listed_the_peak_is_what_came_with_the_run(fake):
    with fake.shell(SAMPLER) as ask:
        fake.set(0, used_mib=500)
        ask(f"make({fake.ids[0]!r})")
        for processes in ([], [(OWN, None)], [(99, 2_000)]):
            fake.set(0, used_mib=2548, processes=processes)
            ask("s.glance()")
            assert ask("s.use()")["memory_max_gib"] == 2.0
        fake.set(0, used_mib=50_000, processes=[(OTHER, 40_000)])
        ask("s.glance()")
        assert ask("s.use()")["memory_max_gib"] == 2.0  # whose that is nobody can tell
        assert ask("s.use()")["is_shared"]


def test_a_driver_that_hangs_holds_up_no_run(fake):
    setup = "from homerun.devices import GpuWatch\nimport time"
    with fake.shell(setup) as ask:
        ask(f"globals().update(w=GpuWatch([{fake.ids[0]!r}], lambda pid: None, every_s=60))")
        fake.wait_for_looks()
        fake.set(0, hang=True, energy_mj=1000)
        started = time.monotonic()
        assert ask("w.close()")["energy_wh"] is None
        assert time.monotonic() - started < 30
        fake.set(0, hang=None)


SAMPLES = """
import os, time
from pathlib import Path
from homerun.agent.samples import Samples
from homerun.store import run_folder
folder = run_folder(Path(os.environ["HOMERUN_HOME"]), "ab12cd34").make()
def work(devices):
    now = time.monotonic()
    samples = Samples(folder, pid=os.getpid(), started=now, devices=devices, every_s=0.6)
    for _ in range(3):
        time.sleep(max(0, samples.due_at - time.monotonic()))
        samples.take(time.monotonic())
    return samples.close()
"""


def test_samples_of_gpus_stand_in_the_journal_of_the_run(home, fake):
    with fake.shell(SAMPLES, HOMERUN_HOME=str(home)) as ask:
        use = ask(f"work({fake.ids[0]!r})")
    assert (use["energy_wh"], use["is_shared"]) == (0.0, False)
    (path,) = journal.journal_paths(home / "runs" / "ab12cd34")
    samples = [record[3] for record in journal.read(path, only=journal.SYSTEM).records]
    assert len(samples) == 3
    assert sum("gpu.0.temp" in sample for sample in samples) >= 1  # the driver may start slowly
    assert all("proc.cpu.threads" in sample for sample in samples)


@pytest.fixture
def runner(home, fake, monkeypatch):
    for name, value in fake.env.items():
        monkeypatch.setenv(name, value)
    with Store(home) as store:
        runner = Runner(store)
        yield runner
        runner.close()


def test_the_end_of_a_run_tells_its_energy_and_its_peak(runner, fake, tmp_path):
    stop = tmp_path / "stop"
    code = f"import os, time\nwhile not os.path.exists({str(stop)!r}): time.sleep(0.01)"
    fake.set(0, energy_mj=7_000_000)
    folder, hand = runner.start([sys.executable, "-c", code], devices=fake.ids[0])
    process = until(
        lambda: (p := folder.path / "process.json").exists() and json.loads(p.read_text())
    )
    fake.wait_for_looks()
    fake.set(0, used_mib=5400, energy_mj=10_600_000, processes=[(process["pgid"], 5120)])
    fake.wait_for_looks()
    stop.touch()
    end = runner.wait(folder, hand)
    assert end.state == "finished"
    assert end.gpu_memory_max_gib == 5.0
    assert end.energy_wh == pytest.approx(1.0)
    assert end.is_shared is False


def test_a_gpu_that_is_lost_does_not_stop_the_run(runner, fake):
    fake.set(0, lost=True)
    _, end = runner.end([sys.executable, "-c", "print('trained')"], devices=fake.ids[0])
    assert (end.state, end.exit_code) == ("finished", 0)
    assert end.gpu_memory_max_gib is end.energy_wh is end.is_shared is None


def test_a_run_without_gpus_loads_no_driver(home, fake):
    code = "print(work('')); import sys; print([m in sys.modules for m in ('pynvml', 'threading')])"
    told = fake.python(SAMPLES.replace("range(3)", "range(0)") + code, HOMERUN_HOME=str(home))
    assert "energy_wh=None" in told
    assert told.splitlines()[-1].startswith("[False")


def powercap(root, **packages):
    for i, (name, energy_uj) in enumerate(packages.items()):
        folder = root / f"intel-rapl:{i}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "name").write_text(f"{name.replace('_', '-')}\n")
        (folder / "energy_uj").write_text(f"{energy_uj}\n")
        (folder / "max_energy_range_uj").write_text("262143328850\n")
    return root


def test_energy_of_the_cpu_is_that_of_its_packages(tmp_path):
    root = powercap(tmp_path, package_0=1_000, package_1=5_000, psys=77)
    (root / "intel-rapl:0:0").mkdir()
    powercap(root / "inside", core=3)
    (root / "inside" / "intel-rapl:0").rename(root / "intel-rapl:0:1")
    cpu = CpuEnergy(root)
    powercap(root, package_0=1_800_001_000, package_1=1_800_005_000, psys=99_999_999_999)
    assert cpu.wh() == pytest.approx(1.0)
    assert why_no_cpu_energy(root) == ""


def test_a_counter_that_wraps_goes_on(tmp_path):
    cpu = CpuEnergy(powercap(tmp_path, package_0=262_143_328_850 - 1_000_000_000))
    powercap(tmp_path, package_0=2_600_000_000)
    cpu.update()
    assert cpu.wh() == pytest.approx(1.0)


def test_counters_that_nobody_may_read_are_none_and_say_so(tmp_path):
    root = powercap(tmp_path, package_0=1)
    (root / "intel-rapl:0" / "energy_uj").unlink()  # root may read anything, so its mode won't do
    assert CpuEnergy(root).wh() is None
    assert "chmod a+r" in why_no_cpu_energy(root)
    nothing = tmp_path / "nothing"
    assert CpuEnergy(nothing).wh() is None
    assert "no RAPL counters" in why_no_cpu_energy(nothing)
