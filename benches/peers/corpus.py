"""The CloudTrail files every program can read: in, a generated corpus; out, a folder of hard links.

The peers give up on the first truncated, non-UTF-8 or otherwise odd file, so the files that
`truth.json` lists as odd are left out, for ecs-audit too: all read the same bytes.
"""

import json
import os
import shutil
from pathlib import Path


def read_truth(corpus):
    path = Path(corpus) / "truth.json"
    try:
        truth = json.loads(path.read_text())
    except OSError as error:
        raise SystemExit(f"error: cannot read {path}: {error.strerror}\n"
                         "  = --corpus is the folder the corpus generator wrote (truth.json and tree/)") from error
    return truth


def link_clean_files(corpus, truth, target):
    """Fills `target` with links to the files that are not odd; returns the bytes they hold compressed."""
    tree = Path(corpus) / "tree"
    odd = {entry["path"] for entry in truth["odd_files"]}
    shutil.rmtree(target, ignore_errors=True)
    compressed = 0
    for path in sorted((tree / "cloudtrail" / "AWSLogs").rglob("*.json.gz")):
        name = path.relative_to(tree)
        if name.as_posix() in odd:
            continue
        link_or_copy(path, target / name.relative_to("cloudtrail"))
        compressed += path.stat().st_size
    return compressed


def link_or_copy(path, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, target)
    except OSError:  # another file system
        shutil.copy2(path, target)
