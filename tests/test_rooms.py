"""A room is entered by the names that its `__init__` exports."""

import ast
from pathlib import Path

import homerun

ROOT = Path(homerun.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))


def imports(path):
    """Yield the modules of homerun that a file takes names from."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("homerun."):
            yield node.module


def test_nobody_reaches_behind_the_door_of_another_room():
    behind = [
        f"{path.relative_to(ROOT)}: {module}"
        for path in FILES
        for module in imports(path)
        if (parts := module.split(".")[1:])[0] != path.relative_to(ROOT).parts[0]
        and len(parts) > 1
        and path.parent != ROOT
        and not ROOT.joinpath(*parts, "__init__.py").exists()
    ]
    assert len(FILES) > 100
    assert behind == []
