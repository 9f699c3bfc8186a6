"""What all tests share: a home of their own, and no skipped test where everything must run."""

import os

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
    return path


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
