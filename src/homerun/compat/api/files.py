"""The files of a run."""

import hashlib
import mimetypes
import os
import shutil
from base64 import b64encode
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TextIO

from homerun.compat.api.errors import CommError
from homerun.compat.api.place import Place
from homerun.compat.api.reading import Listed, iso
from homerun.core import UsageError
from homerun.store import add_file, files_of, remove_file, run_folder

_OUTPUT = "output.log"  # lies beside the folder of files, and W&B lists it among them


class File:
    """One file of a run; `name` is its path in the run's folder."""

    def __init__(self, place: Place, run_id: str, name: str) -> None:
        self._place = place
        self._run_id = run_id
        self.name = name

    def __repr__(self) -> str:
        return f"<File {self.name} ({self.mimetype}) {self.size} bytes>"

    @classmethod
    def upload(cls, place: Place, run_id: str, path: str, root: str) -> "File":
        """Copy a file into the folder of a run, under its path below `root`, and record it."""
        source = Path(path)
        if not source.is_file():
            raise UsageError(f"upload_file({path!r}): there is no such file")
        name = Path(os.path.relpath(source, root)).as_posix()
        file = cls(place, run_id, name)
        target = file._inside()
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o600)
        with place.store() as store:
            add_file(store, run_id, name, target.stat().st_size)
        return file

    @property
    def path(self) -> Path:
        """Return where the file lies in the home."""
        folder = run_folder(self._place.home, self._run_id)
        inner = self._inside()
        return folder.output if self.name == _OUTPUT and not inner.exists() else inner

    @property
    def size(self) -> int:
        """Return the length in bytes, 0 when the file is not there."""
        return self.path.stat().st_size if self.path.is_file() else 0

    sizeBytes = size  # noqa: N815  W&B's name

    @property
    def mimetype(self) -> str:
        """Return the kind of content, as its name tells."""
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"

    @property
    def md5(self) -> str:
        """Return the MD5 of the content, in base64 as W&B's."""
        return b64encode(
            hashlib.md5(self._there().read_bytes(), usedforsecurity=False).digest()
        ).decode()

    @property
    def updated_at(self) -> str:
        """Return when it was last written, as `2026-01-31T12:00:00Z`."""
        return iso(self._there().stat().st_mtime)

    updatedAt = updated_at  # noqa: N815

    @property
    def url(self) -> str:
        """Return the address of the file on this machine."""
        return self.path.as_uri()

    direct_url = path_uri = url

    def download(
        self,
        root: str | os.PathLike[str] = ".",
        replace: bool = False,
        exist_ok: bool = False,
        api: object = None,  # noqa: ARG002  W&B's
    ) -> TextIO:
        """Copy the file below the folder `root` and return the copy, open for reading.

        One that is there already is an error, unless it may be replaced or may stay (`exist_ok`).
        """
        source = self._there()
        target = Path(root) / self.name
        if target.exists() and not replace:
            if not exist_ok:
                raise UsageError(
                    f"{target} exists already; give replace=True to overwrite it or "
                    "exist_ok=True to use it"
                )
            return target.open()
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        return target.open()

    def delete(self) -> None:
        """Remove the file from the run."""
        self._there().unlink()
        with self._place.store() as store:
            remove_file(store, self._run_id, self.name)

    def _there(self) -> Path:
        if not self.path.is_file():
            raise CommError(
                f"run {self._run_id} has no file {self.name!r}; run.files() lists those it has"
            )
        return self.path

    def _inside(self) -> Path:
        """Return the path in the run's folder; a name that leads elsewhere is an error."""
        folder = run_folder(self._place.home, self._run_id).files
        inner = os.path.relpath(folder / self.name, folder)
        if inner.startswith("..") or Path(self.name).is_absolute():
            raise UsageError(
                f"the file {self.name!r} would lie outside of the run; give root= a folder above it"
            )
        return folder / inner


class Files(Listed[File]):
    """The files of a run."""

    def __init__(
        self,
        place: Place,
        run_id: str,
        names: Sequence[str] | None = None,
        *,
        per_page: int = 50,
        pattern: str | None = None,
    ) -> None:
        self._place = place
        self._run_id = run_id
        self._names = [names] if isinstance(names, str) else names
        self._pattern = pattern
        self.per_page = per_page

    def __repr__(self) -> str:
        return f"<Files {self._run_id} ({len(self)})>"

    def _read(self) -> list[File]:
        with self._place.settled() as store:
            names = {entry.path for entry in files_of(store, self._run_id)}
        if run_folder(self._place.home, self._run_id).output.is_file():
            names.add(_OUTPUT)
        found = (File(self._place, self._run_id, name) for name in sorted(names))
        return [file for file in found if self._is_wanted(file)]

    def _is_wanted(self, file: File) -> bool:
        if self._names and file.name not in self._names:
            return False
        pattern = (self._pattern or "%").replace("%", "*")  # W&B's are those of SQL
        return fnmatchcase(file.name, pattern) and file.path.is_file()
