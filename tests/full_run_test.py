#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""full_run_test.py: the last run of ./dev test --all, docs/runs/all.log, passed, and is of one of the
last fifty commits. Skipped (77) where there is no log yet, and no history to count in."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOG = ROOT / "docs/runs/all.log"
MOST = 50
RUN_AGAIN = "run ./dev test --all and commit docs/runs/all.log"


def git(*arguments: str) -> str | None:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True,
                          check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def complaint(log: str, age: int | None) -> str | None:
    """What is wrong with the log, of a commit so many before this one; None: nothing."""
    if not re.match(r"commit [0-9a-f]{40}, \d{4}-\d\d-\d\d, KNOT_SEEDS \d+\n", log):
        return "found no commit, date and KNOT_SEEDS in its first line"
    if not re.search(r"^== all passed in \d+ s$", log, re.M):
        return "found no 'all passed'"
    if age is None:
        return "found a commit that this one does not come from"
    return f"found a run {age} commits ago, expected at most {MOST}" if age > MOST else None


def main() -> int:
    good = f"commit {'a' * 40}, 2026-11-29, KNOT_SEEDS 9\n== all passed in 3 s\n"
    assert complaint(good, MOST) is None
    for log, age in ((good, MOST + 1), (good, None), (good[1:], 0), (good[:80], 0)):
        assert complaint(log, age) is not None, (log, age)

    if not LOG.is_file():
        print(f"found no {LOG.relative_to(ROOT)}, so nothing to hold: {RUN_AGAIN}")
        return 77
    log = LOG.read_text()
    if git("rev-parse", "--is-shallow-repository") != "false":
        print("no history to count commits in")
        return 77
    commit = (log.split() or ["", ""])[1].rstrip(",")
    ancestor = git("merge-base", "--is-ancestor", commit, "HEAD") is not None
    age = git("rev-list", "--count", f"{commit}..HEAD") if ancestor else None
    problem = complaint(log, int(age) if age is not None else None)
    if problem:
        print(f"{LOG.relative_to(ROOT)}: {problem}: {RUN_AGAIN}")
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
