"""Shapes in space: point clouds with boxes, meshes and molecules."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homerun.core import MissingExtraError, UsageError
from homerun.track.media.arrays import is_array, to_numpy, to_plain
from homerun.track.media.files import Media, Place, Record, existing_file, save_file

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_MESHES = ("obj", "gltf", "glb", "babylon", "stl", "pts.json")
_MOLECULES = ("pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "gro", "mol2", "mmtf")
_CLOUD = "lidar/beta"  # W&B's one type of point cloud with boxes


class Object3D(Media):
    """Points [n, 3 (x y z), 4 (and category 1 to 14) or 6 (and r g b)], or a file of a mesh.

    Files may be paths, open files, or file objects with file_type=.
    """

    def __init__(
        self, data_or_path: Any, caption: str | None = None, file_type: str | None = None
    ) -> None:
        self.caption = caption
        self._suffix = "pts.json"
        if isinstance(data_or_path, Mapping):
            self._content: bytes | Path = _scene(data_or_path)
        elif is_array(data_or_path):
            self._content = _points(data_or_path)
        else:
            self._content, self._suffix = _file_of(data_or_path, file_type, _MESHES, "Object3D")

    @classmethod
    def from_file(cls, data_or_path: Any, file_type: str | None = None) -> Object3D:
        """Return the object in a file; a file object needs its file_type."""
        return cls(data_or_path, file_type=file_type)

    @classmethod
    def from_numpy(cls, data: Any) -> Object3D:
        """Return a point cloud of an array [n, 3, 4 or 6]."""
        return cls(to_numpy(data))

    @classmethod
    def from_point_cloud(
        cls,
        points: Sequence[Any],
        boxes: Sequence[Any],
        vectors: Sequence[Any] | None = None,
        point_cloud_type: str = _CLOUD,
    ) -> Object3D:
        """Return points with boxes around some of them, see box3d, and arrows (start, end)."""
        scene = {"points": points, "boxes": boxes, "vectors": [] if vectors is None else vectors}
        return cls({"type": point_cloud_type, **scene})

    def save(self, folder: Path, key: str, step: int) -> Record:
        """Write the object; return W&B's `object3D-file` record."""
        return _save(
            self._content, Place(folder, key, step), "object3D", self._suffix, self.caption
        )


class Molecule(Media):
    """A molecule in a file: pdb, pqr, mmcif, mcif, cif, sdf, sd, gro, mol2 or mmtf.

    Files may be paths, open files, or file objects with file_type=.
    """

    def __init__(
        self, data_or_path: Any, caption: str | None = None, file_type: str | None = None
    ) -> None:
        self.caption = caption
        self._content, self._suffix = _file_of(data_or_path, file_type, _MOLECULES, "Molecule")

    @classmethod
    def from_rdkit(
        cls,
        data_or_path: Any,
        caption: str | None = None,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Molecule:
        """Return the molecule of an RDKit object, or of a mol or sdf file; needs rdkit."""
        chem = _rdkit("from_rdkit")
        molecule = data_or_path
        if isinstance(data_or_path, (str, Path)):
            path = existing_file(data_or_path, "Molecule.from_rdkit")
            reads_many = path.suffix == ".sdf"
            molecule = (
                next(iter(chem.SDMolSupplier(str(path))))
                if reads_many
                else chem.MolFromMolFile(str(path))
            )
        if not isinstance(molecule, chem.Mol):
            raise UsageError(
                f"Molecule.from_rdkit cannot read {data_or_path!r}; give a mol or sdf file or a Mol"
            )
        if convert_to_3d_and_optimize:
            all_chem = import_module("rdkit.Chem.AllChem")
            molecule = chem.AddHs(molecule)
            all_chem.EmbedMolecule(molecule)
            all_chem.MMFFOptimizeMolecule(molecule, maxIters=mmff_optimize_molecule_max_iterations)
        return cls(io.StringIO(chem.MolToPDBBlock(molecule)), caption, file_type="pdb")

    @classmethod
    def from_smiles(
        cls,
        data: str,
        caption: str | None = None,
        sanitize: bool = True,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Molecule:
        """Return the molecule that a SMILES text describes; needs rdkit."""
        molecule = _rdkit("from_smiles").MolFromSmiles(data, sanitize=sanitize)
        if molecule is None:
            raise UsageError(f"Molecule.from_smiles cannot read {data!r}; give a SMILES text")
        return cls.from_rdkit(
            molecule, caption, convert_to_3d_and_optimize, mmff_optimize_molecule_max_iterations
        )

    def save(self, folder: Path, key: str, step: int) -> Record:
        """Write the molecule; return W&B's `molecule-file` record."""
        return _save(
            self._content, Place(folder, key, step), "molecule", self._suffix, self.caption
        )


def box3d(
    *,
    center: ArrayLike,
    size: ArrayLike,
    orientation: ArrayLike,
    color: Sequence[float],
    label: str | None = None,
    score: float | None = None,
) -> dict[str, Any]:
    """Return a box for Object3D.from_point_cloud.

    `orientation`: a quaternion [r, x, y, z], not zero; `color`: (r, g, b), each from 0 to 1.
    """
    parts = {"center": (center, 3), "size": (size, 3), "orientation": (orientation, 4)}
    arrays = {name: to_numpy(value).astype("float64") for name, (value, _) in parts.items()}
    for name, (_, length) in parts.items():
        if arrays[name].shape != (length,):
            raise UsageError(f"box3d: {name} has shape {arrays[name].shape}; give {length} numbers")
    if not arrays["orientation"].any():
        raise UsageError("box3d: orientation is zero; give a quaternion [r, x, y, z]")
    signs = to_numpy(list(itertools.product((-1, 1), repeat=3)))
    corners = arrays["center"] + (arrays["size"] / 2 * signs) @ _rotation(arrays["orientation"])
    return {"corners": corners.tolist(), "color": tuple(color), "label": label, "score": score}


def _rotation(quaternion: NDArray[Any]) -> NDArray[Any]:
    """Return the matrix that turns rows of points (`points @ matrix`) by a quaternion."""
    r, i, j, k = quaternion / (quaternion**2).sum() ** 0.5
    return to_numpy(
        [
            [1 - 2 * (j * j + k * k), 2 * (i * j + k * r), 2 * (i * k - j * r)],
            [2 * (i * j - k * r), 1 - 2 * (i * i + k * k), 2 * (j * k + i * r)],
            [2 * (i * k + j * r), 2 * (j * k - i * r), 1 - 2 * (i * i + j * j)],
        ]
    )


def _points(data: Any) -> bytes:
    points = to_numpy(data)
    if points.ndim != 2 or points.shape[1] not in {3, 4, 6}:
        raise UsageError(
            f"Object3D has shape {points.shape}; give points [n, 3 (x y z), 4 (and category) or 6 "
            "(and r g b)]"
        )
    return json.dumps(points.tolist()).encode()


def _scene(scene: Mapping[str, Any]) -> bytes:
    if scene.get("type") != _CLOUD:
        raise UsageError(f"Object3D has type {scene.get('type')!r}; use {_CLOUD!r}")
    parts = {name: to_plain(scene.get(name, ())) for name in ("vectors", "points", "boxes")}
    return json.dumps({"type": _CLOUD, **parts}).encode()


def _file_of(
    source: Any, file_type: str | None, types: Sequence[str], what: str
) -> tuple[bytes | Path, str]:
    """Return the file or its content, and which of the types it has."""
    if not isinstance(source, Path) and isinstance(getattr(source, "name", None), str):
        source = source.name  # an open file
    if hasattr(source, "read"):
        suffix = (file_type or "").lower().lstrip(".")
        if suffix not in types:
            raise UsageError(f"{what}: file_type is {file_type!r}; use one of {', '.join(types)}")
        if hasattr(source, "seek"):
            source.seek(0)
        content = source.read()
        return content.encode() if isinstance(content, str) else content, suffix
    if not isinstance(source, (str, Path)):
        raise UsageError(f"{what} cannot be made of {type(source).__name__}; give a path or a file")
    name = str(source).lower()
    suffix = next((suffix for suffix in types if name.endswith(f".{suffix}")), "")
    if not suffix:
        raise UsageError(f"{what}: {str(source)!r} is no file of a type {', '.join(types)}")
    return existing_file(source, what), suffix


def _save(
    content: bytes | Path, place: Place, kind: str, suffix: str, caption: str | None
) -> Record:
    record = {"_type": f"{kind}-file", **save_file(content, place, kind=kind, suffix=suffix)}
    return record if caption is None else {**record, "caption": caption}


def _rdkit(function: str) -> Any:
    try:
        return import_module("rdkit.Chem")
    except ImportError:
        raise MissingExtraError(f"Molecule.{function} needs rdkit: pip install rdkit") from None
