# media: sound
# calls: Audio
# differs: runs.0.rows.0.beep.duration_s: absent -> 0.1 | the record tells more
# differs: runs.0.summary.beep.duration_s: absent -> 0.1 | the record tells more
# differs: runs.0.rows.0.beep.sample_rate: absent -> 8000 | the record tells more
# differs: runs.0.summary.beep.sample_rate: absent -> 8000 | the record tells more
import numpy as np
import wandb

with wandb.init(project="p") as run:
    wave = np.sin(np.arange(800) / 10).astype(np.float32)
    run.log({"beep": wandb.Audio(wave, sample_rate=8000, caption="a beep")})
