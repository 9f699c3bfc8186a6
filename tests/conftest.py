"""What all tests share: a home of their own, and no skipped test where everything must run."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from homerun.store import Store
from tests.agent_home import Runner, gone
from tests.cli_home import fill
from tests.terminal import Terminal

# A busy machine is no reason for a property to fail.
settings.register_profile("homerun", deadline=None)
settings.load_profile("homerun")

_OURS = ("HOMERUN_", "WANDB_")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return a home of the test's own (not made yet); no other setting comes from outside."""
    for name in list(os.environ):
        if name.startswith(_OURS) and not name.startswith("HOMERUN_TEST_"):
            monkeypatch.delenv(name)
    path = tmp_path / "home"
    monkeypatch.setenv("HOMERUN_HOME", str(path))
    monkeypatch.setenv("HOMERUN_RUNTIME_DIR", str(tmp_path / "runtime"))
    return path


@pytest.fixture
def filled(home):
    """Fill a home: 1 2 finished, 3 failed, 4 killed, 5 running, 6 7 8 pending, 9 finished."""
    with Store(home) as store:
        fill(store)
    return home


@pytest.fixture
def runner(home):
    """Return what runs single commands under supervisors; no process of it is left in the end."""
    with Store(home) as store:
        runner = Runner(store)
        yield runner
        runner.close()
    gone(home)


@pytest.fixture
def pretty(monkeypatch):
    """Have commands print as on a terminal of 80 columns without colours."""
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def terminal(home, tmp_path):
    """Return a terminal of 80 columns and 24 lines; its shell is in `tmp_path`."""
    terminal = Terminal()
    try:
        terminal.open(tmp_path)
        yield terminal
    finally:
        terminal.close()


def pytest_configure():
    """Let Ctrl-C and hang-ups be what they are, also after `nohup ... &`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(config, items):
    """Leave out what needs a real GPU where there is none."""
    if Path("/proc/driver/nvidia/gpus").exists():
        return
    left_out = [item for item in items if item.get_closest_marker("gpu")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _fail_if_skipped(report):
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if skipped and os.environ.get("HOMERUN_TEST_ALL") == "1":
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"HOMERUN_TEST_ALL=1 allows no skipped test. {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Under HOMERUN_TEST_ALL=1 a skipped test is a failure."""
    return _fail_if_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    """The same for a module that skips itself."""
    return _fail_if_skipped((yield))
