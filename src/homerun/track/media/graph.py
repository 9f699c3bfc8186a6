"""Graphs of a model: nodes and edges."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from homerun.track.media.arrays import to_plain
from homerun.track.media.files import Media, Place, Record, save_file


class Graph(Media):
    """Nodes with any attributes, an `id` among them, and edges between their ids."""

    def __init__(self, format: str = "keras") -> None:  # noqa: A002 - W&B's name
        self.format = format
        self.nodes: list[dict[str, Any]] = []
        self.edges: list[tuple[Any, Any]] = []

    def add_node(self, **attributes: Any) -> dict[str, Any]:
        """Append a node; its `id` is its number unless given."""
        node = {"id": len(self.nodes), **attributes}
        self.nodes.append(node)
        return node

    def add_edge(self, from_node: Any, to_node: Any) -> None:
        """Append an edge between two nodes or their ids."""
        ends = (node["id"] if isinstance(node, dict) else node for node in (from_node, to_node))
        self.edges.append((next(ends), next(ends)))

    def save(self, folder: Path, key: str, step: int) -> Record:
        """Write format, nodes and edges as JSON; return W&B's `graph-file` record."""
        graph = to_plain({"format": self.format, "nodes": self.nodes, "edges": self.edges})
        text = json.dumps(graph, default=str)
        place = Place(folder, key, step)
        return {
            "_type": "graph-file",
            **save_file(text.encode(), place, kind="graph", suffix="graph.json"),
        }
