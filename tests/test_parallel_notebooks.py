"""Brush in JupyterLab or marimo, have a DataFrame in Python; a saved notebook still shows it."""

import json
import os
import subprocess
from pathlib import Path

from tests.environments import environment

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "tests" / "parallel_notebooks_program.py"


def drive(notebook, folder):
    """Return what the program saw in a browser."""
    keep = {"PATH", "LANG", "HOMERUN_TEST_CHROMIUM", "TMPDIR"}
    env = {name: value for name, value in os.environ.items() if name in keep}
    env |= {"HOME": str(folder), "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [environment("browser"), PROGRAM, notebook, folder],
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_in_jupyterlab_what_is_brushed_is_a_dataframe_and_the_saved_notebook_shows_it(tmp_path):
    seen = drive("jupyterlab", tmp_path)
    assert seen["picked"] == "picked [0.1] of 3"
    assert seen["outputs"] == [
        ["text/html", "text/plain"],
        ["application/vnd.jupyter.widget-view+json", "text/plain"],
    ]
    for opened in ("trusted", "converted"):
        assert (seen[opened]["frames"], seen[opened]["live"]) == (1, 0)
    assert seen["room_of_remark"] == 0
    assert seen["untrusted"]["frames"] == seen["untrusted"]["live"] == 0
    assert seen["untrusted"]["image"] > 500  # pixels across
    assert seen["bytes"] < 160_000


def test_in_marimo_another_cell_follows_the_brush(tmp_path):
    seen = drive("marimo", tmp_path)
    assert seen["before"] == "picked [0.001, 0.01, 0.1] of 9"
    assert seen["after"] == "picked [0.1] of 3"
