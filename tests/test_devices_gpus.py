"""Which GPUs there are and may be used, and what each does, told by a library of the tests' own."""

import itertools
import json
import os
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homerun.core import Lease, UsageError
from homerun.devices import (
    Gpu,
    GpuLook,
    GpuProcess,
    busy_reason,
    gpu_env,
    gpus,
    look,
    nvidia,
    occupancy,
    run_of,
)
from homerun.devices.visible import finder, unknown, visible
from tests.fake_gpus import FakeGpus

LIST = "import json; from homerun.devices import gpus, look"
UUIDS = ["GPU-aa11", "GPU-aa22", "GPU-bb33", "MIG-cc44"]
CARDS = [Gpu(id=uuid, index=i, kind="nvidia", memory_mib=81920.0) for i, uuid in enumerate(UUIDS)]
ENTRIES = st.one_of(
    st.integers(-2, 5).map(str),
    st.sampled_from(["", " ", " 1", "2 ", "1gpu2", "x", "GPU-", "GPU-aa", "GPU-b", "GPU-zz"]),
    st.sampled_from(UUIDS),
)


def cuda(text):
    """CUDA's rules as torch.cuda._parse_visible_devices has them, with indices as the answer."""
    entries = text.split(",")
    for prefix in ("GPU-", "MIG-"):
        if text.strip().startswith(prefix):
            return cuda_names([entry.strip() for entry in entries], prefix)
    found = []
    for entry in entries:
        digits = re.match(r"[+-]?\d*", entry.strip())[0]
        index = int(digits) if digits not in {"", "+", "-"} else -1
        if not 0 <= index < len(UUIDS):
            break
        if index in found:
            return []
        found.append(index)
    return found


def cuda_names(entries, prefix):
    found = []
    for entry in entries:
        fitting = [i for i, uuid in enumerate(UUIDS) if uuid.startswith(entry)]
        if not entry.startswith(prefix) or len(fitting) != 1:
            break
        if fitting[0] in found:
            return []
        found += fitting
    return found


@given(st.lists(ENTRIES, min_size=1, max_size=5).map(",".join))
def test_a_variable_is_read_as_cuda_reads_it(text):
    assert [gpu.index for gpu in visible(text, finder(CARDS))] == cuda(text)


@given(st.text(alphabet="0123456789,-+ GPUMIabc", max_size=20))
def test_any_text_gives_names_without_repeats(text):
    names = [gpu.id for gpu in visible(text, unknown("nvidia"))]
    assert len(set(names)) == len(names)
    assert all(name and name == name.strip() for name in names)


@given(st.permutations(range(len(CARDS))), st.integers(0, len(CARDS)))
def test_what_a_program_is_told_names_its_gpus_and_no_others(order, count):
    chosen = [CARDS[i] for i in order[:count] if not CARDS[i].id.startswith("MIG-")]
    for by_index in (False, True):
        env = gpu_env(chosen, by_index=by_index)
        assert visible(env["CUDA_VISIBLE_DEVICES"], finder(CARDS)) == chosen
        assert not chosen or env["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


def test_no_gpu_hides_all_of_every_maker():
    assert gpu_env([]) == {"CUDA_VISIBLE_DEVICES": "", "HIP_VISIBLE_DEVICES": "-1"}


@pytest.fixture
def no_driver(tmp_path):
    """An environment in which NVIDIA's library cannot be loaded, on machines that have it too."""
    (tmp_path / "libnvidia-ml.so.1").touch()
    hiding = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
    ours = {name: value for name, value in os.environ.items() if name not in hiding}
    return {**ours, "LD_LIBRARY_PATH": str(tmp_path)}


def child(code, env):
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_gpus_come_in_bus_order_with_what_nvml_says(tmp_path):
    fake = FakeGpus(tmp_path)
    fake.set(0, bus=200)  # the last one, whatever NVML's own count is
    fake.set(1, used_mib=30_000, utilization=97, processes=[(4242, 28_000), (7, 500, "g")])
    code = "print(json.dumps([look(gpus()), look(gpus(), sensors=False)], default=vars))"
    full, quick = json.loads(fake.python(f"{LIST}\n{code}"))
    assert [one["gpu"]["id"] for one in full] == [fake.ids[1], fake.ids[2], fake.ids[0]]
    assert [one["gpu"]["index"] for one in full] == [0, 1, 2]
    assert full[0] == {
        "gpu": {
            "id": fake.ids[1],
            "index": 0,
            "kind": "nvidia",
            "name": "Fake A100",
            "memory_mib": 81920.0,
            "parent": "",
        },
        "used_mib": 30_000.0,
        "utilization": 97.0,
        "power_w": 60.0,
        "power_limit_w": 400.0,
        "temperature_c": 35.0,
        "processes": [
            {"pid": 7, "memory_mib": 500.0, "is_graphics": True},
            {"pid": 4242, "memory_mib": 28_000.0, "is_graphics": False},
        ],
        "trouble": "",
    }
    sensors = ("utilization", "power_w", "power_limit_w", "temperature_c")
    assert quick[0] == full[0] | dict.fromkeys(sensors)


def test_only_visible_gpus_are_used_and_a_person_chooses_among_them(tmp_path):
    fake = FakeGpus(tmp_path)
    cases = [
        ({}, None),
        ({"CUDA_VISIBLE_DEVICES": "2,0"}, None),
        ({"CUDA_VISIBLE_DEVICES": fake.ids[1][:12]}, None),
        ({"CUDA_VISIBLE_DEVICES": "0,7,1"}, None),
        ({"CUDA_VISIBLE_DEVICES": ""}, None),
        ({}, "2, 0"),
        ({"CUDA_VISIBLE_DEVICES": "1,2"}, f"2,{fake.ids[1]}"),
        ({}, ""),
    ]
    code = f"for env, chosen in {cases!r}: print([gpu.index for gpu in gpus(env, chosen=chosen)])"
    told = fake.python(f"{LIST}\n{code}").splitlines()
    assert told == ["[0, 1, 2]", "[2, 0]", "[1]", "[0]", "[]", "[2, 0]", "[2, 1]", "[]"]


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("3", r"GPU '3' is not one that may be used here: 0 \(Fake A100 GPU-0.*\), 1 \(Fake"),
        ("0,GPU-ffff", "GPU 'GPU-ffff' is not one"),
        ("1,1", "GPU '1' is named twice"),
    ],
)
def test_a_choice_that_cannot_be_met_says_what_there_is(tmp_path, chosen, said):
    fake = FakeGpus(tmp_path)
    code = (
        f"{LIST}\ntry: gpus(chosen={chosen!r})\nexcept Exception as e: print(type(e).__name__, e)"
    )
    told = fake.python(code)
    assert told.startswith(UsageError.__name__)
    assert re.search(said, told)


def test_a_gpu_that_is_lost_has_trouble_and_the_others_have_none(tmp_path):
    fake = FakeGpus(tmp_path)
    setup = f"{LIST}\nknown = gpus()"
    with fake.shell(setup) as ask:
        assert [one["trouble"] for one in ask("look(known)")] == ["", "", ""]
        fake.set(1, lost=True)
        for question in ("look(known)", "look(gpus())"):
            looks = ask(question)
            assert [bool(one["trouble"]) for one in looks] == [False, True, False]
            assert "fell off the bus" in looks[1]["trouble"]
        fake.set(1, lost=None)
        assert ask("look(known)")[1]["trouble"] == ""


def test_a_sensor_that_is_missing_is_none(tmp_path):
    fake = FakeGpus(tmp_path, count=1)
    fake.set(0, utilization=None, power_w=None, temperature_c=None, processes=[(1, None)])
    seen = json.loads(fake.python(f"{LIST}\nprint(json.dumps(look(gpus())[0], default=vars))"))
    assert seen["utilization"] is seen["power_w"] is seen["temperature_c"] is None
    assert seen["processes"][0]["memory_mib"] is None
    assert seen["used_mib"] == 0.0
    assert seen["trouble"] == ""


def test_instances_take_the_place_of_a_gpu_in_mig_mode(tmp_path):
    fake = FakeGpus(tmp_path)
    first, second = fake.split(1)
    environs = [{}, {"CUDA_VISIBLE_DEVICES": "1"}, {"CUDA_VISIBLE_DEVICES": f"{second},{first}"}]
    code = f"for env in {environs!r}: print(json.dumps(gpus(env), default=vars))"
    everything, by_index, by_name = map(json.loads, fake.python(f"{LIST}\n{code}").splitlines())
    assert [gpu["id"] for gpu in everything] == [fake.ids[0], first, second, fake.ids[2]]
    assert [gpu["index"] for gpu in everything] == [0, 1, 1, 2]
    assert everything[1]["parent"] == fake.ids[1]
    assert everything[1]["memory_mib"] == 40960.0
    assert [gpu["id"] for gpu in by_index] == [first, second]
    assert [gpu["id"] for gpu in by_name] == [second, first]
    instance = Gpu(**everything[1])
    assert gpu_env([instance], by_index=True)["CUDA_VISIBLE_DEVICES"] == first


def test_a_fork_asks_the_driver_anew(tmp_path):
    fake = FakeGpus(tmp_path)
    code = (
        f"{LIST}\nimport os\nprint(len(gpus()), flush=True)\npid = os.fork()\n"
        "print(len(gpus()), flush=True)\nif pid: os.waitpid(pid, 0)"
    )
    assert "".join(fake.python(code).split()) == "333"


def test_a_driver_that_hangs_is_trouble_and_holds_up_nobody_twice(tmp_path):
    fake = FakeGpus(tmp_path, count=1)
    with fake.shell(f"{LIST}\nknown = gpus()") as ask:
        assert len(ask("known")) == 1
        fake.set(0, hang=True)
        for _ in range(2):
            assert "does not answer" in ask("look(known, patience_s=0.2)")[0]["trouble"]
        fake.set(0, hang=None)
        answers = (ask("look(known)")[0]["trouble"] for _ in itertools.count())
        assert next(answer for answer in answers if not answer) == ""


def test_a_driver_that_does_not_run_is_trouble(tmp_path):
    fake = FakeGpus(tmp_path)
    fake.state.rename(tmp_path / "elsewhere")
    code = f"{LIST}\nfrom homerun.devices import Gpu\ngpu = Gpu(id='GPU-1', index=0, kind='nvidia')"
    assert "driver is not loaded" in fake.python(f"{code}\nprint(look([gpu])[0].trouble)")


def test_without_a_driver_gpus_are_what_the_variable_says(no_driver, tmp_path):
    cases = ["", "0,1", "GPU-aa,GPU-bb", "1,x,2", "MIG-1"]
    code = (
        f"{LIST}\nfrom pathlib import Path\nroot = Path({str(tmp_path)!r})\n"
        "print(json.dumps([[gpu.id for gpu in gpus({'CUDA_VISIBLE_DEVICES': said}, root=root)]"
        f" for said in {cases!r}]))"
    )
    assert child(code, no_driver) == [[], ["0", "1"], ["GPU-aa", "GPU-bb"], ["1"], ["MIG-1"]]


def test_without_a_driver_nothing_is_loaded_and_slots_by_hand_work(no_driver, tmp_path):
    code = (
        f"{LIST}\nimport sys\nfrom pathlib import Path\nempty = Path({str(tmp_path)!r})\n"
        "chosen = gpus({}, chosen='2,0', root=empty)\n"
        "looks = look(chosen)\n"
        "print(json.dumps([gpus({}, root=empty), [g.id for g in chosen], "
        "[one.trouble for one in looks], [m in sys.modules for m in ('pynvml', 'psutil')]]))"
    )
    assert child(code, no_driver) == [[], ["2", "0"], ["", ""], [False, False]]


def test_without_a_library_gpus_are_known_by_what_the_kernel_shows(no_driver, tmp_path):
    for bus, uuid in (("0000:41:00.0", "GPU-aa"), ("0000:81:00.0", "GPU-bb")):
        folder = tmp_path / "proc/driver/nvidia/gpus" / bus
        folder.mkdir(parents=True)
        text = f"Model: \t\t NVIDIA A100\nIRQ:   \t\t 66\nGPU UUID: \t {uuid}\n"
        (folder / "information").write_text(text)
    code = (
        f"{LIST}\nfrom pathlib import Path\nfrom homerun.devices import why_no_gpus\n"
        f"root = Path({str(tmp_path)!r})\n"
        "print(json.dumps([gpus({}, root=root), gpus({'CUDA_VISIBLE_DEVICES': '1'}, root=root), "
        "why_no_gpus(root)], default=vars))"
    )
    everything, second, why = child(code, no_driver)
    assert [(gpu["id"], gpu["name"]) for gpu in everything] == [
        ("GPU-aa", "NVIDIA A100"),
        ("GPU-bb", "NVIDIA A100"),
    ]
    assert second == everything[1:]
    assert "libnvidia-ml.so.1" in why


def test_device_files_count_gpus_where_the_kernel_shows_no_more(no_driver, tmp_path):
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / "dev").mkdir(exist_ok=True)
        (tmp_path / "dev" / name).touch()
    code = f"{LIST}\nfrom pathlib import Path\nprint(json.dumps([g.id for g in gpus({{}}, "
    assert child(f"{code}root=Path({str(tmp_path)!r}))]))", no_driver) == ["0", "1"]


AMDSMI = '''
"""Three functions' worth of AMD SMI: two cards, the second of which tells little."""
import enum


class AmdSmiException(Exception):
    pass


class AmdSmiTemperatureType(enum.IntEnum):
    EDGE = 0
    HOTSPOT = 1


class AmdSmiTemperatureMetric(enum.IntEnum):
    CURRENT = 0


class AmdSmiClkType(enum.IntEnum):
    GFX = 1


def amdsmi_init():
    pass


def amdsmi_get_processor_handles():
    return ["0000:c6:00.0", "0000:23:00.0"]


def amdsmi_get_gpu_device_bdf(handle):
    return handle


def amdsmi_get_gpu_asic_info(handle):
    serial = "0x6E0FA3D1C4B50279" if "23" in handle else "N/A"
    return {"market_name": "AMD Instinct MI250X", "asic_serial": serial}


def amdsmi_get_gpu_vram_usage(handle):
    return {"vram_total": 65536, "vram_used": 16384}


def amdsmi_get_gpu_activity(handle):
    _only_first(handle)
    return {"gfx_activity": 88, "umc_activity": 12, "mm_activity": "N/A"}


def amdsmi_get_power_info(handle):
    _only_first(handle)
    return {"current_socket_power": "N/A", "average_socket_power": 300, "power_limit": 560000000}


def amdsmi_get_temp_metric(handle, kind, metric):
    if kind == AmdSmiTemperatureType.EDGE:
        raise AmdSmiException("not supported")
    return 61


def amdsmi_get_clock_info(handle, kind):
    _only_first(handle)
    return {"clk": 1700, "min_clk": 500, "max_clk": 1700}


def amdsmi_get_energy_count(handle):
    _only_first(handle)
    return {"energy_accumulator": 2_000_000, "counter_resolution": 15.3, "timestamp": 1}


def amdsmi_get_gpu_process_list(handle):
    usage = {"gtt_mem": 0, "cpu_mem": 0, "vram_mem": 8 * 2**30}
    return [{"name": "python", "pid": 4242, "mem": 9 * 2**30, "memory_usage": usage}]


def _only_first(handle):
    if "23" not in handle:
        raise AmdSmiException("not supported")
'''


def test_amd_gpus_are_asked_through_amd_smi(no_driver, tmp_path):
    (tmp_path / "amdsmi.py").write_text(AMDSMI)
    env = {**no_driver, "PYTHONPATH": str(tmp_path)}
    code = (
        f"{LIST}\nfrom pathlib import Path\nfrom homerun.devices import amd, gpu_env\n"
        f"root = Path({str(tmp_path)!r})\n"
        "cards = gpus({}, root=root)\n"
        "print(json.dumps([cards, look(cards), [amd.readings(c) for c in cards],"
        " [amd.energy_mj(c) for c in cards], gpu_env(cards[:1]), gpu_env(cards),"
        " [[g.index for g in gpus(env, root=root)] for env in ({'HIP_VISIBLE_DEVICES': '1'},"
        " {'ROCR_VISIBLE_DEVICES': '1', 'HIP_VISIBLE_DEVICES': '0'},"
        " {'HIP_VISIBLE_DEVICES': '-1'}, {'ROCR_VISIBLE_DEVICES': '1,0'})]], default=vars))"
    )
    cards, looks, readings, energy, one, both, chosen = child(code, env)
    assert [card["id"] for card in cards] == ["GPU-6e0fa3d1c4b50279", "1"]
    assert cards[0]["name"] == "AMD Instinct MI250X"
    assert looks[0]["used_mib"] == 16384.0
    assert (looks[0]["utilization"], looks[0]["power_w"], looks[0]["temperature_c"]) == (
        88,
        300,
        61,
    )
    assert looks[0]["processes"] == [{"pid": 4242, "memory_mib": 8192.0, "is_graphics": False}]
    assert looks[1]["power_w"] is None
    assert readings[0] == {
        "gpu": 88.0,
        "memoryReadWriteActivity": 12.0,
        "powerWatts": 300.0,
        "temp": 61.0,
        "graphicsClock": 1700.0,
        "memoryAllocated": 25.0,
        "memoryAllocatedBytes": 16 * 2.0**30,
    }
    assert energy == [pytest.approx(30_600.0), None]
    assert one == {"ROCR_VISIBLE_DEVICES": "GPU-6e0fa3d1c4b50279", "HIP_VISIBLE_DEVICES": "0"}
    assert both == {"ROCR_VISIBLE_DEVICES": "0,1", "HIP_VISIBLE_DEVICES": "0,1"}
    assert chosen == [[1], [1], [], [1, 0]]


def looked(used_mib=0.0, processes=(), utilization=None, trouble="", total=81920.0):
    gpu = Gpu(id="GPU-aa", index=0, kind="nvidia", memory_mib=total)
    return GpuLook(
        gpu=gpu,
        used_mib=used_mib,
        utilization=utilization,
        processes=tuple(processes),
        trouble=trouble,
    )


def lease(device="GPU-aa", run="ours1234"):
    return Lease(device=device, run=run, holder="h/b/1/2", memory_mib=None, at_most=1)


OURS = {1: "ours1234", 2: "", 3: None}.get  # ours, foreign, out of sight


@given(st.integers(0, 100), st.floats(0, 90_000), st.booleans())
def test_how_busy_a_gpu_is_never_matters(utilization, used_mib, is_leased):
    reasons = {
        busy_reason(looked(used_mib, utilization=u), run_of=OURS, is_leased=is_leased)
        for u in (utilization, None)
    }
    assert len(reasons) == 1


@pytest.mark.parametrize(
    ("seen", "leases", "state", "reason"),
    [
        (looked(), [], "free", ""),
        (looked(2000.0), [], "free", ""),  # the driver's own, a desktop
        (looked(8000.0), [], "free", ""),  # less than a tenth of 80 GiB
        (looked(3000.0, total=16384.0), [], "busy", "2.9 GiB of its memory"),
        (looked(20_480.0), [], "busy", "20.0 GiB of its memory"),
        (looked(1900.0, [GpuProcess(pid=2, memory_mib=1800.0, is_graphics=True)]), [], "free", ""),
        (looked(500.0, [GpuProcess(pid=2, memory_mib=300.0)]), [], "busy", "pid 2, 0.3 GiB"),
        (looked(500.0, [GpuProcess(pid=2, memory_mib=None)]), [lease()], "busy", "pid 2"),
        (looked(70_000.0, [GpuProcess(pid=1, memory_mib=69_000.0)]), [], "ours", ""),
        (looked(70_000.0, [GpuProcess(pid=1, memory_mib=9_000.0)]), [lease()], "busy", "59.6 GiB"),
        (looked(70_000.0, [GpuProcess(pid=1, memory_mib=None)]), [lease()], "ours", ""),
        (looked(500.0, [GpuProcess(pid=3, memory_mib=300.0)]), [], "busy", "pid 3"),
        (looked(500.0, [GpuProcess(pid=3, memory_mib=300.0)]), [lease()], "ours", ""),
        (looked(70_000.0), [lease()], "ours", ""),  # in a container no process is listed
        (looked(70_000.0), [lease("GPU-bb")], "busy", "68.4 GiB"),
        (looked(None), [], "free", ""),  # nobody can be asked: our leases decide
        (looked(None, trouble="it fell off the bus"), [lease()], "busy", "it fell off the bus"),
    ],
)
def test_who_has_a_gpu(seen, leases, state, reason):
    who = occupancy(seen, run_of=OURS, leases=leases)
    assert who.state == state
    assert who.reason.startswith(reason)
    assert bool(who.reason) == (state == "busy")
    if state == "ours":
        assert who.runs == ("ours1234",)


def test_a_process_of_a_run_is_known_by_its_environment_or_its_parents(tmp_path):
    tag = {"HOMERUN_RUN_ID": "ab12cd34", "WANDB_DIR": str(tmp_path / "runs" / "ab12cd34")}
    # The child has nothing of that in its own environment, as after setproctitle.
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], env={})\n"
        "print(child.pid, flush=True)\ntry: sys.stdin.read()\nfinally: child.kill()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, **tag},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        child_pid = int(process.stdout.readline())
        for pid in (process.pid, child_pid):
            assert run_of(pid) == "ab12cd34"
            assert run_of(pid, tmp_path) == "ab12cd34"
            assert run_of(pid, tmp_path / "other") == ""
        process.stdin.close()
    assert run_of(process.pid) is None
    assert run_of(os.getpid()) == ""


@pytest.mark.gpu
def test_a_real_gpu(capsys):
    """Print what a real card says and hold it against what must be true of any."""
    cards = gpus({})
    looks = look(cards)
    with capsys.disabled():
        for one in looks:
            readings, energy_mj = nvidia.readings(one.gpu), nvidia.energy_mj(one.gpu)
            print(f"\n{one}\n{readings}\nenergy {energy_mj} mJ")
            print(f"{gpu_env([one.gpu])} {occupancy(one, run_of=run_of)}")
    for one in looks:
        assert one.trouble == ""
        assert one.gpu.id.startswith(("GPU-", "MIG-"))
        assert one.gpu.memory_mib is None or 0 <= (one.used_mib or 0) <= one.gpu.memory_mib
