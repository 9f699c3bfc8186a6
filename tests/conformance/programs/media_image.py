# media: images from arrays, with captions
# calls: Image
# differs: runs.0.rows.2.several.sha256: absent -> "#" | the record tells more
# differs: runs.0.summary.several.sha256: absent -> "#" | the record tells more
import numpy as np
import wandb

with wandb.init(project="p") as run:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    run.log({"one": wandb.Image(pixels, caption="first")})
    run.log(
        {"grey": wandb.Image(np.zeros((3, 5), np.uint8)), "mode": wandb.Image(pixels, mode="RGB")}
    )
    run.log({"several": [wandb.Image(pixels, caption="a"), wandb.Image(pixels, caption="b")]})
