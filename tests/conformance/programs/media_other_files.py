# media: point clouds and molecules, kept as files
# calls: Object3D, Molecule
from pathlib import Path

import wandb

with wandb.init(project="p") as run:
    Path("cube.obj").write_text("v 0 0 0\n")
    Path("water.pdb").write_text("ATOM\n")
    run.log({"cube": wandb.Object3D("cube.obj")})
    run.log({"water": wandb.Molecule("water.pdb")})
