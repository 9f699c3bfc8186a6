"""Write a page with parallel coordinates of made runs, by a library of charts.

python programs/charts_page.py LIBRARY RUNS PATH [ECHARTS.JS]
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

LOGS = ("lr", "weight_decay", "eps")
WORDS = {
    "arch": ["convnext_tiny", "resnet18", "resnet34", "swin_tiny", "vit_tiny"],
    "resize": ["crop", "pad", "squish"],
    "augment": ["flip", "full", "none", "rotate"],
}
METRIC = "error_rate"
FLOOR = Path(__file__).with_name("charts_floor.html")


def table(runs: int) -> pd.DataFrame:
    """Return runs with three categorical, three logarithmic and two linear columns."""
    rng = np.random.default_rng(runs)
    codes = {name: rng.integers(0, len(words), runs) for name, words in WORDS.items()}
    logs = {"lr": (-5, -1), "weight_decay": (-6, -1), "eps": (-9, -4)}
    powers = {name: rng.uniform(*ends, runs) for name, ends in logs.items()}
    dropout = rng.uniform(0, 0.6, runs)
    error = 0.05 + 0.03 * (powers["lr"] + 2.8) ** 2 + 0.04 * (dropout - 0.2) ** 2
    error += 0.015 * codes["arch"] + 0.02 * (codes["resize"] == 1) + rng.normal(0, 0.02, runs)
    columns = {
        "arch": np.array(WORDS["arch"])[codes["arch"]],
        "lr": 10 ** powers["lr"],
        "resize": np.array(WORDS["resize"])[codes["resize"]],
        "weight_decay": 10 ** powers["weight_decay"],
        "augment": np.array(WORDS["augment"])[codes["augment"]],
        "eps": 10 ** powers["eps"],
        "dropout": dropout,
        METRIC: np.clip(error, 0.01, None),
    }
    return pd.DataFrame(columns).map(lambda v: float(f"{v:.7g}") if isinstance(v, float) else v)


def coded(df: pd.DataFrame) -> list[dict[str, object]]:
    """Return the columns as numbers; of categories their codes and names."""
    columns = []
    for name in df:
        column: dict[str, object] = {"name": name, "values": df[name].tolist()}
        if name in WORDS:
            column["values"] = [WORDS[name].index(word) for word in df[name]]
            column["levels"] = WORDS[name]
        elif name in LOGS:
            column["log"] = True
        columns.append(column)
    return columns


def floor(df: pd.DataFrame, path: Path) -> None:
    """Write a page with a bare canvas: what any chart has to do, and nothing else."""
    path.write_text(FLOOR.read_text().replace("/*TABLE*/", json.dumps(coded(df))))


def ours(df: pd.DataFrame, path: Path) -> None:
    """Write homerun's page, as a user would."""
    import homerun as hr

    hr.charts.parallel(df, metric=METRIC, goal="minimize").save(path)


def hiplot(df: pd.DataFrame, path: Path) -> None:
    """Write HiPlot's page."""
    import hiplot as hip

    experiment = hip.Experiment.from_iterable(df.to_dict("records"))
    for name in LOGS:
        experiment.parameters_definition[name].type = hip.ValueType.NUMERIC_LOG
    experiment.display_data(hip.Displays.PARALLEL_PLOT).update(
        {"order": ["uid", *reversed(df.columns)], "hide": ["uid"]}
    )
    experiment.to_html(str(path))


def plotly(df: pd.DataFrame, path: Path) -> None:
    """Write plotly's page; it has no logarithmic axes, so these show powers of ten."""
    import plotly.graph_objects as go

    dimensions = []
    for column in coded(df):
        shown = {"label": column["name"], "values": column["values"]}
        if "levels" in column:
            shown |= {
                "tickvals": list(range(len(column["levels"]))),
                "ticktext": column["levels"],
            }
        if "log" in column:
            shown["values"] = np.log10(column["values"])
        dimensions.append(shown)
    line = {"color": df[METRIC], "colorscale": "Viridis", "reversescale": True}
    figure = go.Figure(go.Parcoords(dimensions=dimensions, line=line))
    figure.update_layout(width=1200, height=560)
    figure.write_html(path, include_plotlyjs=True)


def echarts(df: pd.DataFrame, path: Path) -> None:
    """Write a page of ECharts with its canvas renderer, tooltip and emphasis of the line."""
    axes = [
        {"dim": i, "name": column["name"]}
        | ({"type": "category", "data": column["levels"]} if "levels" in column else {})
        | ({"type": "log"} if "log" in column else {})
        | ({"scale": True} if column["name"] == METRIC else {})
        for i, column in enumerate(coded(df))
    ]
    option = {
        "tooltip": {"trigger": "item"},
        "parallelAxis": axes,
        "parallel": {"left": 60, "right": 90, "top": 50, "bottom": 60},
        "visualMap": {
            "show": False,
            "dimension": 7,
            "min": float(df[METRIC].min()),
            "max": float(df[METRIC].max()),
            "inRange": {"color": ["#fde725", "#21918c", "#440154"]},
        },
        "series": {
            "type": "parallel",
            "lineStyle": {"width": 1, "opacity": 0.25},
            "emphasis": {"lineStyle": {"width": 3, "opacity": 1}},
            "data": df.to_numpy().tolist(),
        },
    }
    library = Path(sys.argv[4]).read_text()
    path.write_text(
        '<!doctype html><meta charset="utf-8"><title>ECharts</title>'
        '<body style="margin: 0"><div id="chart" style="width: 1200px; height: 560px"></div>'
        f"<script>{library}</script><script>const chart = echarts.init("
        'document.getElementById("chart"), null, {renderer: "canvas"});'
        f"chart.setOption({json.dumps(option)});</script>"
    )


if __name__ == "__main__":
    {"ours": ours, "floor": floor, "hiplot": hiplot, "plotly": plotly, "echarts": echarts}[
        sys.argv[1]
    ](table(int(sys.argv[2])), Path(sys.argv[3]))
