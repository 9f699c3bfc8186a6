"""Programs that speak W&B do the same under the real wandb and under ours."""

import pytest

from tests.conformance.comparing import common, unexpected
from tests.conformance.page import PAGE, page
from tests.conformance.program import programs
from tests.conformance.running import our_outcome, real_outcomes

PROGRAMS = programs()


@pytest.fixture(scope="session")
def real():
    return real_outcomes()


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_program(program, real, tmp_path):
    there, here = common(real[program.name]), common(our_outcome(program, tmp_path))
    found = unexpected(program, there, here)
    assert not found, "\n".join(found)


def test_page_is_current():
    assert page() == PAGE.read_text(), "run: python -m tests.conformance.page"
