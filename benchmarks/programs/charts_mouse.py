"""Move a mouse over pages of parallel coordinates in Chromium; print a line of JSON for each.

python programs/charts_mouse.py FOLDER CHART PAGE [CHART PAGE ...]    # FOLDER: of screenshots
"""

import asyncio
import base64
import io
import itertools
import json
import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.async_api import CDPSession, Page, async_playwright

SIZE = {"width": 1280, "height": 800}
FLAGS = [  # all on the processor, WebGL as well; nothing that asks the network
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DRAWN_WITHIN_S = 60.0
DRIVEN_WITHIN_S = 120.0  # all of it
QUIET_S = 1.2  # a page that changed nothing for so long is settled
MOVES = 20  # of the mouse in each segment
DRAGS = 40  # moves with the button down
BRUSHED = "weight_decay"
# From the event until after the next frame, for each move that the page heard of.
PROBE = """
addEventListener("pointermove", (event) => requestAnimationFrame(() => {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => window.probed.push(performance.now() - event.timeStamp);
  channel.port2.postMessage(0);
}), true);
window.probed = [];
"""
# Where the axes are: [name, x, top, bottom] in pixels of the window.
AXES = {
    "ours": """[...document.querySelectorAll("[data-pc-axis]")].map((axis) => {
        const box = axis.getBoundingClientRect(), head = axis.querySelector(".pc-more");
        const top = head ? head.getBoundingClientRect().bottom + 8 : box.top;
        return [axis.dataset.pcAxis, box.x + box.width / 2, top, box.bottom];
    })""",
    "echarts": """chart.getOption().parallelAxis.map((axis, i, all) =>
        [axis.name, 60 + i * (1200 - 150) / (all.length - 1), 50, 500])""",
    "hiplot": """[...document.querySelectorAll("g.dimension, .dimension")].map((axis) => {
        const line = (axis.querySelector(".domain") ?? axis).getBoundingClientRect();
        return [axis.querySelector(".label-name, .axis-title, text.label, .label")?.textContent,
            line.x + line.width / 2, line.top, line.bottom];
    })""",
    "plotly": """[...document.querySelectorAll(".y-axis")].map((axis) => {
        const box = axis.querySelector(".background, .axis-brush rect").getBoundingClientRect();
        return [axis.querySelector(".axis-title").textContent, box.x + box.width / 2,
            box.top, box.bottom];
    })""",
}
AXES["floor"] = AXES["ours"]


async def main(folder: Path, pages: Iterable[tuple[str, Path]]) -> None:
    """Open all pages one after another."""
    async with async_playwright() as playwright:
        for chart, path in pages:
            # A new browser each time: no page runs on the caches and heaps of another.
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=FLAGS
            )
            context = await browser.new_context(viewport=SIZE)
            outcome: dict[str, Any] = {}
            begun = time.monotonic()
            driving = drive(await context.new_page(), chart, path, folder, outcome)
            try:
                await asyncio.wait_for(driving, DRIVEN_WITHIN_S)
            except TimeoutError as error:
                outcome["failure"] = str(error) or f"not done after {DRIVEN_WITHIN_S:.0f} s"
            except Exception as error:  # a peer that cannot be driven is a line of the report
                outcome["failure"] = f"{type(error).__name__}: {error}".splitlines()[0]
            outcome["took_s"] = time.monotonic() - begun
            print(json.dumps(outcome), flush=True)
            await browser.close()


async def drive(page: Page, chart: str, path: Path, folder: Path, outcome: dict[str, Any]) -> None:
    """Draw, hover, brush; put what was measured into `outcome`."""
    errors: list[str] = []
    requests: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    cdp = await page.context.new_cdp_session(page)
    await page.add_init_script(PROBE)
    await cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
    outcome |= {"html_bytes": path.stat().st_size}
    outcome |= await drawn(page, cdp, path)
    axes = await page.evaluate(AXES[chart])
    rest = await picture(page, folder / f"{path.stem}-rest.png")
    segments = list(itertools.pairwise(axes))
    changed = []
    for number, (one, other) in enumerate(segments):
        found = [0]
        for share in (0.5, 0.35, 0.65):
            await page.mouse.move((one[1] + other[1]) / 2, one[2] + share * (one[3] - one[2]))
            await asyncio.sleep(0.25)
            name = folder / f"{path.stem}-hover-{number}.png"
            found.append(differing(rest, await picture(page, name)))
            if found[-1] > 1000:
                break
        changed.append(max(found))
    outcome["hover_px"] = changed
    points = [
        (x0 + t * (x1 - x0), top + (0.5 + 0.35 * np.sin(9 * t)) * (bottom - top))
        for (_, x0, top, bottom), (_, x1, *_) in segments
        for t in np.linspace(0.15, 0.85, MOVES)
    ]
    outcome["hover"] = await moved(page, cdp, points)
    await page.mouse.move(5, 5)
    await asyncio.sleep(0.5)
    rest = await picture(page, None)
    _, x, top, bottom = next(axis for axis in axes if axis[0] == BRUSHED)
    ends = np.linspace(top + 0.3 * (bottom - top), top + 0.7 * (bottom - top), DRAGS)
    await page.mouse.move(x, ends[0])
    await page.mouse.down()
    outcome["brush"] = await moved(page, cdp, [(x, y) for y in ends])
    await page.mouse.up()
    await page.mouse.move(5, 5)
    await asyncio.sleep(1.0)
    brushed = await picture(page, folder / f"{path.stem}-brush.png")
    outcome["brush_px"] = differing(rest, brushed)
    outcome["requests"] = [
        url for url in requests if not url.startswith(("file:", "data:", "blob:"))
    ]
    outcome["errors"] = errors


async def drawn(page: Page, cdp: CDPSession, path: Path) -> dict[str, float]:
    """Open a page; return when it drew first and last, in ms, and the CPU ms that this took."""
    frames: list[tuple[float, str]] = []

    async def keep(frame: dict[str, Any]) -> None:
        frames.append((frame["metadata"]["timestamp"], frame["data"]))
        await cdp.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})

    cdp.on("Page.screencastFrame", lambda frame: asyncio.ensure_future(keep(frame)))
    await cdp.send("Page.startScreencast", {"format": "png", "everyNthFrame": 1})
    begun = time.monotonic()
    await page.goto(path.as_uri(), wait_until="load", timeout=1000 * DRAWN_WITHIN_S)
    while True:
        count = len(frames)
        await asyncio.sleep(QUIET_S)
        # Answered after two frames: a page that is busy has not settled.
        await asyncio.wait_for(
            page.evaluate(
                "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
            ),
            DRAWN_WITHIN_S,
        )
        if len(frames) == count:
            break
        if time.monotonic() > begun + DRAWN_WITHIN_S:
            raise TimeoutError(f"still drawing after {DRAWN_WITHIN_S:.0f} s")
    await cdp.send("Page.stopScreencast")
    origin = await page.evaluate("performance.timeOrigin") / 1000
    cpu = await metrics(cdp)
    shots = [(1000 * (at - origin), decoded(data)) for at, data in frames if at >= origin]
    full = ink(shots[-1][1])
    first = next(at for at, shot in shots if ink(shot) > 0.1 * full)
    settled = shots[0][0]
    for (_, before), (at, after) in itertools.pairwise(shots):
        if before.shape != after.shape or differing(before, after):
            settled = at
    return {"first_ms": first, "settled_ms": settled, "draw_cpu_ms": cpu["TaskDuration"]}


async def moved(page: Page, cdp: CDPSession, points: Iterable[tuple[float, float]]) -> Any:
    """Move the mouse over points; return the CPU ms of each move, and the 95th percentile."""
    await asyncio.sleep(0.3)
    before = await metrics(cdp)
    await page.evaluate("window.probed = []")
    count = 0
    for x, y in points:
        await page.mouse.move(x, y)
        await asyncio.sleep(0.016)
        count += 1
    await asyncio.sleep(0.3)
    after = await metrics(cdp)
    waits = await page.evaluate("window.probed")
    return {
        "script_ms": (after["ScriptDuration"] - before["ScriptDuration"]) / count,
        "cpu_ms": (after["TaskDuration"] - before["TaskDuration"]) / count,
        "p95_ms": float(np.quantile(waits, 0.95)) if waits else None,
        "frames": len(waits),
    }


async def metrics(cdp: CDPSession) -> dict[str, float]:
    """Return what the main thread did so far, in ms of CPU."""
    answer = await cdp.send("Performance.getMetrics")
    return {metric["name"]: 1000 * metric["value"] for metric in answer["metrics"]}


async def picture(page: Page, path: Path | None) -> np.ndarray:
    """Return what the window shows, (height, width, 3), and keep it as a file."""
    data = await page.screenshot(path=path)
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.int16)


def decoded(data: str) -> np.ndarray:
    """Return a frame of the screencast, (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"), np.int16)


def ink(shot: np.ndarray) -> int:
    """Return how many pixels are not the paper, which is the colour of the first pixel."""
    return int((np.abs(shot - shot[0, 0]).max(2) > 8).sum())


def differing(one: np.ndarray, other: np.ndarray) -> int:
    """Return how many pixels differ so much that one sees it."""
    return int((np.abs(one - other).max(2) > 8).sum())


if __name__ == "__main__":
    where, *rest = sys.argv[1:]
    asyncio.run(main(Path(where), [(rest[i], Path(rest[i + 1])) for i in range(0, len(rest), 2)]))
