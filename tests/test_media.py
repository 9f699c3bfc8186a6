"""Media become files below the run's folder and plain records, readable by other programs."""

import datetime as dt
import enum
import io
import json
import math
import os
import pathlib
import stat
import subprocess
import sys
import wave
from typing import Any

import msgpack
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from PIL import Image as Pillow

from homerun.core import MissingExtraError, UsageError
from homerun.track.media import (
    Audio,
    BoundingBoxes2D,
    Classes,
    Graph,
    Histogram,
    Html,
    Image,
    ImageMask,
    JoinedTable,
    Molecule,
    Object3D,
    PartitionedTable,
    Plotly,
    Table,
    Video,
    box3d,
    to_record,
)
from homerun.track.media.files import safe_name
from homerun.track.media.png import encode_png

plt.switch_backend("Agg")


class Tensor:
    """What torch's tensors do, for a machine without torch."""

    def __init__(self, data, dtype="float32"):
        self._data = np.asarray(data)
        self.dtype = f"torch.{dtype}"
        self.ndim = self._data.ndim

    def detach(self):
        return self

    def cpu(self):
        return self

    def float(self):
        return Tensor(self._data)

    def numpy(self):
        if "bfloat16" in self.dtype:
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self._data


def record_of(value, folder, key="k", step=3):
    record = to_record(value, folder=folder, key=key, step=step)
    json.dumps(record)
    msgpack.packb(record)
    return record


def pixels_of(record, folder):
    with Pillow.open(folder / record["path"]) as image:
        return np.asarray(image)


# -- plain values ------------------------------------------------------------------------------


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "record"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array(2.5), 2.5),
        (np.array([7]), 7),
        (np.arange(4), [0, 1, 2, 3]),
        (np.arange(4.0).reshape(2, 2), [[0.0, 1.0], [2.0, 3.0]]),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.zeros(0), []),
        (np.datetime64("2024-01-02T03:04:05", "ns"), "2024-01-02T03:04:05"),
        (Tensor(0.25), 0.25),
        (Tensor([1.5], dtype="bfloat16"), 1.5),
        (Tensor([1, 2]), [1, 2]),
        (pd.Series([1, 2]), [1, 2]),
        (pd.NA, None),
        (pd.NaT, None),
        (pd.Timestamp("2024-01-02"), "2024-01-02T00:00:00"),
        (dt.datetime(2024, 1, 2, 3, 4, tzinfo=dt.UTC), "2024-01-02T03:04:00+00:00"),
        (dt.date(2024, 1, 2), "2024-01-02"),
        ((1, "a", None), [1, "a", None]),
        ({3, 1, 2}, [1, 2, 3]),
        (range(3), [0, 1, 2]),
        (pathlib.Path("a/b"), "a/b"),
        (Color.RED, "red"),
        (Level.HIGH, 3),
        ({"a": {1: np.int8(2)}}, {"a": {"1": 2}}),
        (3 + 4j, "(3+4j)"),
        (b"ab", "b'ab'"),
        ("text", "text"),
    ],
)
def test_plain_records(value, record, tmp_path):
    result = record_of(value, tmp_path)
    assert result == record
    assert type(result) is type(record)
    assert list(tmp_path.iterdir()) == []


def test_big_integers_stay_integers(tmp_path):
    assert to_record(10**40, folder=tmp_path, key="k", step=0) == 10**40


def test_unknown_objects_become_bounded_text(tmp_path):
    class Thing:
        def __str__(self):
            return "x" * 10_000

    assert record_of(Thing(), tmp_path) == "x" * 1000
    endless: list[object] = []
    endless.append(endless)
    record_of(endless, tmp_path)


def test_large_arrays_become_histograms(tmp_path):
    assert isinstance(record_of(np.arange(32), tmp_path), list)
    for values in (np.arange(33), Tensor(np.arange(33)), pd.Series(range(33))):
        record = record_of(values, tmp_path)
        assert record["_type"] == "histogram"
        assert sum(record["values"]) == 33
        assert len(record["bins"]) == len(record["values"]) + 1 == 33
    assert len(record_of(np.array(["a"] * 40), tmp_path)) == 40


# -- files -------------------------------------------------------------------------------------


def test_a_file_record_is_true_and_private(tmp_path):
    record = record_of(Image(np.zeros((4, 6, 3), np.uint8), caption="black"), tmp_path)
    path = tmp_path / record["path"]
    assert record == {
        "_type": "image-file",
        "path": f"media/images/k_3_{record['sha256'][:8]}.png",
        "sha256": record["sha256"],
        "size": path.stat().st_size,
        "format": "png",
        "width": 6,
        "height": 4,
        "caption": "black",
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert record_of(Image(np.zeros((4, 6, 3), np.uint8), caption="black"), tmp_path) == record


@pytest.mark.parametrize("key", ["../../x", "/etc/passwd", "a/b\\c", "a\0b", "..", "", "é" * 300])
def test_keys_stay_inside_the_folder(key, tmp_path):
    folder = tmp_path / "files"
    record = record_of(Html("x"), folder, key=key)
    path = (folder / record["path"]).resolve()
    assert path.is_relative_to(folder.resolve() / "media" / "html")
    assert path.is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["files"]


@given(st.text(max_size=100))
def test_safe_names_are_one_plain_part(key):
    name = safe_name(key)
    assert 0 < len(name) <= 64
    assert name not in {".", ".."}
    assert pathlib.PurePath(name).parts == (name,)
    assert safe_name(name) == name


def test_links_that_lead_out_are_refused(tmp_path):
    folder, outside = tmp_path / "files", tmp_path / "outside"
    outside.mkdir()
    folder.mkdir()
    (folder / "media").symlink_to(outside)
    with pytest.raises(UsageError, match="leads out"):
        record_of(Html("x"), folder)
    assert list(outside.iterdir()) == []


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path):
    folder, victim = tmp_path / "files", tmp_path / "victim"
    record = record_of(Html("x"), folder)
    victim.write_text("precious")
    (folder / record["path"]).unlink()
    (folder / record["path"]).symlink_to(victim)
    with pytest.raises(OSError):  # noqa: PT011 - the kernel's word for it differs
        record_of(Html("x"), folder)
    assert victim.read_text() == "precious"


# -- images ------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(min_value=0, max_value=99)
)
def test_png_pixels_come_back(height, width, channels, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    with Pillow.open(io.BytesIO(encode_png(pixels))) as image:
        assert np.array_equal(np.asarray(image).reshape(pixels.shape), pixels)


@pytest.mark.parametrize(
    ("data", "first", "last"),
    [
        (np.array([[0.0, 1.0]]), 0, 255),
        (np.array([[0, 200]]), 0, 200),
        (np.array([[0.0, 300.0]]), 0, 255),
        (np.array([[-1.0, 1.0]]), 0, 255),
        (np.array([[False, True]]), 0, 255),
        (np.array([[0, 1]], np.uint8), 0, 1),
        (np.array([[np.nan, 1.0]]), 0, 255),
    ],
)
def test_values_become_pixels(data, first, last, tmp_path):
    pixels = pixels_of(record_of(Image(data), tmp_path), tmp_path)
    assert (pixels[0, 0], pixels[0, 1]) == (first, last)


def test_tensors_have_their_channels_first(tmp_path):
    data = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    pixels = pixels_of(record_of(Image(Tensor(data)), tmp_path), tmp_path)
    assert np.array_equal(pixels, data.transpose(1, 2, 0))


def test_a_batch_is_a_grid(tmp_path):
    data = np.zeros((10, 1, 4, 5), np.uint8)
    data[9] = 200
    pixels = pixels_of(record_of(Image(Tensor(data)), tmp_path), tmp_path)
    assert pixels.shape == (8, 40)
    assert (pixels[4:, 5:10] == 200).all()
    assert pixels.sum() == 200 * 20


def test_images_from_pillow_paths_and_images(tmp_path):
    source = Pillow.new("RGBA", (6, 4), (255, 0, 0, 128))
    record = record_of(source, tmp_path)
    assert (record["width"], record["height"], record["format"]) == (6, 4, "png")
    assert pixels_of(record, tmp_path)[0, 0].tolist() == [255, 0, 0, 128]
    jpeg = record_of(Image(source, file_type="jpg"), tmp_path)
    assert jpeg["path"].endswith(".jpg")
    again = record_of(Image(tmp_path / jpeg["path"], caption="c"), tmp_path)
    assert (again["width"], again["height"], again["format"]) == (6, 4, "jpg")
    assert again["sha256"] == jpeg["sha256"]
    copy = record_of(Image(Image(source, caption="inner")), tmp_path)
    assert copy["caption"] == "inner"
    grey = record_of(Image(np.zeros((2, 2, 3), np.uint8), mode="L"), tmp_path)
    assert pixels_of(grey, tmp_path).shape == (2, 2)


def test_an_image_is_what_it_was_when_made(tmp_path):
    data = np.zeros((2, 2), np.uint8)
    image = Image(data)
    data[:] = 255
    assert pixels_of(record_of(image, tmp_path), tmp_path).sum() == 0


def test_matplotlib_figures_axes_and_pyplot(tmp_path):
    figure, axes = plt.subplots(figsize=(2, 1), dpi=50)
    axes.plot([1, 2])
    try:
        for value in (figure, axes, plt):
            record = record_of(value, tmp_path)
            assert record["_type"] == "image-file"
            assert (record["width"], record["height"]) == (100, 50)
            assert pixels_of(record, tmp_path).shape[:2] == (50, 100)
    finally:
        plt.close(figure)


def test_masks_and_boxes(tmp_path):
    labels = {0: "sky", 1: "road"}
    image = Image(
        np.zeros((4, 4), np.uint8),
        masks={"predictions": {"mask_data": np.eye(4, dtype=int), "class_labels": labels}},
        boxes={
            "truth": {
                "box_data": [
                    {
                        "position": {"minX": np.float32(0), "maxX": 1, "minY": 0.5, "maxY": 1},
                        "class_id": np.int64(1),
                    },
                    {
                        "position": {"middle": Tensor([2, 3]), "width": 1, "height": 2},
                        "domain": "pixel",
                        "scores": {"acc": np.float32(0.5)},
                        "box_caption": "a road",
                    },
                ],
                "class_labels": labels,
            }
        },
        classes=[{"id": 0, "name": "sky"}],
    )
    record = record_of(image, tmp_path)
    mask = record["masks"]["predictions"]
    assert mask["_type"] == "mask"
    assert mask["class_labels"] == {"0": "sky", "1": "road"}
    assert mask["path"].startswith("media/images/mask/")
    assert np.array_equal(pixels_of(mask, tmp_path), np.eye(4))
    boxes = json.loads((tmp_path / record["boxes"]["truth"]["path"]).read_text())
    corners, middle = boxes["box_data"]
    assert corners == {
        "position": {"minX": 0.0, "maxX": 1, "minY": 0.5, "maxY": 1},
        "class_id": 1,
    }
    assert middle["position"] == {"middle": [2, 3], "width": 1, "height": 2}
    assert (middle["domain"], middle["scores"]) == ("pixel", {"acc": 0.5})
    assert record["classes"] == [{"id": 0, "name": "sky"}]
    listed = record_of([image, Image(np.zeros((4, 4)))], tmp_path)
    assert listed["all_masks"][0]["predictions"] == mask
    assert listed["all_masks"][1] is None


def test_masks_and_boxes_without_names_get_some(tmp_path):
    image = Image(
        np.zeros((2, 2), np.uint8),
        masks={"m": ImageMask({"mask_data": [[0, 3], [3, 0]]}, "m")},
        boxes={"b": BoundingBoxes2D({"box_data": []}, "b")},
        classes=Classes([{"id": np.int64(0), "name": "sky"}]),
    )
    record = record_of(image, tmp_path)
    assert record["masks"]["m"]["class_labels"] == {"0": "class_0", "3": "class_3"}
    assert record["boxes"]["b"]["class_labels"] == {}
    assert record["classes"] == [{"id": 0, "name": "sky"}]
    path = tmp_path / record["masks"]["m"]["path"]
    again = record_of(ImageMask({"path": path, "class_labels": {0: "sky"}}), tmp_path)
    assert (again["_type"], again["class_labels"]) == ("mask", {"0": "sky"})
    assert record_of(Classes([{"id": 1, "name": "a"}]), tmp_path)["_type"] == "classes"


def test_the_picture_of_an_image_can_be_had_back(tmp_path):
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    image = Image(pixels)
    assert np.array_equal(np.asarray(image.image), pixels)
    saved = tmp_path / "a.png"
    image.image.save(saved)
    assert Image(saved).image.size == (4, 3)
    assert Image(np.zeros((1, 28, 30))).image.size == (30, 28)


def test_a_list_of_images_is_one_record(tmp_path):
    images = [Image(np.full((2, 3), i, np.uint8), caption=str(i)) for i in range(3)]
    record = record_of(images, tmp_path)
    assert record["_type"] == "images/separated"
    assert (record["count"], record["width"], record["height"]) == (3, 3, 2)
    assert record["captions"] == ["0", "1", "2"]
    assert len(set(record["filenames"])) == 3
    assert all((tmp_path / name).is_file() for name in record["filenames"])
    assert "captions" not in record_of([Image(np.zeros((1, 1)))], tmp_path)


NOT_A_MAPPING: Any = [np.zeros((2, 2))]
BOX = {"position": {"minX": 0, "maxX": 1, "minY": 0, "maxY": 1}}


@pytest.mark.parametrize(
    "make",
    [
        lambda: Image(3),
        lambda: Image(np.zeros(4)),
        lambda: Image(np.zeros((2, 2, 9))),
        lambda: Image(np.zeros((0, 2))),
        lambda: Image("missing.png"),
        lambda: Image(np.zeros((2, 2)), masks={"m": {}}),
        lambda: Image(np.zeros((2, 2)), masks={"m": {"mask_data": np.full((2, 2), 300)}}),
        lambda: Image(np.zeros((2, 2)), masks=NOT_A_MAPPING),
        lambda: ImageMask({"mask_data": [[1]], "class_labels": ["a"]}),
        lambda: BoundingBoxes2D({"class_labels": {}}),
        lambda: BoundingBoxes2D({"box_data": [3]}),
        lambda: BoundingBoxes2D({"box_data": [{"class_id": 1}]}),
        lambda: BoundingBoxes2D({"box_data": [{"position": {"minX": 0, "maxX": 1}}]}),
        lambda: BoundingBoxes2D({"box_data": [{"position": {"middle": [1], "width": 1}}]}),
        lambda: BoundingBoxes2D({"box_data": [{**BOX, "domain": "inch"}]}),
        lambda: BoundingBoxes2D({"box_data": [{**BOX, "scores": {"acc": "good"}}]}),
        lambda: BoundingBoxes2D({"box_data": [{**BOX, "class_id": "sky"}]}),
        lambda: BoundingBoxes2D({"box_data": [{**BOX, "box_caption": 3}]}),
        lambda: Classes([{"id": 1}]),
        lambda: Object3D(np.zeros((2, 5))),
        lambda: Object3D({"type": "mesh"}),
        lambda: Object3D("house.doc"),
        lambda: Object3D("missing.obj"),
        lambda: Object3D(io.StringIO("v 0 0 0")),
        lambda: Object3D(5),
        lambda: Molecule("missing.pdb"),
        lambda: Molecule(io.StringIO("ATOM"), file_type="obj"),
        lambda: box3d(center=[0, 0], size=[1] * 3, orientation=[1, 0, 0, 0], color=(0, 0, 0)),
        lambda: box3d(center=[0] * 3, size=[1] * 3, orientation=[0] * 4, color=(0, 0, 0)),
        lambda: JoinedTable(Table(), Table(), 3),
        lambda: Table(log_mode="SOMETIMES"),
        lambda: Table(columns=["a"]).set_pk("b"),
        lambda: Table(columns=["a"], data=[[0], [1]]).add_computed_columns(
            lambda index, row: {} if index else {"b": 1}
        ),
        Histogram,
        lambda: Histogram([1], num_bins=513),
        lambda: Histogram(np_histogram=([1, 2], [0, 1])),
        lambda: Audio([0.0]),
        lambda: Audio(np.zeros((1, 1, 1)), sample_rate=1),
        lambda: Audio("missing.wav"),
        lambda: Video([1, 2]),
        lambda: Video(np.zeros((2, 7, 4, 4))),
        lambda: Video(np.zeros((2, 3, 4, 4)), format="avi"),
        lambda: Html(5),
        lambda: Plotly(5),
        lambda: Table(columns=["a"], data=[[1, 2]]),
        lambda: Table(columns=["a"]).get_column("b"),
        lambda: Table(columns=["a"], data=[[1]]).add_column("b", [1, 2]),
        lambda: Table(columns=["a"], data=[[1]]).add_column("a", [1]),
        lambda: Table(columns=["a"]).add_data(),
    ],
)
def test_bad_values_are_refused_in_one_line(make):
    with pytest.raises(UsageError) as caught:
        make()
    assert "\n" not in str(caught.value)


# -- histograms --------------------------------------------------------------------------------

numbers = st.lists(st.floats(-1e6, 1e6) | st.sampled_from([math.nan, math.inf]), max_size=60)


@settings(deadline=None)
@given(numbers, st.integers(1, 20))
def test_histograms_count_every_finite_value(values, bins):
    histogram = Histogram(values, num_bins=bins)
    assert sum(histogram.histogram) == sum(map(math.isfinite, values))
    assert len(histogram.bins) == bins + 1
    assert histogram.bins == sorted(histogram.bins)


@settings(deadline=None)
@given(st.lists(st.integers(-50, 50), max_size=60))
def test_lists_and_arrays_give_one_histogram(values):
    mine = Histogram(values, num_bins=8)
    theirs = Histogram(np.array(values, float), num_bins=8)
    assert np.allclose(mine.bins, theirs.bins)
    assert sum(mine.histogram) == sum(theirs.histogram) == len(values)


def test_histogram_of_numpys_result_and_of_nested_lists(tmp_path):
    record = record_of(Histogram(np_histogram=np.histogram([1, 2, 3], bins=2)), tmp_path)
    assert record == {"_type": "histogram", "values": [1, 2], "bins": [1.0, 2.0, 3.0]}
    assert Histogram([[1, 2], (3,)], num_bins=2).histogram == [1, 2]


# -- tables ------------------------------------------------------------------------------------


def test_tables(tmp_path):
    table = Table(columns=["id", "image"])
    table.add_data(1, Image(np.zeros((2, 2), np.uint8)))
    table.add_data(np.int64(2), None)
    table.add_column("score", [0.5, math.nan])
    record = record_of(table, tmp_path)
    assert record["_type"] == "table-file"
    assert (record["ncols"], record["nrows"]) == (3, 2)
    assert record["path"].endswith(".table.json")
    saved = json.loads((tmp_path / record["path"]).read_text())
    assert saved["columns"] == ["id", "image", "score"]
    assert saved["data"][0][1]["_type"] == "image-file"
    assert (tmp_path / saved["data"][0][1]["path"]).is_file()
    assert saved["data"][1][:2] == [2, None]
    assert [index for index, _ in table.iterrows()] == [0, 1]
    assert table.get_column("id") == [1, 2]
    assert table.get_column("id", convert_to="numpy").sum() == 3


def test_tables_from_frames_arrays_and_rows(tmp_path):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    table = Table(dataframe=frame)
    assert table.columns == ["a", "b"]
    assert table.get_dataframe().equals(frame)
    assert Table(data=frame).data == table.data
    assert record_of(frame, tmp_path)["_type"] == "table-file"
    assert Table(data=np.eye(2), columns=["a", "b"]).data == [[1.0, 0.0], [0.0, 1.0]]
    assert Table(rows=[[1, 2, 3]]).columns == ["Input", "Output", "Expected"]
    assert Table(data=[[1, 2]], dtype=int, allow_mixed_types=True).columns == ["0", "1"]
    empty = Table(columns=[])
    empty.add_column("x", [1, 2])
    assert empty.data == [[1], [2]]


def test_columns_of_tables():
    table = Table(columns=["x", 2], data=[[3, 1], [4, 6]], dtype=int, optional=False)
    table.add_computed_columns(lambda index, row: {"n": index, "diff": row["x"] - row[2]})
    assert table.columns == ["x", 2, "n", "diff"]
    assert table.data == [[3, 1, 0, 2], [4, 6, 1, -2]]
    assert table.get_index() == [0, 1]
    table.set_pk("x")
    table.cast(2, str, optional=True)
    table.set_fk("diff", table, "x")
    assert table.get_column("x") == [3, 4]
    assert Table(dataframe=pd.DataFrame([[1, 2]])).columns == [0, 1]
    with pytest.raises(TypeError):
        Table(colums=["x"])


def test_arrays_in_cells_stay_whole(tmp_path):
    table = Table(columns=["many", "one", "when", "mixed"])
    when = np.array(["2026-01-02T03:04:05"], "datetime64[ns]")
    table.add_data(np.arange(100).reshape(2, 50), np.array([5]), when, [np.ones(40), {"a": 1}])
    record = record_of(table, tmp_path)
    (row,) = json.loads((tmp_path / record["path"]).read_text())["data"]
    assert row[0] == np.arange(100).reshape(2, 50).tolist()
    assert row[1:3] == [[5], ["2026-01-02T03:04:05"]]
    assert row[3] == [[1.0] * 40, {"a": 1}]


def test_tables_logged_by_increments(tmp_path):
    table = Table(columns=["a"], data=[[1], [2]], log_mode="INCREMENTAL")
    first = record_of(table, tmp_path)
    table.add_data(3)
    second = record_of(table, tmp_path, step=4)
    assert first["_type"] == second["_type"] == "incremental-table-file"
    assert (first["increment_num"], first["previous_increments_paths"]) == (0, [])
    assert (second["increment_num"], second["previous_increments_paths"]) == (1, [first["path"]])
    rows = [json.loads((tmp_path / r["path"]).read_text())["data"] for r in (first, second)]
    assert rows == [[[1], [2]], [[3]]]
    assert second["nrows"] == 3


def test_tables_of_tables(tmp_path):
    one, two = Table(columns=["id", "a"], data=[[1, 2]]), Table(columns=["id"], data=[[1]])
    joined = record_of(JoinedTable(one, two, "id"), tmp_path)
    assert (joined["_type"], joined["join_key"]) == ("joined-table", "id")
    assert json.loads((tmp_path / joined["table2"]["path"]).read_text())["data"] == [[1]]
    by_path = record_of(JoinedTable("a.table.json", two, ["id", "id"]), tmp_path)
    assert (by_path["table1"], by_path["join_key"]) == ("a.table.json", ["id", "id"])
    parts = record_of(PartitionedTable("parts"), tmp_path)
    assert parts == {"_type": "partitioned-table", "parts_path": "parts"}


def test_graphs(tmp_path):
    graph = Graph()
    first = graph.add_node(name="dense", parameters=np.int64(3))
    graph.add_edge(first, graph.add_node(name="relu"))
    record = record_of(graph, tmp_path)
    assert record["_type"] == "graph-file"
    saved = json.loads((tmp_path / record["path"]).read_text())
    assert saved["nodes"][0] == {"id": 0, "name": "dense", "parameters": 3}
    assert saved["edges"] == [[0, 1]]


# -- shapes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [3, 4, 6])
def test_point_clouds(columns, tmp_path):
    points = np.arange(2.0 * columns).reshape(2, columns)
    for value in (Object3D(points), Object3D.from_numpy(points), Object3D(Tensor(points))):
        record = record_of(value, tmp_path)
        assert record["_type"] == "object3D-file"
        assert record["path"].startswith("media/object3D/")
        assert record["path"].endswith(".pts.json")
        assert json.loads((tmp_path / record["path"]).read_text()) == points.tolist()
    listed = record_of([Object3D(points), Object3D(points)], tmp_path)
    assert (listed["_type"], listed["count"]) == ("object3D", 2)


def test_point_clouds_with_boxes_and_arrows(tmp_path):
    box = box3d(
        center=(1, 2, 3), size=(2, 4, 6), orientation=(2, 0, 0, 0), color=(0.1, 0.2, 1), label="b"
    )
    assert box["corners"][0] == [0, 0, 0]
    assert box["corners"][7] == [2, 4, 6]
    cloud = Object3D.from_point_cloud(
        [[0, 0, 0]], [box], [{"start": np.zeros(3), "end": [0, 0, 1]}]
    )
    scene = json.loads((tmp_path / record_of(cloud, tmp_path)["path"]).read_text())
    assert scene["type"] == "lidar/beta"
    assert scene["points"] == [[0, 0, 0]]
    assert scene["boxes"][0]["label"] == "b"
    assert scene["vectors"] == [{"start": [0.0] * 3, "end": [0, 0, 1]}]


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: sum(map(abs, q)) > 0.1))
def test_boxes_are_turned_by_their_quaternion(quaternion):
    box = box3d(center=(0, 0, 0), size=(1, 2, 3), orientation=quaternion, color=(0, 0, 0))
    flat = box3d(center=(0, 0, 0), size=(1, 2, 3), orientation=(1, 0, 0, 0), color=(0, 0, 0))
    r, *axis = np.array(quaternion) / np.linalg.norm(quaternion)
    for corner, turned in zip(flat["corners"], box["corners"], strict=True):
        moved = np.cross(axis, corner)  # Rodrigues: v + 2 r (u x v) + 2 u x (u x v)
        assert np.allclose(turned, corner + 2 * r * moved + 2 * np.cross(axis, moved))


def test_meshes_and_molecules_from_files(tmp_path):
    source = tmp_path / "cube.OBJ"
    source.write_text("v 0 0 0")
    with source.open() as file:
        values = Object3D(source), Object3D.from_file(str(source)), Object3D(file)
    for value in (*values, Object3D(io.StringIO("v 0 0 0"), file_type="obj", caption=None)):
        record = record_of(value, tmp_path / "files")
        assert record["path"].endswith(".obj")
        assert (tmp_path / "files" / record["path"]).read_text() == "v 0 0 0"
    assert record_of(Object3D(io.BytesIO(b"glTF"), "c", "glb"), tmp_path)["caption"] == "c"
    molecule = tmp_path / "water.pdb"
    molecule.write_text("ATOM")
    record = record_of(Molecule(molecule, caption="water"), tmp_path / "files")
    assert (record["_type"], record["caption"]) == ("molecule-file", "water")
    assert record["path"].startswith("media/molecule/")
    assert record_of([Molecule(str(molecule))], tmp_path)["_type"] == "molecule"


# -- pages, sound and film ---------------------------------------------------------------------


def test_html(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<html><head></head><body>hi</body></html>")
    with page.open() as file:
        from_file = Html(file)
    for value in (Html(str(page)), Html(page), from_file, Html(page.read_text())):
        record = record_of(value, tmp_path / "files")
        assert record["_type"] == "html-file"
        text = (tmp_path / "files" / record["path"]).read_text()
        assert text == '<html><head><base target="_blank"></head><body>hi</body></html>'
    assert Html("plain", inject=False).html == "plain"
    assert Html(str(page), data_is_not_path=True, inject=False).html == str(page)


def test_plotly_figures(tmp_path):
    class Figure:
        __module__ = "plotly.graph_objs._figure"

        def to_json(self):
            return '{"data": []}'

    for value in (Figure(), Plotly(Figure())):
        record = record_of(value, tmp_path)
        assert record["_type"] == "plotly-file"
        assert (tmp_path / record["path"]).read_text() == '{"data": []}'


@pytest.mark.parametrize(
    ("data", "channels", "first"),
    [
        ([0.5, -2.0, 1.0], 1, 16384),
        (np.array([[0.5, 0.0], [1.0, -1.0], [0.0, 0.0]]), 2, 16384),
        (np.array([5, -5, 0], np.int16), 1, 5),
        (Tensor([1.0, 0.0, 0.0]), 1, 32767),
    ],
)
def test_sound(data, channels, first, tmp_path):
    record = record_of(Audio(data, sample_rate=8000, caption="beep"), tmp_path)
    assert record["_type"] == "audio-file"
    assert record["duration_s"] == pytest.approx(3 / 8000)
    with wave.open(str(tmp_path / record["path"])) as sound:
        assert (sound.getnchannels(), sound.getframerate(), sound.getnframes()) == (
            channels,
            8000,
            3,
        )
        assert abs(np.frombuffer(sound.readframes(1), "<i2")[0] - first) <= 1
    again = record_of(Audio(str(tmp_path / record["path"])), tmp_path)
    assert again["sha256"] == record["sha256"]
    assert record_of([Audio([0.0], 1), Audio([0.0], 1)], tmp_path)["count"] == 2


def test_film(tmp_path):
    frames = np.zeros((3, 3, 4, 6), np.uint8)
    frames[1:] = 255
    frames[2, 0] = 0
    record = record_of(Video(frames, fps=10, caption="c"), tmp_path)
    assert record["_type"] == "video-file"
    assert (record["width"], record["height"], record["format"]) == (6, 4, "gif")
    with Pillow.open(tmp_path / record["path"]) as film:
        assert film.n_frames == 3
        assert film.info["duration"] == 100
    wide = record_of(Video(np.stack([frames, frames])), tmp_path)
    assert wide["width"] == 12
    assert record_of(Video(frames, format="mp4"), tmp_path)["format"] == "gif"
    (tmp_path / "film.MP4").write_bytes(b"film")
    assert record_of(Video(tmp_path / "film.MP4"), tmp_path)["path"].endswith(".mp4")
    assert record_of(Video(io.BytesIO(b"x"), format="webm"), tmp_path)["format"] == "webm"


def test_without_libraries(tmp_path):
    """Only what is asked for is loaded, and what is missing is named."""
    code = f"""
import builtins, pathlib, sys
real = builtins.__import__
def refuse(name, *args, **kwargs):
    if name.split(".")[0] in {{"numpy", "PIL", "pandas", "matplotlib", "plotly", "rdkit"}}:
        raise ImportError(name)
    return real(name, *args, **kwargs)
builtins.__import__ = refuse
from homerun.core import MissingExtraError
from homerun.track.media import *
folder = pathlib.Path({str(tmp_path)!r})
values = Html("x"), Histogram([1, 2]), Table(data=[[1, 2]]), Audio([0.1], 10), {{1, 2}}, object
for value in values:
    to_record(value, folder=folder, key="k", step=0)
try:
    Table(columns=["a"]).get_dataframe()
except MissingExtraError as error:
    print(error)
try:
    Molecule.from_smiles("O")
except MissingExtraError as error:
    print(error)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines() == [
        "get_dataframe needs pandas: pip install 'homerun[pandas]'",
        "Molecule.from_smiles needs rdkit: pip install rdkit",
    ]
    assert issubclass(MissingExtraError, ImportError)


def test_file_modes_do_not_depend_on_the_umask(tmp_path):
    before = os.umask(0)
    try:
        record = record_of(Html("x"), tmp_path / "files")
    finally:
        os.umask(before)
    for path in (tmp_path / "files").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 or path.name == "media"
    assert stat.S_IMODE((tmp_path / "files" / record["path"]).stat().st_mode) == 0o600
