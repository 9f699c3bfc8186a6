"""A program of its own: gives the run that stdin describes to the real wandb client.

It runs under whatever Python has that client, so it uses nothing of homerun. Each line of stdin is
a JSON array: the first is the run, then rows, the summary, files and the exit code. The last line
of stdout is JSON, too.
"""

import json
import sys

MISSING = 3  # exit code: this Python has no wandb


def main() -> int:
    """Upload the run; return the exit code."""
    sys.path.pop(0)  # the folder of this program
    try:
        import wandb  # noqa: PLC0415
    except ImportError:
        return MISSING
    lines = (json.loads(line) for line in sys.stdin)
    run = wandb.init(**next(lines)[1], resume="allow")
    exit_code = 0
    for kind, *content in lines:
        if kind == "row":
            step, time, values = content
            run.log({**values, "_timestamp": time}, step=step)
        elif kind == "summary":
            run.summary.update(content[0])
        elif kind == "file":
            path, base = content
            run.save(path, base_path=base, policy="now")
        elif kind == "end":
            exit_code = content[0]
    url = run.url
    run.finish(exit_code=exit_code)
    print(json.dumps({"url": url}))  # noqa: T201  the answer to who started this
    return 0


if __name__ == "__main__":
    sys.exit(main())
