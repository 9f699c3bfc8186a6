"""`homerun top`: what it shows of a real home, what its keys do, and that it stays light."""

import asyncio
import json
import math
import os
import re
import signal
import subprocess
import sys
import termios
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from homerun.cli.screen.app import Canvas, Top
from homerun.cli.screen.columns import Section
from homerun.cli.screen.frame import shares
from homerun.cli.screen.tail import Tail
from homerun.cli.screen.text import Span, cut, fit, line
from homerun.cli.spark import sparkline
from homerun.core import RunState, SweepState
from homerun.devices import Gpu, GpuLook
from homerun.store import (
    Store,
    add_agent,
    add_to_queue,
    course,
    eta_s,
    fold,
    identity,
    settle,
    take_leases,
    watch,
)
from homerun.store import journal as jr
from tests.cli_call import HOMERUN, attempt, call, start, until
from tests.cli_home import add_sweep, end, fill, hold, train, write_journal
from tests.fake_gpus import FakeGpus


def lines_of(app):
    """Return what the app shows."""
    canvas = app.query_one(Canvas)
    return [canvas.render_line(y).text.rstrip() for y in range(canvas.size.height)]


class Person:
    """Somebody who looks at the app and presses keys."""

    def __init__(self, app, pilot):
        self.app, self._pilot = app, pilot

    async def sees(self, text):
        """Wait until a text is to be seen; return the screen."""
        deadline = time.monotonic() + 60
        while not any(text in shown for shown in lines_of(self.app)):
            assert time.monotonic() < deadline, "\n".join([f"no {text!r}:", *lines_of(self.app)])
            await self._pilot.pause(0.02)
        return "\n".join(lines_of(self.app))

    async def press(self, *keys):
        await self._pilot.press(*keys)

    async def resize(self, width, height):
        await self._pilot.resize_terminal(width, height)


def use(home, what, *, size=(80, 24), looks=(), sweep=None):
    """Let a person use the app of a home; `looks` is what the GPUs do."""

    async def main():
        app = Top(home, lambda: looks, sweep=sweep, refresh_s=0.05)
        async with app.run_test(size=size) as pilot:
            await what(Person(app, pilot))
        return app

    return asyncio.run(main())


def chosen(screen):
    """Return the number of the run that is selected."""
    return int(re.search(r"^> *(\d+)", screen, re.MULTILINE)[1])


def test_the_screen_shows_what_goes_on(filled):
    async def what(person):
        screen = await person.sees("RUNNING")
        assert screen.startswith(" homerun")
        assert "digits > crop or squish" in screen
        assert "4 of 8 done  1 running  3 queued  1 failed" in re.sub(r"  ETA \S+", "", screen)
        running = r"^> 5 +\d\S*  +0.2500  █▁ +dataset=mnist learning_rate=0.002 model_n…$"
        assert re.search(running, screen, re.MULTILINE), screen
        assert "QUEUE  3" in screen
        assert "  6  dataset=mnist learning_rate=0.002 model_name=convnet" in screen
        assert re.search(r"  3  .* exit code 1: epoch 1", screen)
        assert lines_of(person.app)[-1].startswith(" p pause   K kill   r retry   l log")
        assert all(len(shown) <= 80 for shown in lines_of(person.app))

    use(filled, what)


def test_arrows_choose_a_run_and_stay_on_it(filled):
    async def what(person):
        assert chosen(await person.sees("RUNNING")) == 5
        await person.press("down", "down")
        assert chosen(await person.sees("> 7")) == 7
        with Store(filled) as store:  # a run before it leaves the queue
            hold(store, train(store, store.sweep("x3k9a2bc"), error=0.1))
        screen = await person.sees("QUEUE  2")
        assert chosen(screen) == 7
        await person.press("end")
        assert chosen(await person.sees("> 3")) == 3
        await person.press("home")
        assert chosen(await person.sees("> 5")) == 5

    use(filled, what)


def test_letters_move_as_in_vim(filled):
    async def what(person):
        assert chosen(await person.sees("RUNNING")) == 5
        await person.press("j", "j", "k")
        assert chosen(await person.sees("> 6")) == 6
        await person.press("G")
        assert chosen(await person.sees("> 3")) == 3
        await person.press("g", "l")
        await person.sees("at the end")
        await person.press("escape")
        assert chosen(await person.sees("RUNNING")) == 5

    use(filled, what)


@pytest.mark.parametrize(
    ("width", "keys"),
    [
        (28, " K kill   ? help   q quit"),
        (50, " p pause   K kill   l log   ? help   q quit"),
        (80, " p pause   K kill   r retry   l log   s sort   f filter   ? help   q quit"),
        (120, " p pause   K kill   r retry   l log   enter page   o chart   s sort   f filter"),
    ],
)
def test_help_and_the_way_out_are_named_in_any_width(filled, width, keys):
    async def what(person):
        await person.sees("RUNNING")
        assert lines_of(person.app)[-1].startswith(keys)
        assert lines_of(person.app)[-1].endswith("? help   q quit")

    use(filled, what, size=(width, 24))


def test_keys_hold_kill_and_retry_a_run(filled):
    async def what(person):
        await person.sees("RUNNING")
        await person.press("down", "p")
        assert "> 6 " in await person.sees("run 6 is paused")
        await person.sees(" 1 paused")
        await person.press("p")
        await person.sees("run 6 is pending")
        await person.press("K")
        await person.sees("run 6: take it from the queue? y/n")
        await person.press("n")
        await person.sees("p pause")
        await person.press("K", "y")
        await person.sees("run 6 is killed")
        await person.sees("QUEUE  2")
        await person.press("end", "K")
        await person.sees("run 3 has ended already: it is failed")
        await person.press("r")
        await person.sees("run 3 waits again as run 10")
        assert "tried again; exit code 1" in await person.sees("QUEUE  3")
        await person.press("home", "r")
        await person.sees("run 5 is running; only what has ended is tried again")

    use(filled, what)
    with Store(filled) as store:
        assert store.run("6").state == RunState.KILLED
        assert store.run("10").attempt == 2


def test_the_output_of_a_run_is_followed(filled):
    with Store(filled) as store:
        path = store.folder(store.run("5").id).output
    path.write_text("".join(f"\x1b[31mline {n}\x1b[0m\n" for n in range(100)))

    async def what(person):
        await person.sees("RUNNING")
        await person.press("l")
        screen = await person.sees("line 99")
        assert screen.startswith(" run 5  running  dataset=mnist")
        assert "line 77" not in screen
        with path.open("a") as file:
            file.write("50%\r100%\nlast words")
            file.flush()
            await person.sees("last words")
            assert "\n100%\n" in "\n".join(lines_of(person.app))
            await person.press("home")
            await person.sees("line 0")
            file.write("\nmore")
        await person.sees("81 lines below")
        assert lines_of(person.app)[1] == "line 0"
        await person.press("end")
        await person.sees("more")
        await person.press("escape")
        await person.sees("RUNNING")

    use(filled, what)


def test_help_and_the_way_out(filled):
    async def what(person):
        await person.sees("RUNNING")
        await person.press("question_mark")
        await person.sees("kill the run; asks first")
        await person.press("x")
        await person.sees("RUNNING")
        await person.press("q")

    app = use(filled, what)
    assert app.return_code == 0


def test_what_runs_can_be_ordered_by_its_metric(filled):
    with Store(filled) as store:
        hold(store, train(store, store.sweep("x3k9a2bc"), error=0.01))

    async def what(person):
        screen = await person.sees("RUNNING")
        assert re.findall(r"^.  ?(\d) +\d\S*  +0\.", screen, re.MULTILINE) == ["5", "6"]
        await person.press("s")
        screen = await person.sees("best first")
        assert re.findall(r"^.  ?(\d) +\d\S*  +0\.", screen, re.MULTILINE) == ["6", "5"]
        assert chosen(screen) == 5

    use(filled, what)


def test_what_runs_can_be_ordered_by_its_settings_and_turned_around(home):
    with Store(home) as store:
        sweep = add_sweep(store)
        for _ in range(6):
            hold(store, train(store, sweep, error=0.1, epochs=1))

    def numbers(screen):
        return re.findall(r"^[> ] (\d) +\d\S*  +0\.", screen, re.MULTILINE)

    async def what(person):
        await person.sees("RUNNING")
        for order, expected in (
            ("metric", "123456"),
            ("dataset", "123456"),
            ("learning_rate", "125634"),
            ("model_name", "246135"),
            ("age", "123456"),
        ):
            await person.press("s")
            assert numbers(await person.sees(f"ordered by {'its ' * (order == 'metric')}{order}"))
            assert numbers(await person.sees("RUNNING")) == list(expected)
        await person.press("S")
        assert numbers(await person.sees("oldest first, turned around")) == list("654321")

    use(home, what, size=(80, 40))


def test_runs_are_filtered_by_words_and_by_expressions(filled):
    async def what(person):
        await person.sees("RUNNING")
        await person.press("f", *"linear")
        await person.sees("show only: linear")
        assert "QUEUE  3" in await person.sees("  7  dataset=mnist")
        await person.press("enter")
        screen = await person.sees("with linear")
        assert "  6  dataset" not in screen
        assert "convnet" not in screen
        await person.press("slash", "ctrl+u", *"learning_rate >")
        await person.sees("a name or a value expected")
        await person.press(*" 0.005 and state == 'pending'", "enter")
        screen = await person.sees("2 with learning_rate")
        assert "RUNNING" in screen
        assert re.findall(r"^[> ] (\d)  dataset", screen, re.MULTILINE) == ["7", "8"]
        await person.press("escape")
        await person.sees("  6  dataset=mnist")
        await person.press("q")

    assert use(filled, what).return_code == 0


def test_a_filter_finds_what_is_far_behind_in_the_queue(home):
    with Store(home) as store:
        for number in range(60):
            add_to_queue(store, ["echo", f"word{number}"], project="p", cwd="/")

    async def what(person):
        assert "word45" not in await person.sees("QUEUE")
        await person.press("f", *"word45")
        await person.sees("> 46  echo word45")

    use(home, what, size=(80, 40))


def test_enter_opens_the_page_of_a_run(filled):
    with Store(filled) as store:
        name = store.run("5").name

    async def what(person):
        await person.sees("RUNNING")
        await person.press("enter")
        screen = await person.sees(name)
        assert "error_rate" in screen
        await person.press("end", "home", "pagedown", "down", "up")
        await person.resize(120, 40)
        assert "learning_rate" in await person.sees("error_rate")
        await person.press("escape")
        await person.sees("RUNNING")

    use(filled, what)


def test_o_draws_the_sweep_for_the_browser(filled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BROWSER", "true")  # opens nothing, and is content

    async def what(person):
        await person.sees("RUNNING")
        await person.press("o")
        await person.sees("drawing the sweep")
        await person.sees(".html: ")

    use(filled, what)
    assert [path.suffix for path in tmp_path.glob("*.html")] == [".html"]


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
def test_the_selected_run_shows_its_curve_and_last_words(filled, size):
    with Store(filled) as store:
        store.folder(store.run("1").id).output.write_text("first\nlast words\n")
        rows = [[jr.ROW, i, time.time(), {"error_rate": 1 / i}] for i in range(2, 500)]
        write_journal(store, store.run("5").id, rows)
        fold(store, store.run("5").id)

    async def what(person):
        screen = await person.sees("RUN 5  error_rate  digits > crop or squish")
        assert "epoch 1" in screen
        await person.sees("┤")
        assert len(set(re.findall("[⠀-⣿]", "\n".join(lines_of(person.app))))) > 5
        assert all(cell_len(shown) <= size[0] for shown in lines_of(person.app))

    use(filled, what, size=size)


def gpu_looks(*, count=3):
    """Return looks at GPUs of which the first is almost full and the last is lost."""
    gpus = [
        Gpu(id=f"GPU-{i}", index=i, kind="nvidia", name="NVIDIA A5000", memory_mib=24576)
        for i in range(count)
    ]
    return [
        GpuLook(gpu=gpus[0], used_mib=22528, utilization=98, power_w=212.5, temperature_c=88),
        *(GpuLook(gpu=gpu, used_mib=100, utilization=0) for gpu in gpus[1:-1]),
        GpuLook(gpu=gpus[-1], trouble="it fell off the bus"),
    ]


def test_gpus_are_shown_with_the_runs_on_them(filled):
    with Store(filled) as store:
        run = store.run("5")
        holder = str(identity())
        take_leases(store, run.id, ["GPU-0"], holder=holder, memory_mib=8192, at_most=2)

    async def what(person):
        screen = await person.sees("GPUS  NVIDIA A5000")
        assert "  0  ━━━━━━━━━━━─  22.0 of 24 GiB   98%  212 W  88°C  run 5" in screen
        assert re.search(r"^  1  ─{12}   0.1 of 24 GiB    0% +free", screen, re.MULTILINE)
        assert re.search(r"^  2 +it fell off the bus", screen, re.MULTILINE)
        assert "gpu 0" not in screen  # it is said above
        await person.resize(120, 24)
        assert re.search(r"> 5 .* gpu 0 ", await person.sees("gpu 0"))

    use(filled, what, looks=gpu_looks())


def test_gpus_are_asked_through_the_driver(filled, tmp_path):
    fake = FakeGpus(tmp_path / "driver", count=2)
    fake.set(1, used_mib=40960, power_w=310, temperature_c=71, utilization=97)
    done = start("top", "--once", env={**fake.environ, "COLUMNS": "120"})
    assert "GPUS  Fake A100" in done.stdout, done.stderr
    row = next(text for text in done.stdout.splitlines() if text.startswith("  1  ━"))
    assert row.startswith("  1  ━━━━━━━━━━━━────────────  40.0 of 80 GiB   97%  310 of 400 W  71°C")
    assert "40.0 GiB of its memory are used" in row


@pytest.mark.parametrize("size", [(20, 3), (40, 10), (80, 24), (140, 45), (300, 100)])
def test_any_size_of_the_terminal_is_filled(filled, size):
    async def what(person):
        await person.sees("homerun")
        await person.press("down", "pagedown", "up")
        await person.resize(*size)
        await person.sees("homerun")
        shown = lines_of(person.app)
        assert len(shown) == size[1]
        assert max(map(cell_len, shown)) <= size[0]
        if size[1] > 30:
            assert any("digits > crop or squish > " in text for text in shown)

    use(filled, what, looks=gpu_looks(count=8))


def test_one_sweep_can_be_watched(filled):
    with Store(filled) as store:
        other = add_sweep(store, name="other", sweep_id="other123")
        hold(store, train(store, other, error=0.3))

    async def what(person):
        screen = await person.sees("RUNNING")
        assert "digits > other" in screen
        assert "0 of 8 done" in screen
        assert "FAILED" not in screen

    use(filled, what, sweep="other123")
    both = call("top", "--once").stdout
    assert "2 sweeps" in both
    assert re.search(r"^  digits > other +─{12}  0 of 8 done$", both, re.MULTILINE)
    assert re.search(r"^  digits > crop or squish +━{6}─{6}  4 of 8 done  ETA", both, re.MULTILINE)
    assert re.search(r"dataset=digits.* other$", both, re.MULTILINE)


def test_a_sweep_that_stands_still_says_why(filled):
    with Store(filled) as store:
        store.set_sweep("x3k9a2bc", SweepState.PAUSED, "5 failures in a row")
    screen = call("top", "--once").stdout
    assert "the sweep is paused: 5 failures in a row" in screen
    assert re.search(r"^  6  dataset=mnist .*  sweep paused$", screen, re.MULTILINE)
    assert "ETA" not in screen


def test_once_prints_plain_text(filled):
    for arguments in (["--once"], []):  # a pipe cannot be refreshed
        done = call("top", *arguments)
        assert done.stdout.startswith(" homerun")
        assert "\x1b" not in done.stdout
        assert "  8  dataset=mnist learning_rate=0.008 model_name=convnet" in done.stdout


def test_json_has_the_same(filled):
    page = json.loads(call("top", "--json").stdout)
    assert page["counts"] == {"failed": 1, "finished": 2, "killed": 1, "pending": 3, "running": 1}
    assert [run["number"] for run in page["running"]] == [5]
    assert page["running"][0]["curve"]["points"] == [pytest.approx(0.3), pytest.approx(0.25)]
    assert [run["number"] for run in page["queue"]] == [6, 7, 8]
    assert [run["last_line"] for run in page["failures"]] == ["epoch 1"]
    assert page["sweeps"][0]["done"] == 4
    assert page["sweeps"][0]["planned"] == 8
    assert page["eta_s"] == pytest.approx(4 * 63, abs=20)


def test_a_home_that_is_not_there_is_one_line(home):
    done = attempt("top")
    assert done.returncode == 1
    assert "there is no home at" in done.stderr


def test_an_empty_home_says_what_to_do(home):
    Store(home).close()
    assert "queue something with homerun sweep" in call("top", "--once").stdout


def test_once_and_help_do_not_load_textual(filled):
    code = "import sys; from homerun.cli import execute; execute(sys.argv[1:]); "
    code += "sys.exit('textual' in sys.modules)"
    for arguments in (["top", "--once"], ["top", "--help"]):
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(command, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


# What the store is asked for


def test_nothing_is_read_again_while_nothing_changes(filled):
    with Store(filled) as store, Store(filled) as other:
        settle(store)
        first = watch(store)
        assert watch(store, before=first) is first
        write_journal(other, first.alive[0].id, [[jr.ROW, 9, time.time(), {"error_rate": 0.125}]])
        fold(other, first.alive[0].id)
        second = watch(store, before=first)
        assert second.alive[0].curve.points == (*first.alive[0].curve.points, 0.125)
        assert second.failures == first.failures
        store.set_sweep("x3k9a2bc", SweepState.PAUSED)
        assert watch(store, before=second).named["x3k9a2bc"].state == SweepState.PAUSED


def test_a_curve_has_the_latest_numbers_in_order(home):
    with Store(home) as store:
        sweep = add_sweep(store)
        run = train(store, sweep, error=0.0, epochs=0)
        hold(store, run)
        values = [*range(200), float("nan"), "text", 200]
        for start_at in range(0, len(values), 7):
            rows = [
                [jr.ROW, start_at + i, 1.0, {"error_rate": value}]
                for i, value in enumerate(values[start_at : start_at + 7])
            ]
            write_journal(store, run.id, rows)
            fold(store, run.id)
        curve = watch(store).alive[0].curve
        assert curve.points == tuple(range(161, 201))
        assert (curve.count, curve.last) == (203, 200)


def test_the_course_of_a_metric_is_thinned_out_and_keeps_its_peaks(home):
    with Store(home) as store:
        sweep = add_sweep(store)
        run = train(store, sweep, error=0.0, epochs=0)
        hold(store, run)
        values = [math.sin(i / 50) for i in range(3000)]
        values[1234], values[777] = 9.0, -9.0
        write_journal(
            store, run.id, [[jr.ROW, i, 1.0, {"error_rate": v}] for i, v in enumerate(values)]
        )
        fold(store, run.id)
        watched = watch(store).alive[0]
        seen = course(store, watched, sweep)
        assert 400 <= len(seen.points) <= 801
        assert [step for step, _ in seen.points] == sorted(step for step, _ in seen.points)
        assert {(1234, 9.0), (777, -9.0)} <= set(seen.points)
        assert course(store, watched, sweep, seen) is seen
        write_journal(
            store, run.id, [[jr.ROW, i, 1.0, {"error_rate": 0.5}] for i in range(3000, 3005)]
        )
        fold(store, run.id)
        assert course(store, watch(store).alive[0], sweep, seen) is seen  # it would look the same
        end(store, run, RunState.FAILED, "exit code 1")
        assert course(store, watch(store).failures[0], sweep).count == 3005


def test_a_run_without_a_sweep_shows_the_first_metric_it_logs(home):
    with Store(home) as store:
        run = store.add_run("solo1234", project="paddy", name="solo", agent=str(identity()))
        store.folder(run.id).make()
        hold(store, run)
        row = {"epoch": 1, "loss": 0.5, "acc": 0.25}
        write_journal(store, run.id, [[jr.BEGIN, {}], [jr.ROW, 0, 1.0, row]])
        settle(store)
        assert watch(store).alive[0].curve.key == "loss"


def test_the_queue_is_in_the_order_of_claims_and_shows_what_is_held(home):
    with Store(home) as store:
        sweep = add_sweep(store)
        first = add_to_queue(
            store, ["true"], project="p", cwd="/", priority=1, after=[store.run("3")]
        )
        call_pause = attempt("pause", store.run("2").id)
        assert call_pause.returncode == 0, call_pause.stderr
        queue = watch(store).queue
        assert [run.number for run in queue] == [first.number, *range(1, 9)]
        assert queue[2].state == RunState.PAUSED
        assert queue[0].after == (3,)
        assert re.search(r"^  9  true +after 3 +p$", call("top", "--once").stdout, re.MULTILINE)
        assert queue[1].id == store.claim(sweep.id, agent="").id


def test_a_sweep_that_nobody_works_on_is_not_counted_with_one_that_goes_on(home):
    with Store(home) as store:
        add_sweep(store, name="old")
        new = add_sweep(store, name="new")
        assert [progress.record.name for progress in watch(store).sweeps] == ["old", "new"]
        add_agent(store, str(identity()), serves=new.id, slots=2)
        assert [progress.record.name for progress in watch(store).sweeps] == ["new"]
        assert "no agent is at work" not in call("top", "--once").stdout


def test_eta_is_the_rest_shared_by_what_runs(home):
    with Store(home) as store:
        sweep = add_sweep(store)
        end(store, train(store, sweep, error=0.1))  # took 63 s
        for _ in range(2):
            hold(store, train(store, sweep, error=0.1))
        seen = watch(store)
        now = seen.alive[0].started_at + 13
        assert eta_s(seen.sweeps, seen.alive, now) == pytest.approx((2 * 50 + 5 * 63) / 2, abs=1)
        assert eta_s(seen.sweeps, [], now) is None


# Laws


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9), st.integers(1, 3)), max_size=5),
    st.integers(0, 100),
)
def test_lines_are_shared_without_waste(wishes, room):
    parts = [
        Section(name=str(i), title=line(), rows=[line()] * rows, least=least, weight=weight)
        for i, (rows, least, weight) in enumerate(wishes)
    ]
    given_lines = shares(parts, room)
    wanted = [len(part.rows) for part in parts]
    assert all(0 <= got <= want for got, want in zip(given_lines, wanted, strict=True))
    assert sum(given_lines) == min(room, sum(wanted))
    if room >= sum(min(part.least, len(part.rows)) for part in parts):
        assert all(
            got >= min(p.least, len(p.rows)) for got, p in zip(given_lines, parts, strict=True)
        )


@given(st.text(), st.integers(0, 40), st.booleans())
def test_text_fits_exactly_and_cannot_move_the_cursor(text, width, is_right):
    fitted = fit(text, width, is_right=is_right)
    assert cell_len(fitted) == width
    assert fitted.isprintable()
    spans = [Span(fit(part, 7), "bold") for part in text.split()]
    assert cell_len(cut(line(*spans), width).text) == width


@given(st.lists(st.floats(), max_size=100), st.integers(0, 50))
def test_a_sparkline_goes_from_the_lowest_to_the_highest(values, width):
    drawn = sparkline(values, width)
    assert len(drawn) <= width
    assert set(drawn) <= set("▁▂▃▄▅▆▇█")
    assert sparkline([1, 2, 3], 3) == "▁▅█"
    assert sparkline([5.0, 5.0, float("nan")], 9) == "▄▄"


@given(st.text(alphabet="ab\n\rÜ漢\x1b[0m\t"), st.lists(st.integers(0, 60)), st.integers(1, 20))
def test_a_growing_file_reads_the_same_in_any_pieces(tmp_path_factory, text, cuts, width):
    path = tmp_path_factory.mktemp("tail") / "output.log"
    data = text.encode()
    tail = Tail(path)
    assert tail.rows(width) == []
    edges = [0, *sorted(min(cut_at, len(data)) for cut_at in cuts), len(data)]
    for begin, stop in pairwise(edges):
        with path.open("ab") as file:
            file.write(data[begin:stop])
        rows = tail.rows(width)
    assert rows == Tail(path).rows(width)
    assert all(cell_len(row) <= max(2, width) and row.isprintable() for row in rows)


def test_of_a_flood_of_output_the_end_is_shown(tmp_path):
    path = tmp_path / "output.log"
    path.write_text("x" * 99 + "\n")
    tail = Tail(path, most_bytes=1000)
    assert tail.rows(80) == ["x" * 80, "x" * 19]
    with path.open("a") as file:
        file.write("".join(f"line {n:03}\n" for n in range(1000)))
    rows = tail.rows(80)
    assert rows[-1] == "line 999"
    assert len(rows) == 2 + 1000 // 9 + 1


# In a terminal


def modes(terminal):
    """Return how the terminal treats what is typed and written."""
    fd = os.open(terminal.flag("pane_tty"), os.O_RDONLY | os.O_NOCTTY)
    try:
        return termios.tcgetattr(fd)
    finally:
        os.close(fd)


def test_top_in_a_terminal(terminal, home, tmp_path):
    program = tmp_path / "wait.sh"
    program.write_text("echo begun\nwhile true; do sleep 0.1; done\n")
    terminal.type(f"{HOMERUN} run -- /bin/sh {program} > /dev/null 2>&1 &")
    until(lambda: "begun" in start("logs", "1").stdout)
    terminal.type(f"clear; NO_COLOR=1 {HOMERUN} top")
    screen = terminal.shows(f"/bin/sh {program}"[:30])
    assert "RUNNING  1" in screen
    assert len(screen.splitlines()) == 24
    assert not re.search(r"\x1b\[[\d;]*3[0-7]", terminal.screen("-e"))
    assert terminal.flag("alternate_on") == "1"
    terminal.press("l")
    terminal.shows("begun")
    terminal.press("Escape")
    terminal.resize(100, 32)
    terminal.shows("RUN 1 ")
    terminal.press("K")
    terminal.shows("kill it? y/n")
    terminal.press("y")
    terminal.shows("run 1 is killed")
    terminal.press("q")
    until(lambda: terminal.flag("alternate_on") == "0")
    assert terminal.flag("cursor_flag") == "1"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, "C-c"])
def test_whatever_ends_it_gives_the_terminal_back(terminal, home, how):
    with Store(home) as store:
        fill(store)
        before = modes(terminal)
        terminal.type(f"clear; sh -c 'echo $$ > pid; exec {HOMERUN} top'; echo code $?")
        terminal.shows("RUNNING")
        assert "\x1b[31m" in terminal.screen("-e")
        if how == "C-c":
            terminal.press(how)
        else:
            os.kill(int((home.parent / "pid").read_text()), how)
        assert "RUNNING" not in terminal.shows(f"code {0 if how == 'C-c' else 128 + how}")
    assert terminal.flag("alternate_on") == "0"
    assert terminal.flag("cursor_flag") == "1"
    until(lambda: modes(terminal) == before)


def test_top_stops_and_goes_on(terminal, home):
    with Store(home) as store:
        fill(store)
        terminal.type(f"clear; {HOMERUN} top")
        terminal.shows("q quit")
        terminal.press("C-z")
        terminal.shows("Stopped")
        assert terminal.flag("alternate_on") == "0"
        terminal.type("fg")
        terminal.shows("q quit")
        assert terminal.flag("alternate_on") == "1"
        terminal.press("q")
        until(lambda: terminal.flag("alternate_on") == "0")


@pytest.mark.parametrize("command", ["top", "watch"])
def test_it_ends_with_its_terminal(terminal, home, command):
    with Store(home) as store:
        fill(store)
        terminal.type(f"clear; sh -c 'echo $$ > pid; exec {HOMERUN} {command}'")
        terminal.shows("RUNNING")
        pid = int((home.parent / "pid").read_text())
        terminal.tmux("new-window", "-d")
        terminal.tmux("kill-window", "-t", ":0")  # as closing a window: SIGHUP, then SIGCONT
        until(lambda: not is_running(pid))


def is_running(pid):
    """Tell whether a process is there, and no mere entry that nobody has waited for."""
    try:
        return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return False


def test_top_fits_whatever_becomes_of_the_window(terminal, home):
    with Store(home) as store:
        fill(store)
        terminal.type(f"clear; {HOMERUN} top")
        terminal.shows("q quit")
        for width, height in ((10, 3), (200, 50), (80, 24)):
            terminal.resize(width, height)
        screen = terminal.shows("q quit")
        assert re.search(r"^ p pause .* q quit$", screen, re.MULTILINE)
        assert screen.count("RUNNING  1") == 1
        terminal.press("q")
        until(lambda: terminal.flag("alternate_on") == "0")


def test_without_textual_the_extra_is_named(terminal, home):
    Store(home).close()
    code = "import sys; sys.modules['textual'] = None; from homerun.cli import main; main()"
    terminal.type(f'clear; python -c "{code}" top; echo code $?')
    screen = terminal.shows("code 1")
    assert "homerun: homerun top needs: pip install 'homerun[tui]'" in screen
