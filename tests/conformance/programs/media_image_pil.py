# media: an image of Pillow, and one from a file
# calls: Image
import wandb
from PIL import Image

with wandb.init(project="p") as run:
    picture = Image.new("RGB", (6, 4), (255, 0, 0))
    picture.save("red.png")
    run.log({"pil": wandb.Image(picture)})
    run.log({"file": wandb.Image("red.png")})
