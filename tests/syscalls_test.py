#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds model/syscalls.def and own_calls.def against docs/system-calls.tsv.

Every argument that the table of words says is read has an entry in the model's table and the other
way round, with as many passes where the words speak of a double fetch.
"""

import csv
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# execveat(2) differs from execve in where its registers stand.
SAME_AS = {"execveat": "execve"}


def model_entries():
    """{call: [(argument, register or None, passes)]} of the model's table."""
    text = re.sub(r",\n\s+", ", ", (ROOT / "model/syscalls.def").read_text())
    calls = {}
    for line in text.splitlines():
        call = re.match(r"KNOT_CALL\((\w+), (\d)\)$", line)
        if call:
            entries = calls.setdefault(call[1], [])
        arg = re.match(r"KNOT_ARG\((\w+), (\d), \w+, -?\d, KNOT_PASSES\(([^)]*)\), ", line)
        if arg:
            entries.append((arg[1], int(arg[2]), arg[3].split(", ")))
        nested = re.match(r"KNOT_NESTED\((\w+), \w+, \d, \w+, KNOT_PASSES\(([^)]*)\), ", line)
        if nested:
            entries.append((nested[1], None, nested[2].split(", ")))
        if line.startswith("KNOT_") and not (call or arg or nested):
            sys.exit(f"model/syscalls.def: {line}: expected KNOT_CALL, KNOT_ARG or KNOT_NESTED")
    return calls


def orders(model):
    """{call: what it reads and looks up, in order} of the model's tables; `fd:2`: register 2."""
    lookups = {}
    text = re.sub(r",\n\s+", ", ", (ROOT / "model/descriptors.def").read_text())
    for call, register, after in re.findall(r"^KNOT_FD\((\w+), (\d), (\w+),", text, re.M):
        found = lookups.setdefault(call, {}).setdefault(after, [])
        # newfstatat and statx have two rows for one register, of which a call takes one.
        if f"fd:{register}" not in found:
            found.append(f"fd:{register}")
    found = {}
    for call, entries in model.items():
        after = lookups.get(call, {})
        order = list(after.get("none", []))
        for name, _, _ in entries:
            order += [name, *after.get(name, [])]
        found[call] = order
    return found


def own_bodies():
    """{call: {registers}} of the calls with a body of their own that take pointers."""
    calls = {}
    for line in (ROOT / "model/own_calls.def").read_text().splitlines():
        if call := re.match(r"KNOT_OWN\(\w+, (\w+), \d\)$", line):
            registers = calls.setdefault(call[1], set())
        elif arg := re.match(r"KNOT_ARG\(\w+, (\d), ", line):
            registers.add(int(arg[1]))
        elif line.startswith("KNOT_"):
            sys.exit(f"model/own_calls.def: {line}: expected KNOT_OWN or KNOT_ARG")
    return {call: registers for call, registers in calls.items() if registers}


def is_read(row):
    """Whether the kernel reads the argument, or a proposal's fetch point stands in its way."""
    if row["argument"].startswith("none"):
        return False  # no register leads there
    if row["shape"] == "buffer-out":
        return "import_ubuf" in row["fetches"]
    return not (row["fetches"].startswith("none in the call") and "get_user" not in row["fetches"])


def main():
    model = model_entries()
    own = own_bodies()
    problems = []
    described = set()
    with open(ROOT / "docs/system-calls.tsv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if is_read(row)]
    for row in rows:
        call = row["call"]
        where = f"docs/system-calls.tsv: {call} {row['argument']}"
        if call in SAME_AS or call in own:
            register = int(row["argument"][0])
            if call in own and register not in own[call]:
                problems.append(f"{where}: no body reads it")
            continue
        # A call with commands has one entry a command.
        named = {c: e for c, e in model.items() if c == call or re.match(call + r"_[A-Z]", c)}
        if not named:
            problems.append(f"{where}: model/syscalls.def has no such call")
            continue
        described.update(named)
        path = re.sub(r" \(.*|\[[ik]\]", "", row["argument"])
        name = re.findall(r"[a-z]\w*", path)
        found = [
            entry
            for entries in named.values()
            for entry in entries
            if (entry[0] == (name[-1] if name else "entry"))
            or (len(path) == 1 and entry[1] == int(path))
        ]
        if not found:
            problems.append(f"{where}: model/syscalls.def has no such argument")
            continue
        # A long name's second copy is inside getname_flags(); files read in their own way.
        twice = row["double_fetch"].startswith("yes") and "strncpy_from_user" not in row["fetches"]
        once = [e for e in found if len([p for p in e[2] if p not in ("kIfNotNull", "kErrorKept")]) < 2]
        once = [e for e in once if not {"kImport", "kImportLater", "kLate"} & set(e[2])]
        if twice and len(once) == len(found):
            problems.append(f"{where}: fetched twice, but one pass in model/syscalls.def")
    for call in sorted(set(model) - described):
        problems.append(f"model/syscalls.def: {call}: docs/system-calls.tsv does not have it")
    found = orders(model)
    with open(ROOT / "docs/fetch-order.tsv", newline="", encoding="utf-8") as file:
        expected = {row["call"]: row["order"].split(" ") for row in csv.DictReader(file, delimiter="\t")}
    for call, order in expected.items():
        if found.get(call) != order:
            problems.append(f"docs/fetch-order.tsv: {call}: {order}, found {found.get(call)}")
    for call in sorted(c for c, order in found.items() if len(order) > 1 and c not in expected):
        problems.append(f"model/syscalls.def: {call}: {found[call]}: docs/fetch-order.tsv has no order")
    for problem in problems:
        print(problem)
    print(f"{len(rows)} arguments, {len(model)} calls with commands: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
