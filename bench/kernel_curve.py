#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How states and time of the kernel model grow with the size of a scenario.

Writes scenarios of N tracees, S supervisor threads, G signals and W words of
each argument, lets knotcheck exhaust them, and prints a Markdown table.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Optional

OPENAT = {1: ("/ok", "/evil"), 2: ("/allowed/b", "/forbidden"),
          3: ("/some/allowed/path", "/some/forbidden/one")}


def scenario(call: str, tracees: int, supervisors: int, signals: int,
             words: int, peers: int = 1) -> str:
    lines = ["# name:     bench/curve", "# question: How large is it?",
             "# source:   none", "# result:   baseline=? pin_args=?", ""]
    if call == "openat":
        good, bad = OPENAT[words]
        lines.append(f'memory arg = "{good}" | "{bad}"')
        body = "openat(AT_FDCWD, arg, O_RDONLY)"
        policy = f'allow openat if path == "{good}", else EACCES'
    else:
        good, bad = "g" * (8 * words - 2), "b" * (8 * words - 2)
        lines.append(f'memory arg = bytes "{good}" | "{bad}"')
        body = f"bind(sock, arg, {len(good)})"
        policy = f'allow bind if addr == "{good}", else EACCES'
    names = [f"T{i}" for i in range(1, tracees + 1)]
    lines += [f"target {name} {{ {body} }}" for name in names]
    lines += [f"peer P{i} shares memory with T1" for i in range(1, peers + 1)]
    lines.append(f"supervisor S[{supervisors}] {{ policy: {policy} }}"
                 if supervisors > 1 else
                 f"supervisor S {{ policy: {policy} }}")
    if signals:
        lines.append(f"signals to T1: {signals}, handler restarts")
    return "\n".join(lines) + "\n"


def measure(knotcheck: Path, text: str, proposal: str, options: list[str],
            timeout: float) -> Optional[tuple[dict, float, int]]:
    """The result, processor seconds and peak memory; None: not in time."""
    with tempfile.TemporaryDirectory(prefix="kernel_curve_") as name:
        file, out = Path(name) / "curve.scn", Path(name) / "out.json"
        file.write_text(text)
        process = subprocess.Popen(
            [str(knotcheck), "check", str(file), "--proposal", proposal,
             "--traces", "none", "--quiet", "--shortest-states", "0",
             "--json", str(out), *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        timer = subprocess.Popen(["sleep", str(timeout)])
        while True:
            pid, status, usage = os.wait4(-1, 0)
            if pid == timer.pid:
                process.terminate()
                os.wait4(process.pid, 0)
                return None
            if pid == process.pid:
                break
        timer.kill()
        timer.wait()
        if os.waitstatus_to_exitcode(status) not in (0, 1):
            assert process.stderr is not None
            sys.exit(process.stderr.read().decode())
        result = json.loads(out.read_text())["results"][0]
        return result, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("knotcheck", type=Path)
    parser.add_argument("--proposal", default="pin_args")
    parser.add_argument("--call", default="openat", choices=["openat", "bind"])
    parser.add_argument("--sizes", default="1,1,0,1 1,1,1,1 1,2,0,1 1,2,1,1 "
                        "2,1,0,1 2,2,0,1 2,2,1,1 2,2,2,1 3,1,0,1 3,2,0,1 "
                        "3,2,1,1 1,1,0,2 1,1,0,3 1,2,1,2 1,2,1,3",
                        help="tracees,supervisors,signals,words[,peers] ...")
    parser.add_argument("--options", default="", help="for knotcheck check")
    parser.add_argument("--timeout", type=float, default=600)
    options = parser.parse_args()
    print("| tracees | supervisors | signals | words | peers | states |"
          " transitions | depth | cpu s | bytes/state |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for size in options.sizes.split():
        numbers = [int(n) for n in size.split(",")]
        numbers += [1] * (5 - len(numbers))
        text = scenario(options.call, *numbers)
        measured = measure(options.knotcheck, text, options.proposal,
                           options.options.split(), options.timeout)
        cells = " | ".join(str(n) for n in numbers)
        if measured is None:
            print(f"| {cells} | not in {options.timeout:.0f} s | | | | |")
            continue
        result, cpu, memory = measured
        # Of small ones the program itself is most.
        states = result["states"]
        per_state = f"{memory / states:.0f}" if states >= 100000 else "-"
        print(f"| {cells} | {result['states']:,} | {result['transitions']:,} |"
              f" {result['depth']} | {cpu:.2f} |"
              f" {per_state} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
