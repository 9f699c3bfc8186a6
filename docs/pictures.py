"""Make the pictures of README.md and of docs/ from a real sweep: pictures.py FOLDER.

`make pictures` does so for docs/pictures. Needs Chromium, for the page of parallel coordinates.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
STILL = {  # kind: what is said besides
    "scatter": ["--color", "model_name"],
    "effect": [],
    "curves": [],
    "progress": [],
    "importance": [],
    "pair": ["--param", "learning_rate", "--param", "model_name"],
    "timeline": [],
}
FEW = ["dataset", "model_name", "resize_method", "learning_rate"]  # axes for half a page
# What a reader does first: brush the best values, and compare two runs.
STATE = {"brushes": {"error_rate": {"ranges": [[0.0, 0.08]]}, "dataset": {"levels": ["digits"]}}}


def main() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOMERUN_HOME"] = f"{folder}/home"
        os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        homerun("run", "--slots", "2", ROOT / "examples" / "digits" / "sweep.yaml")
        sweep = homerun("sql", "SELECT id FROM sweep").split()[-1]
        for kind, words in STILL.items():
            homerun("plot", sweep, "--kind", kind, "-o", out / f"{kind}.png", *words)
        few = [word for name in FEW for word in ("--param", name)]
        homerun("plot", sweep, "-o", out / "parallel-still.png", *few)
        page = Path(folder) / "parallel.html"
        homerun("plot", sweep, "-o", page)
        for theme in ("light", "dark"):
            shoot(page, out / f"parallel-{theme}.png", theme)
        draw("ls", sweep, "-n", "10", out=out / "ls.svg", title="homerun ls", width=100)
        draw("plot", sweep, "--terminal", out=out / "terminal.svg", title="homerun plot", width=100)


def homerun(*words: object) -> str:
    """Run a command of homerun and return what it printed."""
    done = subprocess.run(
        [BIN / "homerun", *map(str, words)], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def draw(*words: str, out: Path, title: str, width: int) -> None:
    """Draw what a command prints on a terminal."""
    terminal = {**os.environ, "COLUMNS": str(width)}
    command = [BIN / "homerun", "--color", "always", *words]
    printed = subprocess.run(
        command, check=True, env=terminal, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    drawn = subprocess.run(
        [sys.executable, ROOT / "docs" / "picture.py", title, str(width)],
        check=True,
        input=printed.stdout,
        stdout=subprocess.PIPE,
    )
    out.write_bytes(drawn.stdout)


def shoot(page: Path, out: Path, theme: str) -> None:
    """Take a picture of a page as a browser shows it."""
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        sys.exit(f"none of {', '.join(CHROMIUM)} is installed (Debian: chromium)")
    subprocess.run(
        [
            chromium,
            *"--headless --no-sandbox --disable-gpu --hide-scrollbars".split(),
            *"--no-first-run --disable-background-networking --disable-component-update".split(),
            *(["--blink-settings=preferredColorScheme=0"] if theme == "dark" else []),
            "--window-size=1200,720",
            "--virtual-time-budget=4000",
            f"--screenshot={out}",
            f"{page.as_uri()}#{quote(json.dumps(STATE))}",
        ],
        check=True,
        capture_output=True,
    )


if __name__ == "__main__":
    main()
