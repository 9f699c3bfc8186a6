"""What a start costs: `import homerun` loads nearly nothing, init no library of data science."""

import ast
import json
from pathlib import Path

import pytest

import homerun
from tests.track_program import call

HEAVY = {"pandas", "numpy", "sklearn", "click", "rich", "psutil", "yaml", "torch", "matplotlib"}


def loaded(code):
    out, _ = call(f"{code}\nimport json, sys\nprint(json.dumps(list(sys.modules)))")
    return set(json.loads(out.splitlines()[-1]))


def test_import_loads_nothing_of_weight():
    modules = loaded("import homerun") - loaded("pass")
    assert not modules & (HEAVY | {"sqlite3", "msgpack", "subprocess", "dataclasses", "typing"})
    assert {name for name in modules if name.startswith("homerun")} == {"homerun"}


def test_a_run_loads_no_library_that_it_does_not_need(home):
    modules = loaded("import homerun\nwith homerun.init(project='p') as run: run.log({'a': 1})")
    rooms = {
        "homerun.store.frames",
        "homerun.track.media",
        "homerun.spec",
        "homerun.devices.system",
    }
    assert not modules & (HEAVY | rooms)


def test_every_public_name_is_there_and_known_to_dir():
    for name in homerun.__all__:
        assert getattr(homerun, name) is not None
        assert name in dir(homerun)
    assert {"run", "config", "summary", "__version__"} <= set(dir(homerun))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = homerun.nothing
    assert len(homerun.generate_id()) == 8
    assert homerun.Run.__name__ == "ActiveRun"


def test_names_can_be_imported_before_init(home):
    call(
        """
        from homerun import config, finish, init, log, summary
        init(project="p", config={"lr": 1})
        log({"a": config.lr})
        assert summary["a"] == 1
        finish()
        """
    )


def test_type_checkers_see_every_public_name():
    """They read the imports that are never executed; `make lint` checks those themselves."""
    tree = ast.parse(Path(homerun.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    names = {alias.asname or alias.name for node in imports for alias in node.names}
    assert names == set(homerun.__all__)
