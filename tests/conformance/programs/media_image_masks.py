# media: masks and boxes on an image
# calls: Image, Image(masks=), Image(boxes=)
# differs: runs.0.rows.0.masked.masks.truth.class_labels: absent -> {"0": "no", "1": "yes"} | the record tells more
# differs: runs.0.summary.masked.masks.truth.class_labels: absent -> {"0": "no", "1": "yes"} | the record tells more
# differs: runs.0.rows.1.boxed.boxes.guess.class_labels: absent -> {"1": "leaf"} | the record tells more
# differs: runs.0.summary.boxed.boxes.guess.class_labels: absent -> {"1": "leaf"} | the record tells more
# differs: runs.0.files.media/images/mask/masked_0_#.mask.png: "" -> absent | a mask is called .png
# differs: runs.0.files.media/images/mask/masked_0_#.png: absent -> "" | a mask is called .png
# differs: runs.0.rows.0.masked.masks.truth.path: * -> "media/images/mask/masked_0_#.png" | a mask is called .png
# differs: runs.0.summary.masked.masks.truth.path: * -> "media/images/mask/masked_0_#.png" | a mask is called .png
import numpy as np
import wandb

with wandb.init(project="p") as run:
    pixels = np.zeros((4, 4, 3), np.uint8)
    mask = np.array([[0, 1, 1, 0]] * 4)
    box = {
        "position": {"minX": 0.1, "maxX": 0.2, "minY": 0.3, "maxY": 0.4},
        "class_id": 1,
        "box_caption": "leaf",
        "scores": {"acc": 0.5},
    }
    run.log(
        {
            "masked": wandb.Image(
                pixels, masks={"truth": {"mask_data": mask, "class_labels": {0: "no", 1: "yes"}}}
            )
        }
    )
    run.log(
        {
            "boxed": wandb.Image(
                pixels, boxes={"guess": {"box_data": [box], "class_labels": {1: "leaf"}}}
            )
        }
    )
