"""Runs cells in a real kernel of Jupyter and prints what they showed, as JSON.

It runs in the environment of tests/locks/browser.txt and reads {"cells": [...], "stop_at": text}
from stdin: when a display says that text, the cell is interrupted as by the stop button.
"""

import json
import sys

import nbformat
from jupyter_client import KernelManager
from nbclient import NotebookClient


class Client(NotebookClient):  # type: ignore[misc]
    """Interrupts a cell when it shows a certain text."""

    stop_at = ""
    updates = 0  # of displays that are there already

    def process_message(self, msg, cell, cell_index):
        self.updates += msg["msg_type"] == "update_display_data"
        if self.stop_at and self.stop_at in json.dumps(msg["content"]):
            self.stop_at = ""
            self.km.interrupt_kernel()
        return super().process_message(msg, cell, cell_index)


def main():
    """Run the cells and print their outputs as the saved notebook has them."""
    asked = json.load(sys.stdin)
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, asked["cells"])))
    command = [sys.executable, "-P", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager = KernelManager()
    manager.kernel_spec.argv = command
    client = Client(notebook, km=manager, timeout=60, allow_errors=True)
    client.stop_at = asked.get("stop_at", "")
    client.execute()
    outputs = [cell.outputs for cell in notebook.cells]
    print(json.dumps({"outputs": outputs, "updates": client.updates}))


main()
