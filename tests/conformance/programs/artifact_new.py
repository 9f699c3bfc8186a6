# artifacts: made of files, a folder, text and references
# calls: Artifact, Artifact.add_file, Artifact.add_dir, Artifact.new_file, Artifact.add_reference, run.log_artifact
from pathlib import Path

import wandb

Path("data").mkdir()
Path("data/a.txt").write_text("aa")
Path("data/b.txt").write_text("bbb")
Path("single.txt").write_text("s")
with wandb.init(project="p", id="maker") as run:
    artifact = wandb.Artifact("set", type="dataset", description="two files", metadata={"n": 2})
    artifact.add_dir("data")
    artifact.add_file("single.txt", name="renamed.txt")
    with artifact.new_file("new.txt") as file:
        file.write("hello")
    artifact.add_reference("https://example.com/x.bin", name="ref.bin", checksum=False)
    print(artifact.name, artifact.type, sorted(artifact.manifest.entries))
    run.log_artifact(artifact, aliases=["best"])
