"""Which GPUs a run gets: the arithmetic of leases, and what earlier runs teach about memory."""

import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homerun.agent.claims import Claims
from homerun.agent.learned import learned_mib, settings_that_matter
from homerun.agent.room import Need, Room, choose_gpus, plan_room
from homerun.core import Lease, Slot, UsageError
from homerun.devices import Gpu, GpuLook

GIB = 1024.0


def cards(count=3, gib=80.0):
    """Return GPUs; None GiB: of which nobody knows how much they hold."""
    memory_mib = None if gib is None else gib * GIB
    return tuple(
        Gpu(id=f"GPU-{i}", index=i, kind="nvidia", memory_mib=memory_mib) for i in range(count)
    )


def test_slots_are_as_asked_for_else_as_the_gpus_hold():
    def slots(gpus, **wishes):
        plan = plan_room(gpus, **wishes)
        return plan.gpu_slots, plan.cpu_slots

    assert slots(()) == (0, 1)
    assert slots((), slots=3) == (0, 3)
    assert slots(cards()) == (3, 0)
    assert slots(cards(), slots=2) == (2, 0)
    assert slots(cards(4), gpus_per_run=2) == (2, 0)
    assert slots(cards(), gpus_per_run=0, slots=5) == (0, 5)
    assert slots(cards(), per_gpu=2) == (6, 0)
    assert slots(cards(), memory_mib=30 * GIB) == (6, 0)
    assert slots(cards(), memory_mib=30 * GIB, per_gpu=1) == (3, 0)
    assert slots(cards(), is_mixed=True) == (3, 1)
    assert slots(cards(), is_mixed=True, cpu_slots=4) == (3, 4)


def test_more_slots_than_gpus_share_them():
    plan = plan_room(cards(), slots=5)
    assert (plan.gpu_slots, plan.need.at_most) == (5, 2)


@pytest.mark.parametrize(
    ("wishes", "text"),
    [
        ({"gpus_per_run": 4}, "4 GPUs and 3 can be seen"),
        ({"slots": 0}, "slots is 0"),
        ({"per_gpu": 0}, "per-gpu is 0"),
        ({"memory_mib": 90 * GIB}, "90.0 GiB and the largest GPU here has 80.0 GiB"),
    ],
)
def test_what_cannot_be_is_refused(wishes, text):
    with pytest.raises(UsageError, match=text):
        plan_room(cards(), **wishes)


def lease(device, run, *, gib=None, at_most=1):
    memory_mib = None if gib is None else gib * GIB
    return Lease(device=device, run=run, holder="", memory_mib=memory_mib, at_most=at_most)


def chosen(need, leases=(), *, busy=None, others=None, gpus=None):
    found, why = choose_gpus(
        cards() if gpus is None else gpus,
        need,
        leases=leases,
        busy=busy or {},
        others_mib=others or {},
    )
    return [gpu.index for gpu in found] or why


def test_the_emptiest_gpu_is_taken_and_a_run_alone_stays_alone():
    pair = Need(gpus=1, at_most=2)
    assert chosen(pair) == [0]
    assert chosen(pair, [lease("GPU-0", "a", at_most=2)]) == [1]
    both = [lease("GPU-0", "a", at_most=2), lease("GPU-1", "b"), lease("GPU-2", "c")]
    assert chosen(pair, both) == [0]
    assert "run b has it" in chosen(Need(gpus=1), both)
    assert chosen(Need(gpus=2), both[:1]) == [1, 2]
    assert "GPU 0: run a has it" in chosen(Need(gpus=3), both[:1])


def test_memory_is_reserved_not_only_looked_at():
    big = Need(gpus=1, memory_mib=30 * GIB, at_most=1000)
    full = [lease(f"GPU-{i}", f"r{i}{j}", gib=30, at_most=1000) for i in (0, 1, 2) for j in (0, 1)]
    assert chosen(big, full[:5]) == [2]
    assert "20.0 GiB are left of it and 30.0 are needed" in chosen(big, full)
    small = Need(gpus=1, memory_mib=20 * GIB, at_most=1000)
    assert chosen(small, full) == [0]
    # What programs of others have is not there.
    assert chosen(small, full, others={"GPU-0": GIB}) == [1]


def test_a_busy_gpu_is_not_taken_and_says_why():
    busy = {"GPU-0": "pid 7 of anna: python serve.py is on it", "GPU-2": "it fell off the bus"}
    assert chosen(Need(gpus=1), busy=busy) == [1]
    why = chosen(Need(gpus=2), busy=busy)
    assert why == f"GPU 0: {busy['GPU-0']}; GPU 2: {busy['GPU-2']}"
    assert "another program has a lock on it" in chosen(
        Need(gpus=1, avoid=frozenset({"GPU-1"})), busy=busy
    )


NEEDS = st.builds(
    Need,
    gpus=st.integers(1, 3),
    memory_mib=st.none() | st.floats(GIB, 90 * GIB),
    at_most=st.sampled_from([1, 2, 3, 1000]),
)


@given(st.lists(st.tuples(NEEDS, st.booleans()), max_size=30), st.sampled_from([80.0, None]))
def test_no_gpu_is_ever_overbooked(steps, gib):
    """Whatever comes and goes: nothing runs beside what is alone, and no memory is given twice."""
    gpus = cards(3, gib)
    leases = []
    for number, (need, is_over) in enumerate(steps):
        found, why = choose_gpus(gpus, need, leases=leases, busy={}, others_mib={})
        assert bool(found) != bool(why)
        leases += [
            Lease(
                device=gpu.id,
                run=str(number),
                holder="",
                memory_mib=need.memory_mib,
                at_most=need.at_most,
            )
            for gpu in found
        ]
        assert len(found) in {0, need.gpus}
        for gpu in gpus:
            on_it = [known for known in leases if known.device == gpu.id]
            assert len(on_it) <= min((known.at_most for known in on_it), default=0)
            if gib is not None and all(known.memory_mib is not None for known in on_it):
                assert sum(known.memory_mib for known in on_it) <= gpu.memory_mib
        if is_over and leases:
            gone = leases[0].run
            leases = [known for known in leases if known.run != gone]


def test_slots_for_gpu_and_cpu_are_counted_apart():
    plan = plan_room(cards(2), is_mixed=True)
    room = Room(plan, look=list, busy_reason=None, others_mib=None, claims=None)
    on_gpu = [Slot(index=0, devices=("GPU-0",)), Slot(index=1, devices=("GPU-1",))]
    assert not room.has_slot(Need(gpus=1), on_gpu)
    assert room.has_slot(Need(), on_gpu)
    place, _ = room.place(Need(), taken=on_gpu, leases=[])
    assert (place.index, place.devices, place.env["CUDA_VISIBLE_DEVICES"]) == (2, (), "")
    assert not room.has_slot(Need(), [*on_gpu, place])


def test_a_look_counts_for_a_moment_only(tmp_path):
    looks = []

    def look(gpus):
        looks.append(gpus)
        return [GpuLook(gpu=gpu) for gpu in gpus]

    room = Room(
        plan_room(cards(2)),
        look=look,
        busy_reason=lambda *_: "",
        others_mib=lambda *_: 0.0,
        claims=Claims(tmp_path, tmp_path),
    )
    for _ in range(3):
        room.look([], [])
    assert len(looks) == 1


def test_agents_of_one_home_share_a_gpu_and_those_of_another_wait(tmp_path):
    folder = tmp_path / "locks"
    ours, also_ours, theirs = (Claims(tmp_path / home, folder) for home in ("a", "a", "b"))
    assert ours.take("GPU-1") == also_ours.take("GPU-1") == ""
    assert theirs.take("GPU-1") == str(tmp_path / "a")
    assert theirs.take("GPU-2") == ""
    ours.keep(())
    assert theirs.take("GPU-1") == str(tmp_path / "a")
    also_ours.keep({"GPU-2"})
    assert theirs.take("GPU-1") == ""
    assert ours.take("GPU-1") == str(tmp_path / "b")


def test_where_no_lock_can_be_written_a_gpu_may_be_used(tmp_path):
    (tmp_path / "file").touch()
    assert Claims(tmp_path, tmp_path / "file" / "locks").take("GPU-1") == ""


def test_where_no_name_fits_into_a_lock_a_gpu_may_be_used(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    assert Claims(tmp_path, tmp_path / "locks").take("GPU-1") == ""


def test_memory_is_learned_from_runs_that_agree_in_what_matters():
    peaks = [
        ({"model": model, "batch": batch, "seed": seed}, mib * batch)
        for model, mib in (("small", 100.0), ("large", 300.0))
        for batch in (16, 32)
        for seed in (1, 2)
    ]
    assert settings_that_matter(peaks) == ["batch", "model"]
    asked = {"model": "large", "batch": 32, "seed": 99}
    assert learned_mib(peaks, asked) == pytest.approx(300 * 32 * 1.1)
    assert learned_mib(peaks, {**asked, "batch": 64}) is None
    assert learned_mib([], asked) is None


def test_what_was_never_varied_alone_may_matter():
    peaks = [({"lr": 1, "model": "a"}, 100.0), ({"lr": 2, "model": "b"}, 100.0)]
    # Together they made no difference, but one may have made up for the other.
    assert learned_mib(peaks, {"lr": 1, "model": "a"}) == pytest.approx(110)
    assert learned_mib(peaks, {"lr": 1, "model": "c"}) is None


@given(
    st.lists(
        st.tuples(
            st.fixed_dictionaries({"a": st.integers(0, 2), "b": st.integers(0, 2)}),
            st.floats(1, 1000),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_what_is_learned_covers_every_run_it_was_learned_from(peaks):
    for config, mib in peaks:
        assert learned_mib(peaks, config) >= mib * 1.1 * 0.999
