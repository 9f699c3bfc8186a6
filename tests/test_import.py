"""Importing what W&B's own client, TensorBoard's own writer and fastgpu leave behind."""

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path
from zlib import crc32

import pytest

from homerun.compat.importing import Columns, Importer, Outcome, find_sources
from homerun.compat.importing.framing import FormatError, TFRecords, WandbLog
from homerun.core import RunState, UsageError
from homerun.store import Store, history_rows
from tests.cli_call import attempt, call
from tests.environments import environment

PROGRAM = """
import math, sys, wandb
run = wandb.init(project="digits", name="first", notes="a note", tags=["a", "b"], group="g",
                 job_type="train", id=sys.argv[1],
                 config={"lr": 0.1, "opt": {"name": "adam", "betas": [1, 2]}, "none": None,
                         "api_key": "s3cr3t-0123456789abcdef"})
run.define_metric("val/*", summary="min,max", step_metric="epoch")
for i in range(40):
    run.log({"loss": 1 / (i + 3), "i": i, "nest": {"a": i, "b": "x"}, "nan": math.nan,
             "big": 10**20, "val/err": i, "epoch": i // 4, "flag": True, "text": "ü" * i})
run.log({"late": 1}, step=100)
run.log({"wide": list(range(20000))})  # a record longer than a block
run.log({"table": wandb.Table(columns=["a", "b"], data=[[1, 2]])})
run.config.update({"lr": 0.2, "later": 5}, allow_val_change=True)
run.summary["best"] = 0.5
run.alert("title", "words")
print("said by the program")
open("saved.txt", "w").write("saved")
run.save("saved.txt")
if len(sys.argv) > 2:
    run.finish(exit_code=int(sys.argv[2]))
"""


def run_wandb(folder: Path, *arguments: str) -> Path:
    """Run the program under the real wandb, offline; return the folder with its run."""
    folder.mkdir()
    ours = ("WANDB_", "HOMERUN_", "PYTHONPATH")
    environ = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    environ |= {"WANDB_MODE": "offline", "HOME": str(folder), "WANDB_SILENT": "true"}
    (folder / "train.py").write_text(PROGRAM)
    subprocess.run(
        [environment("wandb"), "train.py", *arguments],
        cwd=folder,
        env=environ,
        check=True,
        capture_output=True,
    )
    return folder / "wandb"


@pytest.fixture(scope="module")
def offline(tmp_path_factory) -> Path:
    return run_wandb(tmp_path_factory.mktemp("wandb") / "work", "abcd1234")


def wandb_file(folder: Path) -> Path:
    return next(folder.glob("offline-run-*/*.wandb"))


def take(home: Path, *paths: Path) -> list[Outcome]:
    with Store(home) as store:
        importer = Importer(store)
        return [importer.take(s).outcome for s in find_sources(paths, columns=Columns())]


def points(store: Store, run_id: str, key: str) -> list[tuple[int, object]]:
    return [(step, row[key]) for step, _, row in history_rows(store, run_id) if key in row]


def test_an_offline_run_comes_whole(home, offline):
    assert take(home, offline) == [Outcome.ADDED]
    with Store(home) as store:
        run = store.run("abcd1234")
        assert (run.project, run.name, run.notes, run.tags) == (
            "digits",
            "first",
            "a note",
            ("a", "b"),
        )
        assert (run.group, run.job_type, run.state, run.exit_code) == ("g", "train", "finished", 0)
        assert run.config["lr"] == 0.2
        assert run.config["later"] == 5
        assert run.config["opt"] == {"name": "adam", "betas": [1, 2]}
        assert run.config["none"] is None
        assert points(store, run.id, "loss") == [(i, 1 / (i + 3)) for i in range(40)]
        assert points(store, run.id, "nest.a") == [(i, i) for i in range(40)]
        assert points(store, run.id, "text") == [(i, "ü" * i) for i in range(40)]
        assert points(store, run.id, "late") == [(100, 1)]
        assert points(store, run.id, "wide") == [(100, list(range(20000)))]
        assert all(value != value for _, value in points(store, run.id, "nan"))
        assert run.summary["best"] == 0.5
        assert run.summary["val/err"] == {"min": 0, "max": 39}
        assert run.started_at < run.ended_at
        assert run.metadata["imported"]["from"] == "wandb"
        folder = store.folder(run.id)
        assert b"said by the program" in folder.output.read_bytes()
        assert (folder.files / "saved.txt").read_text() == "saved"
        assert not (folder.files / "saved.txt").is_symlink()
        media = store.rows("SELECT path FROM file WHERE kind = 'media'")
        assert [json.loads((folder.files / path).read_text())["data"] for (path,) in media] == [
            [[1, 2]]
        ]
        assert store.rows("SELECT title, text FROM alert") == [("title", "words")]
        assert store.rows("SELECT count(*) FROM run WHERE open") == [(0,)]


def test_secrets_of_a_run_do_not_come_with_it(home, offline):
    take(home, offline)
    with Store(home) as store:
        assert "s3cr3t" not in json.dumps(store.run("abcd1234").config)
    for path in home.rglob("*"):
        assert not path.is_file() or b"s3cr3t-0123" not in path.read_bytes()


def test_importing_again_adds_nothing_from_wherever_it_lies(home, offline, tmp_path):
    take(home, offline)
    assert take(home, offline) == [Outcome.UNCHANGED]
    moved = shutil.copytree(offline, tmp_path / "moved", symlinks=True)
    assert take(home, moved) == [Outcome.UNCHANGED]
    assert take(home, wandb_file(offline)) == [Outcome.UNCHANGED]
    with Store(home) as store:
        assert len(store.runs()) == 1


def test_a_run_that_has_grown_is_brought_up_to_date(home, offline, tmp_path):
    grown = shutil.copytree(offline, tmp_path / "grown", symlinks=True)
    file = wandb_file(grown)
    whole = file.read_bytes()
    file.write_bytes(whole[:15_000])
    assert take(home, grown) == [Outcome.ADDED]
    with Store(home) as store:
        run = store.run("abcd1234")
        assert run.state == RunState.CRASHED
        assert run.metadata["imported"]["dropped"] == 1
        before = points(store, run.id, "loss")
        assert 0 < len(before) < 40
        assert before == [(i, 1 / (i + 3)) for i in range(len(before))]
        store.label(run.id, tags=["mine"])
    file.write_bytes(whole)
    assert take(home, grown) == [Outcome.UPDATED]
    with Store(home) as store:
        run = store.run("abcd1234")
        assert (run.number, run.state, run.tags) == (1, "finished", ("mine",))
        assert len(points(store, run.id, "loss")) == 40
        assert run.metadata["imported"]["dropped"] == 0


def test_a_failed_run_keeps_its_exit_code(home, tmp_path):
    take(home, run_wandb(tmp_path / "work", "failed01", "3"))
    with Store(home) as store:
        run = store.run("failed01")
    assert (run.state, run.exit_code, run.reason) == ("failed", 3, "exit code 3")


def test_a_taken_id_gets_a_number(home, offline):
    with Store(home) as store:
        store.add_run("abcd1234", project="other")
    assert take(home, offline) == [Outcome.ADDED]
    with Store(home) as store:
        assert store.run("abcd1234-2").project == "digits"
        assert store.run("abcd1234").project == "other"
    assert take(home, offline) == [Outcome.UNCHANGED]


def test_damaged_blocks_are_left_out_and_counted(offline, tmp_path):
    path = wandb_file(offline)
    whole = list(WandbLog(path))
    data = bytearray(path.read_bytes())
    data[40_000] ^= 255
    damaged = tmp_path / "run-x.wandb"
    damaged.write_bytes(data)
    log = WandbLog(damaged)
    kept = list(log)
    assert log.dropped >= 1
    assert 0 < len(kept) < len(whole)
    assert set(kept) <= set(whole)


@pytest.mark.parametrize("length", [0, 1, 32_753, 32_754, 32_755, 32_760, 32_761, 100_000])
def test_records_of_any_length_are_read_whole(length, tmp_path):
    """Write as doc/log_format.md of LevelDB says, whatever the rest of a block is."""
    records = [os.urandom(length), b"x" * 5, os.urandom(length)]
    data = bytearray(b":W&B\xe1\xbe\x00")
    for record in records:
        begin, rest = True, record
        while True:
            room = 32_768 - len(data) % 32_768
            if room < 7:
                data += bytes(room)
                continue
            part, rest = rest[: room - 7], rest[room - 7 :]
            kind = (1 if begin else 4) if not rest else (2 if begin else 3)
            checksum = crc32(bytes([kind]) + part)
            data += struct.pack("<IHB", checksum, len(part), kind) + part
            begin = False
            if not rest:
                break
    path = tmp_path / "run-x.wandb"
    path.write_bytes(data)
    log = WandbLog(path)
    assert [len(record) for record in log] == [length, 5, length]
    assert log.dropped == 0


def test_what_is_no_wandb_file_says_so(home, tmp_path):
    path = tmp_path / "run-x.wandb"
    path.write_text("something else")
    with pytest.raises(FormatError, match="no file of W&B"):
        take(home, path)
    done = attempt("import", path)
    assert done.returncode == 1
    assert "not imported" in done.stderr


def test_event_files_become_runs(home, tmp_path):
    logs = tmp_path / "logs"
    program = Path(__file__).with_name("tensorboard_program.py")
    subprocess.run([environment("tensorboard"), program, logs], check=True, capture_output=True)
    assert take(home, logs) == [Outcome.ADDED, Outcome.ADDED]
    assert take(home, logs) == [Outcome.UNCHANGED, Outcome.UNCHANGED]
    with Store(home) as store:
        run = store.run("one")
        assert run.project == "logs"
        assert run.config == {"lr": 0.001, "batch_size": 32, "model": "convnet", "fp16": True}
        singles = [struct.unpack("<f", struct.pack("<f", 1 / (i + 1)))[0] for i in range(5)]
        assert points(store, run.id, "loss") == list(enumerate(singles))
        assert points(store, run.id, "acc") == [(i, i / 2) for i in range(5)]
        assert points(store, run.id, "exact") == [(i * 10, i / 3) for i in range(5)]
        assert points(store, run.id, "count") == [(i, -i) for i in range(5)]
        assert points(store, run.id, "notes") == [(4, "a *note*")]
        times = {step: time for step, time, row in history_rows(store, run.id) if "loss" in row}
        assert times == {step: 1_700_000_000.0 + step for step in range(5)}
        assert run.metadata["tensorboard"]["left_out"] == {"picture": "image"}
    file = next((logs / "one").iterdir())
    whole = file.read_bytes()
    file.write_bytes(whole[:-9])
    log = TFRecords(file)
    kept = list(log)
    assert log.dropped == 1
    file.write_bytes(whole[:200] + bytes([whole[200] ^ 255]) + whole[201:])
    assert len(list(log)) <= len(kept)
    assert log.dropped == 1


FASTAI = """\
downloading\r 50%\r100%
epoch     train_loss  valid_loss  accuracy  time
0         1.223344    0.998877    0.601000  00:12
Epoch 2/2 : |----| 50.00%\r1         0.900000    0.800000    0.700000  01:02
epoch     train_loss  valid_loss  accuracy  time
0         0.500000    0.400000    0.850000  1:00:01
done
"""


def test_a_folder_of_fastgpu_becomes_runs(home, tmp_path):
    folder = tmp_path / "exps"
    for name in ("complete", "fail", "out", "to_run"):
        (folder / name).mkdir(parents=True)
    (folder / "complete" / "a.sh").write_text(
        "#!/bin/bash\n# python old.py --lr 9\n"
        "python train.py --lr 1e-3 --fp16 --arch=xresnet50 \\\n  --bs 64\n"
    )
    (folder / "fail" / "b.sh").write_text("python train.py --lr 3e-3\n")
    (folder / "fail" / "c.py").write_text("print()")
    (folder / "out" / "a.sh.stdout").write_text(FASTAI)
    (folder / "out" / "a.sh.exitcode").write_text("0")
    (folder / "out" / "b.sh.stdout").write_text("")
    (folder / "out" / "b.sh.stderr").write_text("ValueError: no\n")
    (folder / "out" / "b.sh.exitcode").write_text("3")
    (folder / "out" / "c.py.exitcode").write_text("[Errno 13] Permission denied: 'c.py'")
    assert take(home, folder) == [Outcome.ADDED] * 3
    assert take(home, folder) == [Outcome.UNCHANGED] * 3
    with Store(home) as store:
        good, bad, denied = store.runs()
        assert good.config == {"lr": 1e-3, "fp16": True, "arch": "xresnet50", "bs": 64}
        assert points(store, good.id, "valid_loss") == [(0, 0.998877), (1, 0.8), (2, 0.4)]
        assert points(store, good.id, "time") == [(0, 12.0), (1, 62.0), (2, 3601.0)]
        assert good.runtime_s == pytest.approx(12 + 62 + 3601)
        assert (good.state, good.project, good.name) == ("finished", "exps", "a.sh")
        assert store.folder(good.id).output.read_text().endswith("done\n")
        assert (bad.state, bad.exit_code, bad.config) == ("failed", 3, {"lr": 3e-3})
        assert (store.folder(bad.id).files / "b.sh.stderr").read_text() == "ValueError: no\n"
        assert (denied.state, denied.reason[:10]) == ("failed", "[Errno 13]")


def test_what_cannot_be_imported_says_what_can(home, tmp_path):
    with pytest.raises(UsageError, match="known are"):
        take(home, tmp_path)
    done = attempt("import", tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert attempt("import", tmp_path / "nowhere").returncode == 1
    assert attempt("import", tmp_path, "--from", "wandb").returncode == 2


def test_the_command_says_what_it_did(home, offline):
    dry = call("import", str(offline), "--dry-run")
    assert "1 run would be added" in dry.stdout
    assert (
        json.loads(call("import", str(offline), "--json", "-p", "mine").stdout)["runs"][0]["rows"]
        == 42
    )
    assert "1 run unchanged" in call("import", str(offline)).stdout
    with Store(home) as store:
        assert store.run("abcd1234").project == "mine"
