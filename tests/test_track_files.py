"""save, restore, log_code and run.dir."""

from pathlib import Path

import pytest

import homerun
from homerun.core import UsageError
from homerun.store import Store, settle


@pytest.fixture
def work(home, tmp_path, monkeypatch):
    path = tmp_path / "here"
    (path / "out" / "deep").mkdir(parents=True)
    for name in ("a.txt", "out/b.txt", "out/deep/c.txt"):
        (path / name).write_text(name)
    monkeypatch.chdir(path)
    return path


def kept(home):
    """Return {path below files/: kind} as the home knows it."""
    with Store(home) as store:
        settle(store)
        return dict(
            store.rows("SELECT path, kind FROM file WHERE path != 'requirements.txt' ORDER BY 1")
        )


@pytest.mark.parametrize(
    ("pattern", "base", "names"),
    [
        ("a.txt", None, ["a.txt"]),
        ("out/*", None, ["out/b.txt"]),
        ("out/**", None, ["out/b.txt", "out/deep/c.txt"]),
        ("out/**/*.txt", "out", ["b.txt", "deep/c.txt"]),
        ("{work}/out/b.txt", None, ["out/b.txt"]),
        ("{work}/out/b.txt", "{work}", ["out/b.txt"]),
        ("../here/a.txt", None, ["a.txt"]),
        ("nothing*", None, []),
    ],
)
def test_saved_files_keep_their_place_below_the_base(home, work, pattern, base, names, capsys):
    with homerun.init(project="p") as run:
        saved = run.save(
            pattern.format(work=work), base_path=base.format(work=work) if base else None
        )
        assert saved == [str(Path(run.dir) / name) for name in names]
    assert list(kept(home)) == names
    assert [Path(path).read_bytes().decode()[-5:] for path in saved] == [n[-5:] for n in names]
    assert ("no file matches" in capsys.readouterr().err) == (not names)


@pytest.mark.parametrize(
    ("policy", "expected"), [("now", "first"), ("live", "last"), ("end", "last")]
)
@pytest.mark.parametrize("how", ["in place", "replaced"])
def test_policies(home, work, policy, expected, how):
    with homerun.init(project="p") as run:
        (work / "model.pt").write_text("first")
        (path,) = run.save("model.pt", policy=policy)
        assert Path(path).read_text() == "first"
        if how == "replaced":
            (work / "new.pt").write_text("last")
            (work / "new.pt").replace("model.pt")
        else:
            (work / "model.pt").write_text("last")
    assert Path(path).read_text() == expected
    assert (work / "model.pt").read_text() == "last"


def test_a_file_that_the_program_removes_is_kept(home, work):
    with homerun.init(project="p") as run:
        (path,) = run.save("a.txt")
        (work / "a.txt").unlink()
    assert Path(path).read_text() == "a.txt"


def test_what_makes_no_sense(home, work):
    with homerun.init(project="p") as run:
        with pytest.raises(UsageError, match="use one of live, now, end"):
            run.save("a.txt", policy="never")
        with pytest.raises(UsageError, match="is not below"):
            run.save("../a.txt", base_path="out")
        for name in ("../../x", "/etc/passwd", "none.txt"):
            with pytest.raises(UsageError, match=r"is not below|no such file"):
                run.restore(name)


def test_what_is_put_into_the_runs_folder_belongs_to_it(home, work):
    with homerun.init(project="p") as run:
        Path(run.dir, "by hand").mkdir()
        Path(run.dir, "by hand", "x.bin").write_bytes(b"123")
    assert kept(home) == {"by hand/x.bin": "saved"}


def test_restore_from_this_and_another_run(home, work):
    with homerun.init(project="p", id="first") as run:
        homerun.save("out/b.txt")
    (work / "out" / "b.txt").unlink()
    with homerun.init(project="p") as run:
        with homerun.restore("out/b.txt", run_path="p/first") as file:
            assert file.read() == "out/b.txt"
        assert (work / "out" / "b.txt").exists()
        (work / "out" / "b.txt").write_text("mine")
        with run.restore("out/b.txt", run_path="first") as file:
            assert file.read() == "mine"
        with run.restore("out/b.txt", "first", replace=True) as file:
            assert file.read() == "out/b.txt"
        with run.restore("out/b.txt", "first", root="elsewhere") as file:
            assert file.name == "elsewhere/out/b.txt"


def test_source_code(home, work):
    (work / "train.py").write_text("x = 1\n")
    (work / "out" / "model.py").write_text("y = 2\n")
    (work / "big.py").write_text("z = 3\n" * 300_000)
    for folder in (".hidden", "env", "__pycache__"):
        (work / folder).mkdir()
        (work / folder / "skipped.py").write_text("")
    (work / "env" / "pyvenv.cfg").write_text("")
    with homerun.init(project="p") as run:
        assert len(run.log_code()) == 2
        homerun.log_code("out", include_fn=lambda path: path.endswith("b.txt"))
        homerun.log_code(".", exclude_fn=lambda path: "train" in path)
    assert kept(home) == dict.fromkeys(["code/b.txt", "code/out/model.py", "code/train.py"], "code")
