"""Drive real notebooks in a real browser; run by the Python of tests/locks/browser.txt.

`python parallel_notebooks_program.py jupyterlab|marimo FOLDER` prints what was seen, as JSON.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

TABLE = """
import pandas as pd
import homerun as hr

archs = {"convnext": 0.1, "resnet": 0.2, "vit": 0.3}
df = pd.DataFrame([
    {"arch": arch, "lr": lr, "epochs": 5, "error_rate": error + lr}
    for arch, error in archs.items() for lr in (0.001, 0.01, 0.1)
])
chart = hr.charts.parallel(df, metric="error_rate")
"""
PICKED = "picked {sorted(set(rows['lr']))} of {len(rows)}"
MARIMO = f"""
import marimo

app = marimo.App()

@app.cell
def _():
    import marimo as mo
{"".join(f"    {line}" for line in TABLE.splitlines(keepends=True))}
    view = mo.ui.anywidget(chart.widget())
    view
    return chart, df, mo, view

@app.cell
def _(df, mo, view):
    rows = df.iloc[view.value["selected"]]
    mo.md(f"{PICKED}")

if __name__ == "__main__":
    app.run()
"""
TOKEN = "a-token-of-the-tests"
AXIS = '[data-pc-axis="lr"]'
WAIT_MS = 60_000


def cell(number, source):
    return {
        "id": f"cell-{number}",
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source,
    }


def write_notebook(path, *sources):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [cell(number, source) for number, source in enumerate(sources)]
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}}
    path.write_text(json.dumps({**whole, "cells": cells}))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def server(folder, port, *words):
    """Run a server on the loopback until the block ends."""
    env = {**os.environ, "IPYTHONDIR": str(folder / "ipython"), "HOME": str(folder)}
    for name in ("CONFIG", "DATA", "RUNTIME"):
        env[f"JUPYTER_{name}_DIR"] = str(folder / f"jupyter-{name.lower()}")
    with (folder / "server.log").open("w") as log:
        command = [sys.executable, "-m", *words]
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
        try:
            until(lambda: answers(port), "the server answers", process)
            yield env
        finally:
            process.terminate()
            process.wait(timeout=60)


def answers(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def until(holds, what, process=None):
    end = time.monotonic() + 60
    while not holds():
        assert process is None or process.poll() is None, f"the server is gone before {what}"
        assert time.monotonic() < end, f"not within a minute: {what}"
        time.sleep(0.1)


def brush_the_largest(page):
    """Drag over the upper third of the axis lr, on which 0.1 is the highest of three values."""
    axis = page.locator(AXIS).first
    axis.scroll_into_view_if_needed()
    box, plot = axis.bounding_box(), page.locator(".pc-plot").first.bounding_box()
    x = box["x"] + box["width"] / 2
    page.mouse.move(x, plot["y"] + plot["height"] * 0.35)
    page.mouse.down()
    page.mouse.move(x, plot["y"] + plot["height"] * 0.25, steps=3)
    page.mouse.move(x, plot["y"] + 40, steps=3)
    page.mouse.up()
    page.locator(".pc-count", has_text="3 of 9").wait_for()


def frames_with_chart(page):
    return [one for one in page.frames if one.parent_frame and one.locator(AXIS).count()]


def shown(page):
    """Return what an opened page shows of the chart, once it shows anything."""
    page.wait_for_selector('img[alt^="parallel coordinates"]', state="attached")
    if page.locator("iframe[srcdoc]").count():
        frame = page.frame_locator("iframe[srcdoc]").first
        frame.locator(AXIS).first.wait_for()
    image = page.locator('img[alt^="parallel coordinates"]').first
    return {
        "frames": len(frames_with_chart(page)),
        "image": image.is_visible() and image.evaluate("image => image.naturalWidth"),
        "live": page.locator(AXIS).count(),
    }


def jupyterlab(folder, browser):
    port, seen = free_port(), {}
    write_notebook(
        folder / "chart.ipynb",
        f"{TABLE}chart",
        f"rows = chart.selected\nprint(f{PICKED!r})",
    )
    options = f"""jupyterlab --no-browser --allow-root --ServerApp.ip=127.0.0.1
        --ServerApp.port={port} --ServerApp.port_retries=0 --IdentityProvider.token={TOKEN}
        --ServerApp.root_dir={folder} --LabApp.news_url="""
    address = f"http://127.0.0.1:{port}/lab/tree/{{}}?token={TOKEN}"
    with server(folder, port, *options.split()) as env:
        page = browser.new_page()
        page.goto(address.format("chart.ipynb"))
        page.get_by_text("| Idle").wait_for()  # before, what is run is lost
        page.locator(".jp-CodeCell .cm-content").first.click()
        page.keyboard.press("Shift+Enter")
        page.wait_for_selector(AXIS)
        page.wait_for_function(
            "getComputedStyle(document.querySelector('[id^=homerun-]')).display === 'none'"
        )
        page.screenshot(path=folder / "live.png")
        brush_the_largest(page)
        page.locator(".jp-CodeCell .cm-content").nth(1).click()
        page.keyboard.press("Shift+Enter")
        output = page.locator(".jp-OutputArea-output", has_text=re.compile("^picked"))
        seen["picked"] = output.inner_text().strip()
        page.keyboard.press("Control+s")
        saved = folder / "chart.ipynb"
        until(lambda: "picked [" in saved.read_text(), "the notebook is saved")
        page.close()
        seen["bytes"] = saved.stat().st_size
        shutdown(port)
        seen["outputs"] = [
            sorted(output["data"])
            for output in json.loads(saved.read_text())["cells"][0]["outputs"]
        ]
        # Who gets a notebook from someone else has not signed it.
        strange = folder / "strange.ipynb"
        strange.write_text(saved.read_text().replace("rows = chart.selected", "rows = df"))
        for name, path in (("trusted", saved), ("untrusted", strange)):
            page = browser.new_page()
            page.goto(address.format(path.name) + "&reset")
            seen[name] = shown(page)
            if name == "trusted":  # JupyterLab's remark that there is no live chart takes no room
                remark = page.locator(".jp-OutputArea-child").nth(1)
                seen["room_of_remark"] = remark.evaluate("node => node.offsetHeight")
            page.screenshot(path=folder / f"{name}.png")
            page.close()
        shutdown(port)
        convert = [sys.executable, "-m", *"nbconvert --log-level ERROR --to html".split(), saved]
        subprocess.run(convert, env=env, check=True)
    page = browser.new_page()
    page.goto((folder / "chart.html").as_uri())
    seen["converted"] = shown(page)
    page.screenshot(path=folder / "converted.png")
    return seen


def shutdown(port):
    """End all kernels, so that nobody knows the live chart any more."""
    root = f"http://127.0.0.1:{port}/api/sessions"
    headers = {"Authorization": f"token {TOKEN}"}
    with urllib.request.urlopen(urllib.request.Request(root, headers=headers)) as answer:
        sessions = json.load(answer)
    for session in sessions:
        url = f"{root}/{session['id']}"
        urllib.request.urlopen(urllib.request.Request(url, headers=headers, method="DELETE"))


def marimo(folder, browser):
    port = free_port()
    (folder / "chart.py").write_text(MARIMO)
    options = f"marimo run chart.py --headless --host 127.0.0.1 --port {port} --token"
    with server(folder, port, *options.split(), "--token-password", TOKEN):
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/?access_token={TOKEN}")
        page.wait_for_selector(AXIS)
        text = page.get_by_text(re.compile(r"picked \["))
        before = text.inner_text()
        brush_the_largest(page)
        after = page.get_by_text(re.compile(r"picked \[0\.1\]")).inner_text()
        page.screenshot(path=folder / "marimo.png")
        return {"before": before, "after": after}


if __name__ == "__main__":
    subject, target = {"jupyterlab": jupyterlab, "marimo": marimo}[sys.argv[1]], Path(sys.argv[2])
    chromium = os.environ.get("HOMERUN_TEST_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        window = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        context = window.new_context(viewport={"width": 1200, "height": 1000})
        context.set_default_timeout(WAIT_MS)
        result = subject(target, context)
        window.close()
    print(json.dumps(result))
