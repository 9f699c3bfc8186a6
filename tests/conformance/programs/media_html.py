# media: pages
# calls: Html
from pathlib import Path

import wandb

with wandb.init(project="p") as run:
    run.log({"page": wandb.Html("<p>hello</p>", inject=False)})
    Path("own.html").write_text("<b>file</b>")
    run.log({"file": wandb.Html("own.html", inject=False)})
