"""What becomes of output with carriage returns: the last state of a line stays, at any cutting."""

import os

from hypothesis import given
from hypothesis import strategies as st

from homerun.agent.output import Log, Output, Outputs, Thinner
from homerun.store import RunFolder

texts = st.text(alphabet="ab\r\n", max_size=60)


def thinned(pieces, times):
    thinner = Thinner()
    done = [thinner.feed(piece.encode(), now) for piece, now in zip(pieces, times, strict=True)]
    return (b"".join(done) + thinner.flush()).decode()


def shown(text):
    """Return what a terminal shows last on each line, as far as rewrites go."""
    return [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]


@given(st.lists(texts, max_size=6), st.lists(st.floats(0, 9), min_size=6, max_size=6))
def test_last_state_of_each_line_stays(pieces, times):
    assert shown(thinned(pieces, sorted(times)[: len(pieces)])) == shown("".join(pieces))


@given(st.lists(st.text(alphabet="abc\n", max_size=20), max_size=6))
def test_output_without_returns_is_untouched(pieces):
    assert thinned(pieces, [0.0] * len(pieces)) == "".join(pieces)


def test_line_ends_of_windows_stay():
    assert thinned(["a\r\nb\r", "\nc"], [0, 0]) == "a\r\nb\r\nc"


def test_states_between_are_kept_once_a_second():
    pieces = [f"\rstep {i}" for i in range(100)]
    text = thinned([*pieces, "\ndone\n"], [i * 0.1 for i in range(101)])
    assert text.startswith("step 0\rstep 10\rstep 20\r")
    assert text.endswith("\rstep 99\ndone\n")
    assert text.count("step") == 11


def test_disk_that_is_full_costs_output_and_says_so(tmp_path):
    """/dev/full refuses every write, as a full disk does."""
    log = Log(tmp_path / "full")
    output = Output(tmp_path / "pipe", log)
    program = output.open_for_program()
    full = os.open("/dev/full", os.O_WRONLY)
    good = os.open(tmp_path / "full", os.O_WRONLY | os.O_APPEND)
    for target, text in ((full, b"lost\n"), (good, b"kept\n")):
        os.dup2(target, log.fd)
        os.write(program, text)
        assert not output.pump(0.0)
    assert output.last_lines() == "lost\nkept\n"
    os.close(program)
    output.pump(0.0)
    assert output.is_ended
    output.close(0.0)
    assert (tmp_path / "full").read_text() == "\n[homerun: 5 bytes lost, disk full]\nkept\n"
    for fd in (full, good):
        os.close(fd)


def test_stdout_and_stderr_are_kept_apart_and_together(tmp_path):
    folder = RunFolder(tmp_path)
    outputs = Outputs(folder, stdout=str(tmp_path / "out"), stderr=str(tmp_path / "err"))
    stdout, stderr = outputs.open_for_program()
    for fd, text in ((stdout, b"one\n"), (stderr, b"api_key=hunter2hunter2\n"), (stdout, b"two\n")):
        os.write(fd, text)
        assert not outputs.pump(0.0)
    assert folder.output.read_bytes() == b"one\n" + (tmp_path / "err").read_bytes() + b"two\n"
    assert (tmp_path / "out").read_text() == "one\ntwo\n"
    assert (tmp_path / "err").read_text().startswith("api_key=<redacted:")
    assert outputs.last_lines().strip().endswith(">")
    for fd in (stdout, stderr):
        os.close(fd)
        outputs.pump(0.0)
    assert outputs.fds == set()
    outputs.close(0.0)
    assert not folder.pipe.exists()
    assert not folder.error_pipe.exists()


def test_file_that_cannot_be_opened_costs_no_output(tmp_path):
    outputs = Outputs(RunFolder(tmp_path), stdout="/proc/none", stderr=str(tmp_path))
    stdout, stderr = outputs.open_for_program()
    for fd in (stdout, stderr):
        os.write(fd, b"kept\n")
        os.close(fd)
    outputs.pump(0.0)
    outputs.close(0.0)
    assert (tmp_path / "output.log").read_text() == "kept\nkept\n"
