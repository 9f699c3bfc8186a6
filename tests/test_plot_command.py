"""`homerun plot`: every kind of picture in every format, from a sweep, runs and a foreign table."""

import os
import subprocess
import time

import pandas as pd
import pytest
from PIL import Image

import homerun as hr
from homerun.cli.picturing import KINDS
from tests.cli_call import HOMERUN, attempt, running

SPEC = {
    "method": "grid",
    "name": "crop or squish?",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {
        "lr": {"values": [0.001, 0.01, 0.1]},
        "resize": {"values": ["crop", "<b>squish</b>"]},
        "seed": {"values": [1, 2]},
    },
}


def train():
    with hr.init() as run:
        bowl = {0.001: 0.3, 0.01: 0.1, 0.1: 0.2}[run.config["lr"]]
        squish = 0.05 * (run.config["resize"] != "crop")
        for epoch in range(5):
            noise = 0.001 * ((run.config["seed"] * 7 + epoch) % 3)
            run.log({"epoch": epoch, "loss": bowl + squish + noise + 1 / (epoch + 1)})
        run.summary["fit_time"] = 1.0 + bowl


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """A sweep of 12 runs that ended, in a home of its own."""
    home = tmp_path_factory.mktemp("home")
    before = os.environ.get("HOMERUN_HOME")
    os.environ["HOMERUN_HOME"] = str(home)
    try:
        found = hr.sweep(SPEC, project="pets")
        hr.agent(found, train, in_process=True)
        yield found
    finally:
        if before is None:
            del os.environ["HOMERUN_HOME"]
        else:
            os.environ["HOMERUN_HOME"] = before


@pytest.fixture
def here(sweep, tmp_path, monkeypatch):
    """An empty folder as working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def numbers(sweep):
    return [str(number) for number in hr.runs(sweep=sweep).number]


@pytest.mark.parametrize("kind", KINDS)
def test_page_of_each_kind(kind, sweep, here):
    refs = numbers(sweep)[:2] if kind == "diff" else [sweep]
    done = attempt("plot", *refs, "--kind", kind, "-o", "page.html")
    assert done.returncode == 0, done.stderr
    text = (here / "page.html").read_text()
    assert "<b>squish" not in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text
    assert len(text) < 200_000
    assert "page.html: " in done.stderr


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("table", "diff")])
def test_picture_of_each_kind(kind, sweep, here):
    done = attempt("plot", sweep, "--kind", kind, "-o", "picture.png")
    assert done.returncode == 0, done.stderr
    with Image.open("picture.png") as image:
        assert image.width > 600
        assert len(set(image.convert("L").tobytes())) > 10
    for name in ("picture.svg", "picture.pdf"):
        assert attempt("plot", sweep, "--kind", kind, "-o", name).returncode == 0
    assert (here / "picture.svg").read_text().lstrip().startswith(("<?xml", "<svg"))
    assert (here / "picture.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("kind", ["parallel", "timeline"])
def test_a_picture_in_the_dark(kind, sweep, here):
    done = attempt("plot", sweep, "--kind", kind, "--color", "lr", "--dark", "-o", "x.png")
    assert done.returncode == 0, done.stderr
    with Image.open("x.png") as image:
        assert max(image.convert("RGB").getpixel((1, 1))) < 50


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.is_figure])
def test_terminal_shows_each_figure(kind, sweep, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = attempt("plot", sweep, "--kind", kind, "--terminal")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) >= 4
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "\x1b" not in done.stdout


def test_what_is_drawn_when_nothing_is_said(sweep, here, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert attempt("plot", sweep).returncode == 0
    assert "data-pc-axis" in (here / "crop-or-squish-parallel.html").read_text()
    first, second = numbers(sweep)[:2]
    assert attempt("plot", first).returncode == 0
    assert (here / f"{first}-curves.html").exists()
    assert attempt("plot", first, second).returncode == 0
    done = attempt("plot", "pets", "--where", "lr > 0.005")
    assert (done.returncode, "8 runs" in done.stderr) == (0, True), done.stderr
    assert '"loss"' in (here / "pets-parallel.html").read_text()  # of its only sweep
    assert "no run or sweep answers to 'cats'" in attempt("plot", "cats").stderr
    assert (here / f"{first}-{second}-diff.html").exists()
    assert "loss" in attempt("plot", first, second, "--terminal").stdout


def test_a_foreign_table(here):
    frame = pd.DataFrame({"lr": [0.1, 0.01, 0.001] * 4, "error": [3.0, 1.0, 2.0] * 4})
    frame["error"] += [0.01 * i for i in range(12)]
    frame.to_csv("runs.csv", index=False)
    done = attempt("plot", "runs.csv", "--metric", "error", "--kind", "effect", "-o", "e.svg")
    assert done.returncode == 0, done.stderr
    assert attempt("plot", "runs.csv", "--metric", "error").returncode == 0
    assert (here / "runs-parallel.html").exists()
    done = attempt("plot", "runs.csv", "--metric", "error", "--kind", "curves")
    assert done.returncode == 2
    assert "curves need points" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "x.jpg"], ".html, .png, .svg, .pdf"),
        (["--terminal", "-o", "x.html"], "leave out -o"),
        (["--dark"], "a page follows its reader's theme"),
        (["--dark", "-o", "x.html"], "--dark is for -o FILE.png"),
        (["--dark", "--kind", "table", "-o", "x.png"], "x.png has .png; use .html"),
        (["--terminal", "--kind", "parallel"], "a terminal cannot show parallel"),
        (["--size", "fit_time"], "for scatter"),
        (["--kind", "effect", "--param", "lr", "--param", "resize"], "effect takes 1 parameter"),
        (["--kind", "effect", "--param", "lrr"], "lr"),
        (["--kind", "scatter", "--color", "nope"], "there is lr, resize, seed"),
        (["--kind", "curves", "--key", "nope"], "logged was epoch, loss"),
        (["--metric", "los"], "loss"),
        (["--where", "lr <"], "--where"),
        (["-o", "no/folder/x.png"], "no/folder"),
        (["-o", "no/folder/x.html"], "there is no folder no/folder"),
    ],
)
def test_wrong_words_are_one_line(words, said, sweep, here):
    done = attempt("plot", sweep, *words)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(here.iterdir())


def test_a_sweep_without_results_is_a_sentence_in_a_terminal(home):
    empty = hr.sweep(SPEC, project="pets")
    lines = attempt("plot", empty, "--terminal").stdout.splitlines()
    assert lines[1:] == ["None of 0 runs has finished with a finite loss."]
    lines = attempt("plot", empty, "--terminal", "--kind", "curves").stdout.splitlines()
    assert lines[1:] == ["No points of loss yet."]


def test_open_shows_it_in_the_browser(sweep, here, monkeypatch):
    browser = here / "browser"
    browser.write_text('#!/bin/sh\nprintf %s "$1" > opened\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    page = here / "page.html"
    subprocess.run(
        [HOMERUN, "plot", sweep, "-o", page, "--open"], check=True, cwd=here, capture_output=True
    )
    wait_for((here / "opened").exists)
    wait_for(lambda: (here / "opened").read_text() == page.as_uri())


def test_without_a_browser_it_says_where_the_page_is(sweep, here, monkeypatch):
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    done = attempt("plot", sweep, "-o", "page.html", "--open")
    assert done.returncode == 0
    assert f"open {(here / 'page.html').as_uri()}" in done.stderr


SLOW = {
    "method": "grid",
    "command": ["sleep", "1.5"],
    "metric": {"name": "loss"},
    "parameters": {"lr": {"values": [1, 2, 3]}},
}


@pytest.mark.parametrize("kind", ["parallel", "timeline"])
def test_watch_goes_on_until_the_runs_have_ended(kind, home, tmp_path):
    sweep = hr.sweep(SLOW, project="pets")
    page = tmp_path / "page.html"
    again = 'http-equiv="refresh"' if kind == "timeline" else '"refresh_s":2'
    with running("plot", sweep, "-o", page, "--kind", kind, "--watch") as watching:
        with running("agent", sweep, "--slots", "1") as agent:
            wait_for(lambda: page.exists() and again in page.read_text())
            assert agent.wait(60) == 0
        assert watching.wait(60) == 0
    assert again not in page.read_text()


def test_watching_here_waits_for_the_first_results(home):
    sweep = hr.sweep(SLOW, project="pets")
    words = ("plot", sweep, "--kind", "timeline", "--terminal", "--watch")
    with running(*words, stdout=subprocess.PIPE, text=True) as watching:
        first = watching.stdout.readline()
        assert first.startswith("waits for the first results: ")
        assert attempt("agent", sweep, "--slots", "3").returncode == 0
        assert "3 runs in" in watching.communicate(timeout=60)[0]
    assert watching.returncode == 0


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
