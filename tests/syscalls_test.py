#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the model's tables of system calls against docs/system-calls.tsv and x86_64-calls.tsv.

Every argument that the table of words says is read has an entry in the model's table and the other
way round, with as many passes where the words speak of a double fetch. Every call of x86-64's table
is in the model, or named in docs/system-calls.md with the reason why not.

--write TABLE writes docs/x86_64-calls.tsv anew from the kernel's syscall_64.tbl.
"""

import argparse
import csv
import pathlib
import re
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


CALLS = "docs/x86_64-calls.tsv"
SOURCE = pathlib.Path("/usr/src/linux-source-6.12.tar.xz")


def table_text():
    """syscalls.def and what it includes, a row a line."""
    text = (ROOT / "model/syscalls.def").read_text()
    for included in re.findall(r'^#include "(.*)"$', text, re.M):
        text += (ROOT / included).read_text()
    return re.sub(r",\n\s+", ", ", text)


def model_entries():
    """{call: [(argument, register or None, passes)]} of the model's table."""
    calls = {}
    for line in table_text().splitlines():
        call = re.match(r"KNOT_CALL\((\w+), (\d)\)$", line)
        if call:
            if call[1] in calls:
                sys.exit(f"model/syscalls.def: {line}: a second time")
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
    """{call: {registers that are pointers}} of the calls with a body of their own."""
    calls = {}
    for line in (ROOT / "model/own_calls.def").read_text().splitlines():
        if call := re.match(r"KNOT_OWN\(\w+, (\w+), \d\)$", line):
            registers = calls.setdefault(call[1], set())
        elif arg := re.match(r"KNOT_ARG\(\w+, (\d), ", line):
            registers.add(int(arg[1]))
        elif line.startswith("KNOT_"):
            sys.exit(f"model/own_calls.def: {line}: expected KNOT_OWN or KNOT_ARG")
    return calls


def command_of(entry, call):
    """The command of an entry `call_COMMAND`; "": the call itself; None: another call."""
    found = re.fullmatch(call + r"(?:_([A-Z].*))?", entry)
    return found and (found[1] or "")


def kernel_calls(table):
    """[(number, name, whether it is implemented)] of a syscall_64.tbl, without x32's."""
    rows = [line.split() for line in table.splitlines() if line and not line.startswith("#")]
    missing = ("-", "sys_ni_syscall")
    return [
        (row[0], row[2], len(row) > 3 and row[3] not in missing) for row in rows if row[1] != "x32"
    ]


def calls_rows(kernel, model, own):
    """docs/x86_64-calls.tsv's rows: number, name, where the model has it, its commands."""
    for number, name, implemented in kernel:
        commands = [c for e in model if (c := command_of(e, name))]
        if not implemented:
            where = "not implemented"
        elif name in own:
            where = "own body"
        else:
            where = "table" if name in model else "left out"
        yield [number, name, where, " ".join(sorted(commands)) or "-"]


def check_calls(model, own, problems):
    """Whether docs/x86_64-calls.tsv says what the model has, and all that the kernel has."""
    with open(ROOT / CALLS, newline="", encoding="utf-8") as file:
        found = list(csv.reader(file, delimiter="\t"))[1:]
    listed = [(number, name, where != "not implemented") for number, name, where, _ in found]
    for expected, row in zip(calls_rows(listed, model, own), found):
        if row != expected:
            problems.append(f"{CALLS}: {row}, expected {expected}")
    names = [name for _, name, _ in listed]
    if len(set(names)) != len(names):
        problems.append(f"{CALLS}: a name a second time")
    # socketcall(2) is a call of 32-bit tasks.
    for call in sorted(set(model) | set(own)):
        if call != "socketcall" and not any(command_of(call, name) is not None for name in names):
            problems.append(f"model/syscalls.def: {call}: x86-64 has no such call")
    reasons = (ROOT / "docs/system-calls.md").read_text()
    for _, name, where, _ in found:
        if where == "left out" and not re.search(rf"\b{name}\b", reasons):
            problems.append(f"docs/system-calls.md: no reason why {name} is left out")
    if SOURCE.exists():
        compare_with_kernel(listed, problems)


def compare_with_kernel(listed, problems):
    """Whether the kernel whose source is installed has the calls that are listed."""
    path = "arch/x86/entry/syscalls/syscall_64.tbl"
    with tarfile.open(SOURCE) as source:
        member = next(member for member in source if member.name.endswith("/" + path))
        table = source.extractfile(member).read().decode()
    for row in set(kernel_calls(table)) ^ set(listed):
        where = CALLS if row in listed else path
        problems.append(f"{where}: {row}: the other does not have it")


def is_read(row):
    """Whether the kernel reads the argument, or a proposal's fetch point stands in its way."""
    if row["argument"].startswith("none"):
        return False  # no register leads there
    if row["shape"] == "buffer-out":
        return "import_ubuf" in row["fetches"]
    return not (row["fetches"].startswith("none in the call") and "get_user" not in row["fetches"])


def write_calls(table):
    """Writes docs/x86_64-calls.tsv."""
    with open(ROOT / CALLS, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, delimiter="\t", lineterminator="\n")
        rows.writerow(["number", "name", "model", "commands"])
        kernel = kernel_calls(pathlib.Path(table).read_text())
        rows.writerows(calls_rows(kernel, model_entries(), own_bodies()))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--write", metavar="TABLE")
    if (table := arguments.parse_args().write) is not None:
        write_calls(table)
        return 0
    model = model_entries()
    own = own_bodies()
    problems = []
    check_calls(model, own, problems)
    described = set()
    with open(ROOT / "docs/system-calls.tsv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if is_read(row)]
    for row in rows:
        call = row["call"]
        where = f"docs/system-calls.tsv: {call} {row['argument']}"
        # A call with commands has one entry a command.
        named = {c: e for c, e in model.items() if command_of(c, call) is not None}
        if call in own and not named:
            register = int(row["argument"][0])
            if call in own and register not in own[call]:
                problems.append(f"{where}: no body reads it")
            continue
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
        conditions = ("kIfNotNull", "kIfNamed", "kErrorKept")
        once = [e for e in found if len([p for p in e[2] if p not in conditions]) < 2]
        once = [e for e in once if not {"kImport", "kImportLater", "kLate"} & set(e[2])]
        if twice and len(once) == len(found):
            problems.append(f"{where}: fetched twice, but one pass in model/syscalls.def")
    for call in sorted(c for c in set(model) - described if model[c]):
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
