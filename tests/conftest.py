"""What all tests share: a home of their own, and no skipped test where everything must run."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

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
