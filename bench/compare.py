#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Build knotcheck at a revision, and time it against the present one.

Both are built optimised; the runs of the two alternate, so that a machine that
changes its speed changes it for both.  Processor time is user plus system time
and memory the largest resident set, as the kernel accounts them to the finished
process (wait4).  A row shows medians, and the median of the ratios pair by
pair.  Verdicts have to be equal, and so do the counts without reductions, where
a scenario is small enough for such a search.

Exit status: 0 if both say the same; 1 if not; 2 if it could not start.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCENARIOS = ("openat_3_2_2", "bind_3_2_2", "free_two_calls", "four_targets",
             "exec_two_supervisors")
PROPOSAL = "pin_args"


@dataclass(frozen=True)
class Run:
    cpu_s: float
    rss_bytes: int
    states: int
    transitions: int
    verdict: str


def give_up(message: str) -> None:
    print(f"compare.sh: {message}", file=sys.stderr)
    sys.exit(2)


def git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        give_up(done.stderr.strip())
    return done.stdout.strip()


def build(source: Path) -> Path:
    """The program, optimised, of a checkout."""
    for command in (["cmake", "--preset", "release"],
                    ["cmake", "--build", "--preset", "release", "--target", "knotcheck"]):
        done = subprocess.run(command, cwd=source, capture_output=True, text=True)
        if done.returncode != 0:
            give_up(f"{source}: {' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return source / "build" / "release" / "knotcheck"


def checkout(revision: str) -> Path:
    commit = git("rev-parse", "--verify", f"{revision}^{{commit}}")
    path = ROOT / "build" / "compare" / commit[:12]
    if not path.exists():
        git("worktree", "prune")
        git("worktree", "add", "--detach", str(path), commit)
    return path


def measure(program: Path, scenario: Path, options: list[str]) -> Run:
    command = [str(program), "check", str(scenario), "--proposal", PROPOSAL, "--traces", "none",
               "--shortest-states", "0",
               "--threads", "1", "--jobs", "1", "--quiet", *options]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        said.seek(0)
        text = said.read()
    # A row is cut into lines of 80 columns; its numbers stand in the first one.
    row = re.search(rf"^  \S+ +{PROPOSAL} +(.*?) +(\d+) +(\d+)\n((?: .*\n)*)", text, re.MULTILINE)
    if row is None:
        give_up(f"{' '.join(command)}: status {os.waitstatus_to_exitcode(status)}\n{text}")
    verdict = " ".join(f"{row[1]} {row[4]}".split())
    return Run(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, int(row[2]), int(row[3]),
               verdict)


def mib(size: float) -> str:
    return f"{size / (1 << 20):.0f}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="compare.sh", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision", help="what to compare with, as git knows it")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO",
                        help=f"of bench/scenarios (default: {' '.join(SCENARIOS)})")
    parser.add_argument("--runs", type=int, default=5, help="of each, counted (default: 5)")
    parser.add_argument("--unreduced", action="store_true",
                        help="compare counts without reductions, too, up to --most states")
    parser.add_argument("--most", type=int, default=20_000_000, metavar="STATES")
    a = parser.parse_args()
    if a.runs < 1:
        give_up(f"--runs {a.runs}: expected 1 or more")
    names = a.scenarios or list(SCENARIOS)
    files = [ROOT / "bench" / "scenarios" / f"{name}.scn" for name in names]
    for file in files:
        if not file.exists():
            give_up(f"{file.relative_to(ROOT)} is not there")
    then, now = build(checkout(a.revision)), build(ROOT)
    same = True
    print("| scenario | states then | now | s then | now | ratio | MiB then | now |")
    print("|---|---|---|---|---|---|---|---|")
    for name, file in zip(names, files):
        before, after = [], []
        for _ in range(a.runs):
            before.append(measure(then, file, []))
            after.append(measure(now, file, []))
        ratio = statistics.median(b.cpu_s / n.cpu_s for b, n in zip(before, after))
        b, n = before[0], after[0]
        print(f"| {name} | {b.states:,} | {n.states:,} "
              f"| {statistics.median(r.cpu_s for r in before):.2f} "
              f"| {statistics.median(r.cpu_s for r in after):.2f} | {ratio:.2f} "
              f"| {mib(max(r.rss_bytes for r in before))} "
              f"| {mib(max(r.rss_bytes for r in after))} |", flush=True)
        if b.verdict != n.verdict:
            same = False
            print(f"{name}: then {b.verdict}\n{name}: now {n.verdict}")
        if a.unreduced:
            options = ["--reduce", "none", "--max-states", str(a.most)]
            b, n = measure(then, file, options), measure(now, file, options)
            counts = (b.states, b.transitions) == (n.states, n.transitions)
            same &= counts and b.verdict == n.verdict
            print(f"{name} without reductions: {b.states:,} states, {b.transitions:,} transitions; "
                  f"{'the same' if counts else f'now {n.states:,}, {n.transitions:,}'}", flush=True)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
