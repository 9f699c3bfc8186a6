"""Functions of the user that a sweep file names: found, called, and blamed by name."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any

from homerun.core import HomerunError, MissingExtraError, SpecError

Function = Callable[..., Any]


def function_of_module(place: str, folder: str, blame: str) -> Function:
    """Return the function `module:name`; a module in the folder goes before an installed one.

    `blame` begins every error.
    """
    name, _, function = place.partition(":")
    found = PathFinder.find_spec(name, [folder]) if "." not in name else None
    with calling(blame, folder):
        try:
            module = import_module(name) if found is None else _loaded(found)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            raise SpecError(
                f"{blame}: there is no module {error.name} in {folder}, nor is one installed; "
                f"write the function into {Path(folder, name.replace('.', '/'))}.py"
            ) from None
    return _attribute(module, function, blame)


def function_of_file(source: str, function: str, folder: str, blame: str) -> Function:
    """Return a function of a Python file; a relative path starts at the folder."""
    path = Path(folder, source).resolve()
    found = spec_from_file_location(path.stem, path)
    if found is None or found.loader is None or not path.is_file():
        raise SpecError(f"{blame}: there is no Python file {path}; give the path of one")
    with calling(blame, folder):
        module = _loaded(found)
    return _attribute(module, function, blame)


@contextmanager
def calling(blame: str, folder: str) -> Iterator[None]:
    """Run code that is not ours with the folder on the path; what it raises names the culprit."""
    sys.path.insert(0, folder)
    try:
        yield
    except HomerunError:
        raise
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{blame} needs: pip install {error.name}") from error
    except Exception as error:
        last = extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        text = " ".join(str(error).split())
        raise SpecError(f"{blame}: {type(error).__name__}: {text} ({where})") from error
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _loaded(found: ModuleSpec) -> ModuleType:
    """Return the module of a file; two sweeps may have different ones of the same name."""
    digest = sha256(str(found.origin).encode()).hexdigest()[:12]
    name = f"_homerun_{found.name}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    places = found.submodule_search_locations
    own = spec_from_file_location(name, found.origin, submodule_search_locations=places)
    if own is None or own.loader is None:
        raise ImportError(f"{found.origin} cannot be imported")
    module = sys.modules[name] = module_from_spec(own)
    try:
        own.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _attribute(module: ModuleType, name: str, blame: str) -> Function:
    found = getattr(module, name, None)
    if callable(found):
        return found  # type: ignore[no-any-return]
    what = "is no function" if hasattr(module, name) else "is not there"
    raise SpecError(f"{blame}: {name} {what} in {module.__file__}; name a function of it")
