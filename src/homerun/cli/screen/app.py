"""The Textual app: it looks at the home in a thread, passes keys to pages and draws their lines."""

import asyncio
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Key, Paste, Resize
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from homerun.cli.screen.board import Board
from homerun.cli.screen.commands import page_of
from homerun.cli.screen.frame import Size
from homerun.cli.screen.pages import Do, Leave, Output, Page, Sheet
from homerun.cli.screen.text import Line
from homerun.cli.screen.view import LookAtGpus, View, Watcher
from homerun.core import HomerunError
from homerun.store import Store, WatchedRun

_WITHOUT_COLOR = {"bold", "dim", "reverse"}
_FOLLOW_S = 0.25  # between two looks at the output of a run


class Canvas(Widget):
    """Lines of text over the whole screen; only those that change are drawn."""

    DEFAULT_CSS = "Canvas { width: 100%; height: 100%; background: ansi_default; }"

    def __init__(self, *, is_colored: bool) -> None:
        super().__init__()
        self._lines: list[Line] = []
        self._is_colored = is_colored

    def show(self, lines: list[Line]) -> None:
        """Replace the lines."""
        before, self._lines = self._lines, lines
        width = self.size.width
        if len(before) != len(lines):
            self.refresh()
            return
        changed = [y for y, old in enumerate(before) if old != lines[y]]
        if changed:
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def render_line(self, y: int) -> Strip:
        """Return one line for the terminal."""
        if y >= len(self._lines):
            return Strip.blank(self.size.width)
        segments = [Segment(text, self._style(style)) for text, style in self._lines[y].spans]
        return Strip(segments).adjust_cell_length(self.size.width)

    def _style(self, text: str) -> Style:
        if not self._is_colored:
            text = " ".join(word for word in text.split() if word in _WITHOUT_COLOR)
        return Style.parse(text)


class Seen(Message):
    """There was a look at the home."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self.view = view


class Told(Message):
    """Something was begun or done, for the last line of the screen."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Top(App[None]):
    """The screen of `homerun top`."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False, priority=True),
    ]

    def __init__(
        self,
        home: Path,
        look_at_gpus: LookAtGpus,
        *,
        sweep: str | None = None,
        refresh_s: float = 1.0,
        is_colored: bool = True,
    ) -> None:
        super().__init__(ansi_color=True)
        self._home, self._sweep, self._refresh_s = home, sweep, refresh_s
        self._look_at_gpus = look_at_gpus
        self.trouble: HomerunError | None = None  # why there was never anything to see
        self._canvas = Canvas(is_colored=is_colored)
        self._pages: list[Page] = []  # the last one is shown
        self._board: Board | None = None  # the first page, once there was something to see
        self._is_colored = is_colored
        self._watcher: Watcher | None = None
        self._wake, self._is_over, self._is_changed = threading.Event(), False, False

    def compose(self) -> ComposeResult:
        """Return what is on the screen: the canvas."""
        yield self._canvas

    def on_mount(self) -> None:
        """Begin to look."""
        self.run_worker(self._watch, thread=True)
        # Whoever ends this gets the terminal back as it was.
        for end in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(end, self.exit, None, 128 + end)
        _resume_only_what_stopped()
        self.app_resume_signal.subscribe(self, lambda _: self._canvas.refresh())
        self.set_interval(_FOLLOW_S, self._follow)

    def on_unmount(self) -> None:
        """Let the thread come to its end."""
        self._is_over = True
        self._wake.set()

    def on_key(self, event: Key) -> None:
        """Give a key to the page that is shown."""
        event.prevent_default()
        self._press(event.key, event.character or "")

    def on_paste(self, event: Paste) -> None:
        """Give text to the page that is shown."""
        self._press("", " ".join(event.text.split()))

    def _press(self, key: str, letters: str) -> None:
        if not self._pages:
            return
        match self._pages[-1].press(key, letters):
            case None:
                pass
            case Do() as wanted:
                self._do(wanted)
            case Leave.BACK if len(self._pages) > 1:
                self._pages.pop()
            case Leave():
                self.exit()
            case page:
                self._pages.append(page)
        self._draw()

    def on_resize(self, _event: Resize) -> None:
        """Draw for the new size."""
        self.call_after_refresh(self._draw)

    def on_seen(self, seen: Seen) -> None:
        """Show what there was to see."""
        if self._board is None:
            self._board = Board(seen.view, self._read_page)
            self._pages.append(self._board)
        self._board.view = seen.view
        self._draw()

    def on_told(self, told: Told) -> None:
        """Say what was begun or done."""
        if self._board is not None:
            self._board.tell(told.text)
            self._draw()

    def _do(self, wanted: Do) -> None:
        self.post_message(Told(wanted.start))

        def work() -> None:
            try:
                with Store(self._home) as store:
                    text = wanted.command(store, wanted.run)
            except (HomerunError, OSError) as error:
                text = str(error)
            self.post_message(Told(text))
            self._is_changed = True
            self._wake.set()

        # Not a thread of Textual's: leaving must not wait for a run that takes its time to end.
        threading.Thread(target=work, daemon=True).start()

    def _read_page(self, run: WatchedRun, width: int) -> list[Line]:
        return page_of(self._home, run, width, is_colored=self._is_colored)

    def _watch(self) -> None:
        try:
            with Store(self._home, may_be_read_only=True) as store:
                self._watcher = watcher = Watcher(store, self._look_at_gpus, sweep=self._sweep)
                while not self._is_over:
                    self.post_message(Seen(watcher.look()))
                    self._wake.wait(watcher.pause_s(self._refresh_s))
                    self._wake.clear()
                    if self._is_changed:
                        self._is_changed = False
                        watcher.forget()
        except HomerunError as error:
            self.trouble = error
            self.call_from_thread(self.exit)

    def _follow(self) -> None:
        if self._pages and isinstance(self._pages[-1], Output | Sheet):
            self._draw()

    def _draw(self) -> None:
        if self._pages:
            size = self.size
            self._canvas.show(self._pages[-1].lines(Size(size.width, size.height)))
            self._tell_wish()

    def _tell_wish(self) -> None:
        """Have the thread look for what the board wants to show, and not only later."""
        if self._board is not None and self._watcher is not None:
            wish = self._board.wish
            if wish != self._watcher.wish:
                self._watcher.wish = wish
                self._wake.set()


def _resume_only_what_stopped() -> None:
    """Keep Textual from beginning anew on a terminal that hangs up: that sends SIGCONT, too."""
    stop, resume = signal.getsignal(signal.SIGTSTP), signal.getsignal(signal.SIGCONT)
    if not callable(stop) or not callable(resume):  # it has no terminal
        return
    is_stopped = False

    def stopped(number: int, frame: FrameType | None) -> None:
        nonlocal is_stopped
        is_stopped = True
        stop(number, frame)

    def continued(number: int, frame: FrameType | None) -> None:
        nonlocal is_stopped
        if is_stopped:
            is_stopped = False
            resume(number, frame)

    signal.signal(signal.SIGTSTP, stopped)
    signal.signal(signal.SIGCONT, continued)
