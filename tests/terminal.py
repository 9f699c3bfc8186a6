"""A real terminal with a shell in it, given by tmux; `conftest.py` has it as a fixture."""

import os
import subprocess
import uuid

from tests.cli_call import environment, until


class Terminal:
    """A terminal of 80 columns and 24 lines, until it is resized."""

    def __init__(self):
        self._name = f"homerun-{uuid.uuid4().hex[:8]}"
        # tmux would hand its own TERM and the size of ours to the shell.
        hidden = ("COLUMNS", "LINES", "TERM", "NO_COLOR", "FORCE_COLOR", "TMUX")
        env = {name: value for name, value in environment().items() if name not in hidden}
        self._env = {**env, "TERM": "screen", "LC_ALL": "C.UTF-8", "HISTFILE": ""}

    def open(self, folder):
        """Start the shell and wait for its prompt."""
        size = ("-x", "80", "-y", "24")
        self.tmux("-f", os.devnull, "new-session", "-d", *size, "-c", folder, "bash --norc")
        self.shows("bash")  # its prompt

    def tmux(self, *arguments):
        """Give tmux an order and return its answer."""
        done = subprocess.run(
            ["tmux", "-L", self._name, *map(str, arguments)],
            env=self._env,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def close(self):
        """End the shell and what runs in it."""
        self.tmux("kill-server")

    def resize(self, columns, lines):
        """Change the size of the window."""
        self.tmux("resize-window", "-x", columns, "-y", lines)

    def type(self, text):
        """Type a line."""
        self.tmux("send-keys", "-l", text)
        self.tmux("send-keys", "Enter")

    def press(self, key):
        """Press a key."""
        self.tmux("send-keys", key)

    def screen(self, *options):
        """Return what is to be seen."""
        return self.tmux("capture-pane", "-p", *options).rstrip("\n")

    def shows(self, text) -> str:
        """Wait until a text is to be seen and return the screen."""
        try:
            screen: str = until(lambda: text in self.screen() and self.screen())
        except AssertionError:
            raise AssertionError(f"waited in vain for {text!r} in:\n{self.screen()}") from None
        return screen

    def prints(self, command):
        """Run a command and return all that it printed, wrapped lines as one, with colours."""
        end = f"end-{uuid.uuid4().hex[:8]}"  # that of the command before is still to be seen
        self.type(f"clear; {command}; echo {end[:4]}''{end[4:]}")
        self.shows(f"\n{end}")
        text = self.tmux("capture-pane", "-p", "-e", "-J", "-S", "-")
        self.tmux("clear-history")
        return text.rpartition(f"\n{end}")[0]

    def flag(self, name):
        """Return a property of the terminal."""
        return self.tmux("display-message", "-p", f"#{{{name}}}").strip()
