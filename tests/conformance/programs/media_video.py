# media: a film from a file
# calls: Video
# differs: runs.0.rows.0.film.format: absent -> "mp4" | the record tells more
# differs: runs.0.summary.film.format: absent -> "mp4" | the record tells more
from pathlib import Path

import wandb

with wandb.init(project="p") as run:
    Path("film.mp4").write_bytes(b"not really a film")
    run.log({"film": wandb.Video("film.mp4", format="mp4", caption="a film")})
