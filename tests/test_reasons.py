"""Why a run failed, in words a person can act on: setup, programs, ports, memory."""

import os
import signal
import socket
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homerun.agent.memory_faults import memory_fault
from homerun.agent.ports import port_in_use
from homerun.agent.verdict import verdict
from homerun.core import RunState, SpecError
from homerun.spec import from_dict
from homerun.store import Store, is_alive, parse_identity, read_json
from tests.agent_home import gone, left_over, make_sweep, start_agent, until, work
from tests.cli_call import start

TRACEBACK = 'Traceback (most recent call last):\n  File "train.py", line 9, in <module>\n'
CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
MEANWHILE = "\nDuring handling of the above exception, another exception occurred:\n\n"
CUDA = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total "
    "capacity of 15.77 GiB of which 14.50 GiB is free.\n"
)


def python(code, *arguments):
    return [sys.executable, "-c", code, *map(str, arguments)]


# Memory


@pytest.mark.parametrize(
    ("memory", "text"),
    [
        ("gpu", f"{TRACEBACK}    loss = model(x)\n{CUDA}"),
        ("gpu", f"{TRACEBACK}RuntimeError: CUDA out of memory. Tried to allocate 2.00 MiB\n"),
        (
            "gpu",
            f"{TRACEBACK}RuntimeError: CUDA error: out of memory\n"
            "CUDA kernel errors might be asynchronously reported at some other API call.\n"
            "For debugging consider passing CUDA_LAUNCH_BLOCKING=1\n",
        ),
        (
            "gpu",
            f"{TRACEBACK}torch.cuda.OutOfMemoryError: HIP out of memory. Tried to allocate 2\n",
        ),
        ("gpu", f"{TRACEBACK}RuntimeError: MPS backend out of memory (MPS allocated: 9.0 GB)\n"),
        ("gpu", f"{TRACEBACK}RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling\n"),
        (
            "gpu",
            f"{TRACEBACK}jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory "
            "while trying to allocate 7406166528 bytes.\nBufferAssignment OOM Debugging.\n"
            "BufferAssignment stats:\n             parameter allocation:  372.76MiB\n",
        ),
        (
            "gpu",
            f"{TRACEBACK}tensorflow.python.framework.errors_impl.ResourceExhaustedError: Graph "
            "execution error:\n\nDetected at node 'relu' defined at (most recent call last):\n"
            "OOM when allocating tensor with shape[9,9] and type float on /job:localhost/"
            "replica:0/task:0/device:GPU:0 by allocator GPU_0_bfc\n\t [[{{node relu}}]]\n",
        ),
        (
            "host",
            f"{TRACEBACK}ResourceExhaustedError: OOM when allocating tensor with shape[9] on "
            "/job:localhost/replica:0/task:0/device:CPU:0 by allocator cpu [Op:Add]\n",
        ),
        (
            "gpu",
            f"{TRACEBACK}cupy.cuda.memory.OutOfMemoryError: Out of memory allocating 8,000 bytes",
        ),
        ("gpu", f"{TRACEBACK}CudaAPIError: [2] Call to cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY\n"),
        ("gpu", "step 3\nCUDA error: out of memory\n  current device: 0\nAborted (core dumped)\n"),
        (
            "gpu",
            "terminate called after throwing an instance of 'thrust::system::system_error'\n"
            "  what():  parallel_for failed: cudaErrorMemoryAllocation: out of memory\n",
        ),
        ("gpu", f"[rank0]: {TRACEBACK}[rank0]:   File 'x'\n[rank0]: {CUDA}"),
        (
            "gpu",
            f"{TRACEBACK}{CUDA}E1123 failed (exitcode: 1) local_rank: 0 of binary: python\n"
            f"{TRACEBACK}torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n"
            "train.py FAILED\nRoot Cause (first observed failure):\n  exitcode  : 1 (pid: 7)\n",
        ),
        ("gpu", f"{TRACEBACK}{CUDA}{CAUSE}{TRACEBACK}RuntimeError: training failed\n"),
        ("gpu", f'  File "a.py", line 1, in step\n    a()\n{CUDA}'),  # the header is cut off
        ("host", f"{TRACEBACK}MemoryError\n"),
        (
            "host",
            f"{TRACEBACK}numpy._core._exceptions._ArrayMemoryError: Unable to allocate 745. GiB\n",
        ),
        (
            "host",
            f"{TRACEBACK}RuntimeError: [enforce fail at alloc_cpu.cpp:75] err == 0. "
            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 8000 bytes.\n",
        ),
        ("host", f"{TRACEBACK}OSError: [Errno 12] Cannot allocate memory\n"),
        ("host", "terminate called after throwing 'std::bad_alloc'\n  what():  std::bad_alloc\n"),
        ("host", "bash: fork: Cannot allocate memory\n"),
        ("host", 'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space\n'),
        ("host", "memory allocation of 8589934592 bytes failed\nAborted\n"),
    ],
)
def test_want_of_memory_is_known_by_what_libraries_write(memory, text):
    fault = memory_fault("epoch 1 loss 0.3\n" * 9 + text)
    assert fault is not None
    assert fault.memory == memory
    assert fault.line in text
    assert verdict(1 << 8, last_lines=text).out_of_memory == memory


@pytest.mark.parametrize(
    "text",
    [
        "",
        "if you see CUDA out of memory, use a smaller batch\nFAILED\n",
        f"{TRACEBACK}    raise MemoryError('CUDA out of memory. Tried')\nValueError: bad lr\n",
        f"caught: {CUDA}halving the batch\n{TRACEBACK}KeyError: 'loss'\n",
        f"{TRACEBACK}{CUDA}{MEANWHILE}{TRACEBACK}FileNotFoundError: last.pt\n",
        f"caught: {CUDA}" + "epoch 2\n" * 9 + "diverged, giving up\n",
        f"{TRACEBACK}RuntimeError: out of memory slots in the game board\n",
        f"{TRACEBACK}triton.OutOfResources: out of resource: shared memory, Required: 9\n",
        "peak memory 3 GiB\nMemoryError is what we test for\ndone\n",
    ],
)
def test_words_about_memory_are_no_want_of_it(text):
    assert memory_fault(text) is None


@given(st.text(max_size=300))
def test_any_output_can_be_looked_at(text):
    fault = memory_fault(text)
    assert fault is None or fault.line.strip() == fault.line
    assert isinstance(port_in_use(text), str)


def test_a_program_out_of_memory_ends_as_such(runner):
    _, end = runner.end(python("bytearray(1 << 62)"))
    assert (end.state, end.exit_code, end.out_of_memory) == (RunState.FAILED, 1, "host")
    assert end.reason.startswith("exit code 1: out of memory: MemoryError; use a smaller batch")
    _, end = runner.end(python(f"raise SystemExit({TRACEBACK + CUDA!r})"))
    assert (end.state, end.out_of_memory) == (RunState.FAILED, "gpu")
    assert "out of GPU memory: torch.OutOfMemoryError: CUDA out of memory." in end.reason
    assert end.reason.endswith("; use a smaller batch or model, or fewer runs on one GPU")
    abort = "import os; os.write(2, b'  what():  std::bad_alloc\\n'); os.abort()"
    _, end = runner.end(python(abort))
    assert (end.state, end.exit_code, end.out_of_memory) == (RunState.CRASHED, None, "host")
    assert end.reason.startswith("died of signal 6 (SIGABRT): out of memory: what():  std::bad")
    _, end = runner.end(python("print('no memory problem'); raise SystemExit(2)"))
    assert (end.reason, end.out_of_memory) == ("exit code 2: no memory problem", "")


def test_a_helper_that_the_kernel_killed_is_want_of_memory():
    text = "RuntimeError: DataLoader worker (pid 71) is killed by signal: Killed. \n"
    told = verdict(1 << 8, last_lines=TRACEBACK + text, was_out_of_memory=lambda: True)
    assert (told.exit_code, told.out_of_memory) == (1, "host")
    assert "the kernel killed it" in told.reason
    assert verdict(1 << 8, last_lines=TRACEBACK + text).out_of_memory == ""


# Ports


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


LISTEN = """
import asyncio, sys
asyncio.run(asyncio.start_server(print, "127.0.0.1", int(sys.argv[1])))
"""


def test_a_port_in_use_is_named_with_who_has_it(runner, port):
    _, end = runner.end(python(LISTEN, port))
    assert (end.state, end.exit_code) == (RunState.FAILED, 1)
    assert end.reason.startswith(f"exit code 1: port {port} is in use by pid {os.getpid()} (")
    assert "python" in end.reason
    # This one does not say which port; its command line does.
    _, end = runner.end([sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)])
    assert f": port {port} is in use by pid {os.getpid()} (" in end.reason


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (
            29500,
            "[E socket.cpp:922] [c10d] The server socket has failed to listen on any local network "
            "address. port: 29500, useIpv6: 0, code: -98, name: EADDRINUSE, message: in use",
        ),
        (
            25641,
            "[W socket.cpp:426] failed to bind to [::]:25641 (errno: 98 - Address already in use).",
        ),
        (8000, "[Errno 98] error while attempting to bind on address ('::1', 8000, 0, 0): address"),
        (3000, "Error: listen EADDRINUSE: address already in use :::3000"),
        (8080, "listen tcp :8080: bind: address already in use"),
        (5555, "12:33:44 zmq.error.ZMQError: Address already in use (addr='tcp://*:5555')"),
        (6006, "TensorBoard could not bind to port 6006, it was already in use"),
        (5000, "Address already in use\nPort 5000 is in use by another program."),
        (8123, '    s.bind(("", 8123))\nOSError: [Errno 98] Address already in use'),
    ],
)
def test_the_port_is_found_in_what_programs_write(number, text):
    output = f"12:30:59 epoch 7: loss 0.3\n{text}\n"
    assert port_in_use(output).startswith(f"port {number} ")
    assert f": port {number} " in verdict(1 << 8, last_lines=output).reason


def test_a_port_that_nobody_names():
    text = "OSError: [Errno 98] Address already in use"
    assert port_in_use(text, ["train.py", "--lr=1"]) == f"a port that it wants is in use: {text}"
    assert port_in_use("the port 8080 is open\nValueError: 98") == ""
    tried = "Address already in use: port 7860; trying 7861\n"
    assert port_in_use(f"{tried}{TRACEBACK}KeyError: 'loss'\n") == ""
    assert port_in_use(tried + "epoch\n" * 20) == ""


# What runs before the program


def test_a_setup_runs_first_in_the_same_place(runner, tmp_path):
    show = "import os; print(os.getcwd(), os.environ['HOMERUN_RUN_ID'], flush=True)"
    folder, end = runner.end(python(show), setup=python(show), cwd=str(tmp_path))
    assert (end.state, end.reason) == (RunState.FINISHED, "")
    assert folder.output.read_text() == f"{tmp_path} {folder.path.name}\n" * 2


def test_a_setup_that_fails_fails_the_run_with_a_reason(runner):
    fail = python("print('no data'); raise SystemExit(3)")
    folder, end = runner.end(["/bin/echo", "trained"], setup=fail)
    assert (end.state, end.exit_code) == (RunState.FAILED, 3)
    assert end.reason == "setup failed: exit code 3: no data"
    assert folder.output.read_text() == "no data\n"
    _, end = runner.end(["/bin/true"], setup=["no-such-program"])
    assert (end.state, end.exit_code) == (RunState.FAILED, 127)
    assert end.reason.startswith("setup failed: no-such-program was not started: there is no such")
    _, end = runner.end(["/bin/true"], setup=python("import os; os.kill(os.getpid(), 11)"))
    assert (end.state, end.reason) == (
        RunState.FAILED,
        "setup failed: died of signal 11 (SIGSEGV)",
    )


def test_words_of_the_setup_are_not_the_reason_of_the_program(runner):
    _, end = runner.end(["/bin/sh", "-c", "exit 4"], setup=["/bin/echo", "Address already in use"])
    assert (end.state, end.reason, end.exit_code) == (RunState.FAILED, "exit code 4", 4)


def test_a_setup_has_part_in_the_time_and_can_be_killed(runner):
    folder, end = runner.end(["/bin/true"], setup=["sleep", "60"], timeout_s=0.2)
    assert (end.state, end.reason) == (RunState.FAILED, "timeout after 0.2s, during its setup")
    folder, hand = runner.start(["/bin/true"], setup=["sleep", "60"])
    until(lambda: read_json(folder.path / "process.json"))
    hand.signal(signal.SIGTERM)
    end = runner.wait(folder, hand)
    assert end.state == RunState.KILLED
    assert end.reason.endswith(", during its setup")


def test_what_a_setup_leaves_running_lives_as_long_as_the_run(runner, home):
    serve = ["/bin/sh", "-c", "sleep 61 & echo $!"]
    ask = ["/bin/sh", "-c", 'kill -0 "$(cat "$WANDB_DIR/output.log")" && echo there']
    folder, end = runner.end(ask, setup=serve)
    assert end.state == RunState.FINISHED
    pid, said = folder.output.read_text().split()
    assert said == "there"
    until(lambda: int(pid) not in left_over(home))


def test_process_json_tells_of_the_program_after_its_setup(runner):
    folder, hand = runner.start(["sleep", "60"], setup=["/bin/true"])

    def program():
        who = parse_identity(str((read_json(folder.path / "process.json") or {}).get("program")))
        is_it = who and is_alive(who) and Path(f"/proc/{who.pid}/comm").read_text() == "sleep\n"
        return who if is_it else None

    os.kill(until(program).pid, signal.SIGKILL)
    end = runner.wait(folder, hand)
    assert end.reason.startswith("died of signal 9")


def test_a_supervisor_killed_during_the_setup_costs_that_run_alone(home, tmp_path):
    gate = tmp_path / "gate"
    wait = ["/bin/sh", "-c", f"until [ -e {gate} ]; do sleep 0.02; done"]
    with Store(home) as store:
        sweep = make_sweep(store, ["/bin/true"], values=2, homerun={"setup": wait})
        agent = start_agent(sweep)
        run = until(lambda: store.runs(states=[RunState.RUNNING]))[0]
        process = until(lambda: read_json(store.folder(run.id).path / "process.json"))
        os.kill(parse_identity(process["supervisor"]).pid, signal.SIGKILL)
        until(lambda: read_json(store.folder(run.id).path / "process.json") != process)
        gate.touch()
        agent.communicate(timeout=30)
        states = {run.state: run.reason for run in store.runs(sweep=sweep.id)}
    assert states == {
        "crashed": "its supervisor was killed, so its exit code is lost",
        "finished": "",
    }
    gone(home)


def test_the_setup_of_a_sweep_file():
    def setup(value):
        sweep = {"method": "grid", "program": "x.py", "parameters": {"n": {"value": 1}}}
        return from_dict({**sweep, "homerun": {"setup": value}}).settings.setup

    assert setup("bash prepare.sh 'a b'") == ("bash", "prepare.sh", "a b")
    assert setup(["bash", "-c", "make data"]) == ("bash", "-c", "make data")
    for wrong in ([], "", [1], {"a": 1}, "open 'quote", 3):
        with pytest.raises(SpecError, match="setup"):
            setup(wrong)


# One run fails, the queue goes on


def test_one_run_fails_with_a_reason_and_the_queue_goes_on(home, tmp_path):
    prepare = tmp_path / "prepare.sh"
    prepare.write_text("grep -q '\"n\": 1' $WANDB_DIR/config.json && echo no disk && exit 9; true")
    with Store(home) as store:
        sweep = make_sweep(
            store, ["/bin/echo"], values=3, homerun={"setup": ["/bin/sh", str(prepare)]}
        )
        work(store, sweep)
        runs = store.runs(sweep=sweep.id)
        assert [run.state for run in runs] == ["finished", "failed", "finished"]
        assert runs[1].reason == "setup failed: exit code 9: no disk"
        for argv in (["no-such-program"], [str(tmp_path / "bad")]):
            (tmp_path / "bad").write_text("#!/no/such/python\n")
            (tmp_path / "bad").chmod(0o755)
            sweep = make_sweep(store, argv, values=2)
            work(store, sweep)
            reasons = {run.reason for run in store.runs(sweep=sweep.id)}
            assert len(reasons) == 1
            assert "was not started: " in reasons.pop()
    gone(home)


def test_a_command_that_cannot_be_started_says_why(home, tmp_path):
    script = tmp_path / "bad"
    script.write_text("#!/no/such/python\n")
    script.chmod(0o755)
    done = start("run", "--", "no-such-program")
    assert (done.returncode, "there is no such program on the PATH" in done.stderr) == (127, True)
    done = start("run", "--", script)
    assert done.returncode == 126
    assert "its interpreter is missing, see its first line: #!/no/such/python" in done.stderr
