#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""figures_test.py KNOTCHECK [--fixes | --rewrite]: what README and docs say that commands print is what
they print. --fixes: only what `knotcheck fixes` says, which takes minutes. --rewrite writes what is a
copy of a command's output; sentences are for a person."""

import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# As README has them typed.
PROGRAM = "build/release/knotcheck"
BEHIND = "attack/openat_torn_path"  # the first scenario that the copy leaves out
WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
         "twelve")
# README's words for rows and columns of a sweep.
RELATIONS = {
    "alone": "alone",
    "same address as another argument": "same address as another",
    "a peer replaces the pointer to it, or an entry": "pointer to it replaced",
    "flags AT_EMPTY_PATH": "AT_EMPTY_PATH",
    "driver with ->write": "driver with ->write",
    "mapping ends early": "mapping ends early",
    "NULL": "NULL",
    "dangling": "dangling",
}
PROTECTIONS = ("protected", "refused", "unprotected", "not offered", "changed in meaning", "as without")


def run(knotcheck: str, *arguments: str) -> str:
    done = subprocess.run([PROGRAM, *arguments], executable=knotcheck, cwd=ROOT, capture_output=True,
                          text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"knotcheck {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def demo(knotcheck: str) -> str:
    """The end of `./dev demo`, as README shows it."""
    lines = run(knotcheck, "check", "scenarios", "--quiet", "--width", "80").splitlines()
    shown = lines[:lines.index(BEHIND)]
    end = next(i for i, line in enumerate(lines) if re.match(r"\d+ scenarios, ", line))
    one = run(knotcheck, "check", "scenarios/attack/openat_path.scn", "--proposal", "baseline",
              "--traces", "first", "--quiet", "--width", "80").splitlines()
    # Of its table only the counterexample.
    begin = next(i for i, line in enumerate(one) if line.startswith("attack/openat_path: "))
    return "\n".join([*shown, "...", *lines[end:], "", *one[begin:]]) + "\n"


def sweep(knotcheck: str, proposal: str) -> list[dict]:
    text = run(knotcheck, "sweep", "--proposal", proposal, "--quiet", "--json", "-")
    return json.loads(text)["entries"]


def arguments_of(entries: list[dict]) -> int:
    return len({(entry["call"], entry["argument"]) for entry in entries})


def table(entries: list[dict]) -> str:
    """README's table of a sweep, without its head."""
    counts = collections.Counter((entry["relation"], entry["protection"]) for entry in entries)
    rows = []
    for row, relation in RELATIONS.items():
        cells = [str(counts.pop((relation, of), "-")) for of in PROTECTIONS]
        rows.append(f"| {row} | {' | '.join(cells)} |\n")
    if counts:
        sys.exit(f"README's table of the sweep has no place for {dict(counts)}")
    return "".join(rows)


def numbers(text: str, pattern: str) -> tuple[str, ...]:
    """The groups of a sentence that must be there, however it is wrapped."""
    found = re.search(re.sub(r" ", r"\\s+", pattern), text)
    if not found:
        sys.exit(f"found nowhere '{pattern}', expected it, or another test")
    return found.groups()


class Figures:
    def __init__(self, knotcheck: str):
        self.knotcheck = knotcheck
        self.readme = (ROOT / "README.md").read_text()
        self.differ = 0

    def same(self, what: str, said: object, found: object) -> None:
        if said == found:
            return
        self.differ += 1
        print(f"{what}: found {said!r}, the command says {found!r}")

    def copies(self, rewrite: bool, entries: list[dict]) -> None:
        """Blocks that are a command's output."""
        block = re.search(r"(?<=The first one ends like this:\n\n```\n).*?(?=```\n)", self.readme, re.S)
        rows = re.search(r"(?<=as without it \|\n)(\|[-|]+\|\n)((?:\|.*\|\n)+)", self.readme)
        if not block or not rows:
            sys.exit("README.md: found no output of the demo, or no table of the sweep")
        wanted = {block.span(): demo(self.knotcheck), rows.span(2): table(entries)}
        if rewrite:
            text = self.readme
            for (begin, end), new in sorted(wanted.items(), reverse=True):
                text = text[:begin] + new + text[end:]
            (ROOT / "README.md").write_text(text)
            self.readme = text
            return
        for (begin, end), new in wanted.items():
            said = self.readme[begin:end].splitlines()
            for i, line in enumerate(new.splitlines()):
                self.same("README.md", said[i] if i < len(said) else None, line)
            self.same("README.md, lines", len(said), len(new.splitlines()))

    def sentences(self, entries: list[dict], plain: list[dict]) -> None:
        self.same("README.md, of the sweep",
                  numbers(self.readme, r"all (\d+) pointer arguments of (\d+) calls"),
                  (str(arguments_of(entries)), str(len({entry["call"] for entry in entries}))))
        self.same("README.md, scenarios of the sweep", numbers(self.readme, r"\| (\d+) scenarios \|"),
                  (str(len(entries)),))
        of = collections.Counter(entry["protection"] for entry in plain)
        self.same("README.md, of the sweep of baseline",
                  numbers(self.readme, r"baseline`: (\d+) arguments, (\d+) scenarios\) nothing is "
                                       r"protected: (\d+) are not, and in (\d+)"),
                  tuple(map(str, (arguments_of(plain), len(plain), of["not offered"], of["refused"]))))
        rows = (ROOT / "docs/system-calls.tsv").read_text().splitlines()[1:]
        self.same("docs/system-calls.md",
                  numbers((ROOT / "docs/system-calls.md").read_text(), r"(\d+) calls, (\d+) rows"),
                  (str(len({row.split("\t")[0] for row in rows})), str(len(rows))))
        self.same("CMakeLists.txt and base/version.h",
                  numbers((ROOT / "CMakeLists.txt").read_text(), r"knotcheck VERSION ([\d.]+)"),
                  numbers((ROOT / "base/version.h").read_text(), r'kVersion\[\] = "([\d.]+)"'))
        # What was run on real kernels stands in two places.
        host, guest, counterexamples = numbers(
            self.readme, r"([\d,]+) forced runs match on .*? with the patch, .*?([\d,]+) do and "
                         r"([\d,]+) counterexamples")
        conformance = (ROOT / "docs/conformance.md").read_text()
        for number, row in ((host, "the host"), (guest, "QEMU"), (counterexamples, "QEMU")):
            line = next(line for line in conformance.splitlines() if line.startswith("| 6.") and row in line)
            self.same("README.md and docs/conformance.md", number in re.split(r"[ |]+", line.replace(", ", " ")),
                      True)

    def fixes(self) -> None:
        found = json.loads(run(self.knotcheck, "fixes", "--proposal", "pin_args", "--json", "-"))
        sizes = {len(members) for members in found["sets"]}
        ways = len(found["sets"])
        self.same("README.md, of fixes", numbers(self.readme, r"that is (\d+) fixes, in (\w+) ways"),
                  ("/".join(map(str, sorted(sizes))), WORDS[ways] if ways < len(WORDS) else str(ways)))
        self.same("docs/adr/0008-fixes.md",
                  numbers((ROOT / "docs/adr/0008-fixes.md").read_text(), r"(\d+) fixes over the collection"),
                  (str(len(found["candidates"])),))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("knotcheck")
    parser.add_argument("--fixes", action="store_true")
    parser.add_argument("--rewrite", action="store_true")
    arguments = parser.parse_args()
    figures = Figures(str(pathlib.Path(arguments.knotcheck).resolve()))
    if arguments.fixes:
        figures.fixes()
    else:
        entries = sweep(figures.knotcheck, "pin_args")
        figures.copies(arguments.rewrite, entries)
        figures.sentences(entries, sweep(figures.knotcheck, "baseline"))
    if figures.differ:
        print("--rewrite writes what README copies; a sentence is for a person")
    return 1 if figures.differ else 0


if __name__ == "__main__":
    sys.exit(main())
