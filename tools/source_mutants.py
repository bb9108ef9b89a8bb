#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many small changes to the kernel's C the collection notices (docs/source-mode.md).

  source_mutants.py --source DIR|TAR [--patch FILE] [--proposal P] [--knotcheck FILE]
                    [--runner FILE] [--output FILE] [--mutant NAME]... SCENARIO...

Each row of conform/source/mutants.tsv is made in a copy of the tree in a temporary folder; then the
scenarios are compared with the model, one after the other, until one differs. The table has the
mutant, the scenario, and how it differs. Status 1: a mutant could not be made, or a scenario that
differs without any."""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FILE = "kernel/seccomp.c"
DIFFERS = 1


def fail(text):
    print(f"source_mutants.py: {text}", file=sys.stderr)
    sys.exit(2)


def rows():
    with open(os.path.join(ROOT, "conform/source/mutants.tsv"), encoding="utf-8") as table:
        for line in table:
            if not line.startswith("#"):
                name, function, nth, old, new, what = line.rstrip("\n").split("\t")
                yield name, function, int(nth), old, new, what


def function_in(text, name):
    """Where a function's body begins and ends: a brace in the first column closes it."""
    for at in re.finditer(rf"^[a-z].*\b{name}\(", text, re.M):
        brace, semicolon = text.find("{", at.end()), text.find(";", at.end())
        if brace != -1 and brace < semicolon:
            return brace, text.index("\n}", brace)
    return None


def mutate(text, function, nth, old, new):
    """The text with the nth occurrence replaced, or None where it is not there."""
    found = function_in(text, function)
    if not found:
        return None
    begin, end = found
    at = begin
    for _ in range(nth):
        at = text.find(old, at + 1, end)
        if at == -1:
            return None
    return text[:at] + new + text[at + len(old):]


def unpack(source, folder):
    """A copy that may be changed."""
    wanted = subprocess.run(["bash", os.path.join(ROOT, "conform/source/build.sh"), "--files"],
                            check=True, capture_output=True, text=True).stdout.split()
    if os.path.isdir(source):
        for name in wanted:
            at = os.path.join(source, name)
            if os.path.exists(at):
                os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
                shutil.copy(at, os.path.join(folder, name))
        return
    first = subprocess.run(["tar", "tf", source], stdout=subprocess.PIPE, text=True, check=False)
    top = first.stdout.split("\n", 1)[0].split("/")[0]
    subprocess.run(["tar", "xf", source, "-C", folder, "--strip-components=1"] +
                   [f"{top}/{name}" for name in wanted], check=False, stderr=subprocess.DEVNULL)


def compare(options, tree, scenario):
    """How a scenario differs; "" if it does not."""
    command = [options.knotcheck, "conform", "--target", f"source:{tree}", "--quiet", "--proposal",
               options.proposal, "--limit", "120", scenario]
    command += options.runner
    for patch in options.patch:
        command += ["--patch", patch]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    if done.returncode == 2:
        fail(done.stderr.strip())
    # What was not searched to its end is no difference.
    found = re.search(r"^  differs: ((?:.|\n    )*)", said, re.M)
    return " ".join(found.group(1).split()) if found else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--source", required=True)
    parser.add_argument("--patch", action="append", default=[])
    parser.add_argument("--proposal", default="baseline")
    parser.add_argument("--knotcheck", default=os.path.join(ROOT, "build/release/knotcheck"))
    parser.add_argument("--runner", type=lambda file: ["--runner", file], default=[])
    parser.add_argument("--output")
    parser.add_argument("--mutant", action="append", default=[])
    parser.add_argument("scenarios", nargs="+")
    options = parser.parse_args()
    table = [row for row in rows() if not options.mutant or row[0] in options.mutant]
    if not table:
        fail("found no such mutant, expected a name of conform/source/mutants.tsv")
    lines, failed = [], 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("KNOT_SOURCE_CACHE", os.path.join(folder, "cache"))
        tree = os.path.join(folder, "tree")
        os.mkdir(tree)
        unpack(options.source, tree)
        with open(os.path.join(tree, FILE), encoding="utf-8") as source:
            text = source.read()
        for scenario in options.scenarios:
            differs = compare(options, tree, scenario)
            if differs:
                failed = DIFFERS
                print(f"without a mutant {scenario} differs: {differs}", file=sys.stderr)
        for name, function, nth, old, new, what in table:
            changed = mutate(text, function, nth, old, new)
            if changed is None:
                failed = DIFFERS
                print(f"{name}: found no such place in {function}()", file=sys.stderr)
                continue
            with open(os.path.join(tree, FILE), "w", encoding="utf-8") as source:
                source.write(changed)
            seen = ("-", "not noticed")
            for scenario in options.scenarios:
                differs = compare(options, tree, scenario)
                if differs:
                    seen = (scenario, differs)
                    break
            lines.append("\t".join((name, what) + seen))
            print(lines[-1], flush=True)
    noticed = sum("\tnot noticed" not in line for line in lines)
    print(f"{noticed} of {len(lines)} are noticed")
    if options.output:
        with open(options.output + ".new", "w", encoding="utf-8") as output:
            output.write("\n".join(lines) + "\n")
        os.rename(options.output + ".new", options.output)
    sys.exit(failed)


if __name__ == "__main__":
    main()
