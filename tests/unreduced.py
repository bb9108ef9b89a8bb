#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The collection without reductions against all of them, as far as it fits in memory.

usage: unreduced.py KNOTCHECK SCENARIOS
"""
import json
import subprocess
import sys
import tempfile

MOST = 20_000_000  # states


def answers(knotcheck: str, scenarios: str, reductions: str) -> dict:
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [knotcheck, "check", scenarios, "--quiet", "--traces", "none", "--reduce",
                   reductions, "--shortest-states", "0", "--max-states", str(MOST), "--json",
                   file.name]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        if done.returncode not in (0, 1, 4):
            sys.exit(f"{' '.join(command)}: exit status {done.returncode}")
        with open(file.name, encoding="utf-8") as text:
            results = json.load(text)["results"]
    return {(r["scenario"], r["proposal"]): r for r in results if "properties" in r}


def verdicts(result: dict) -> dict:
    return {p["name"]: p["status"] for p in result["properties"]}


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    reduced = answers(sys.argv[1], sys.argv[2], "all")
    whole = answers(sys.argv[1], sys.argv[2], "none")
    compared = differ = 0
    for key, result in whole.items():
        if result["end"] != "exhausted":
            print(f"left out: {key[0]} {key[1]}: more than {MOST} states, or than fit in memory")
            continue
        compared += 1
        if verdicts(result) != verdicts(reduced[key]):
            differ += 1
            print(f"differs: {key[0]} {key[1]}: {verdicts(result)}, reduced {verdicts(reduced[key])}")
    print(f"{compared} questions without reductions, {differ} differ from those with all")
    return 1 if differ or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
