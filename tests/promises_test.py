#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks docs/promises/*.tsv against the scenarios that judge each promise.

usage: promises_test.py [--rewrite]

A promise that is broken names a property that the scenario's '# result:' lists as violated; one
that holds names a property that it does not list and that the scenario asks for, so that the
checker fails when the property's window is not reached. One that is not judged, or not modelled,
says why. The .md beside a .tsv ends with the same rows as a table; --rewrite writes that table.
"""
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLUMNS = ["id", "sentence", "where", "property", "scenario", "verdict", "note"]
VERDICTS = ["holds", "broken", "not-judged", "not-modelled"]

Row = collections.namedtuple("Row", COLUMNS)


def known_properties() -> set[str]:
    sources = [*ROOT.glob("model/properties/*.cc"), *ROOT.glob("model/proposals/**/*.cc")]
    return {name for path in sources
            for name in re.findall(r'\{\.name = "([a-z-]+)"', path.read_text())}


class Scenario:
    """What a scenario claims for one proposal and what it asks for."""

    def __init__(self, text: str, proposal: str):
        header, _, body = text.partition("\n\n")
        claims = " ".join(re.findall(r"^# result:(.*)$", header, re.M))
        claim = re.search(rf"\b{proposal}=(holds|violated\(([^)]*)\))", claims)
        self.judged = claim is not None
        self.violated = set(re.findall(r"[a-z-]+", claim[2] or "")) if claim else set()
        self.asked = {name for names in re.findall(r"^(?:never|sometimes)\s+(.*)$", body, re.M)
                      for name in re.findall(r"[a-z-]+", names)}


def complaint(row: Row, proposal: str, properties: set[str]) -> str | None:
    """What is wrong with a row, or None."""
    if row.verdict not in VERDICTS:
        return f"found verdict '{row.verdict}', expected one of: {', '.join(VERDICTS)}"
    if not row.sentence or not row.where:
        return "found an empty cell, expected a sentence and where it stands"
    if row.verdict in ("not-judged", "not-modelled"):
        if (row.property, row.scenario) != ("-", "-"):
            return f"found a property or a scenario, expected '-' for what is {row.verdict}"
        return None if row.note else f"found no note, expected why it is {row.verdict}"
    if row.property not in properties:
        return f"found '{row.property}', expected a property"
    path = ROOT / "scenarios" / f"{row.scenario}.scn"
    if not path.is_file():
        return f"found '{row.scenario}', expected a scenario"
    scenario = Scenario(path.read_text(), proposal)
    if not scenario.judged:
        return f"{row.scenario} has no result for {proposal}"
    if row.verdict == "broken" and row.property not in scenario.violated:
        return f"{row.scenario} does not claim that {row.property} is violated under {proposal}"
    if row.verdict == "holds" and row.property in scenario.violated:
        return f"{row.scenario} claims that {row.property} is violated under {proposal}"
    if row.verdict == "holds" and row.property not in scenario.asked:
        return f"{row.scenario} does not ask 'never {row.property}', so it may hold for no reason"
    return None


def table(rows: list[Row]) -> str:
    count = collections.Counter(row.verdict for row in rows)
    lines = [f"{len(rows)} sentences: {count['holds']} hold, {count['broken']} are broken, "
             f"{count['not-judged']} are not judged, {count['not-modelled']} are not modelled.", ""]
    cells = [COLUMNS, ["---"] * len(COLUMNS), *rows]
    return "\n".join(lines + ["| " + " | ".join(c) + " |" for c in cells]) + "\n"


def check(tsv: pathlib.Path, properties: set[str], rewrite: bool) -> list[str]:
    """The complaints about one file of promises, each with its place."""
    name = tsv.relative_to(ROOT)
    lines = tsv.read_text().splitlines()
    if not lines or lines[0].split("\t") != COLUMNS:
        return [f"{name}:1: expected the columns {', '.join(COLUMNS)}"]
    # pin-args-v1.tsv: the proposal pin_args.
    proposal = re.sub(r"-v\d+$", "", tsv.stem).replace("-", "_")
    errors, rows, seen = [], [], {}
    for number, line in enumerate(lines[1:], 2):
        cells = line.split("\t")
        if len(cells) != len(COLUMNS):
            errors.append(f"{name}:{number}: found {len(cells)} cells, expected {len(COLUMNS)}")
            continue
        row = Row(*cells)
        rows.append(row)
        if row.id != str(number - 1):
            errors.append(f"{name}:{number}: found id {row.id}, expected {number - 1}")
        if "|" in line:
            errors.append(f"{name}:{number}: found '|', which ends a cell of the table")
        first = seen.setdefault(row[1:5], number)
        if first != number:
            errors.append(f"{name}:{number}: the same as line {first}")
        problem = complaint(row, proposal, properties)
        if problem:
            errors.append(f"{name}:{number}: {problem}")
    document = tsv.with_suffix(".md")
    text = document.read_text()
    begins = re.search(r"^\d+ sentences: ", text, re.M)
    wanted = text[:begins.start() if begins else len(text)] + table(rows)
    if rewrite:
        document.write_text(wanted)
    elif text != wanted:
        errors.append(f"{document.relative_to(ROOT)}: the table is not that of {name.name}; "
                      "tests/promises_test.py --rewrite writes it")
    return errors


def main() -> int:
    if sys.argv[1:] not in ([], ["--rewrite"]):
        print(__doc__, file=sys.stderr)
        return 2
    files = sorted(ROOT.glob("docs/promises/*.tsv"))
    properties = known_properties()
    errors = [] if files and properties else ["found no promises or no properties"]
    for tsv in files:
        errors += check(tsv, properties, bool(sys.argv[1:]))
    named = "".join(tsv.read_text() for tsv in files)
    for path in sorted(ROOT.glob("scenarios/promises/*.scn")):
        if f"\tpromises/{path.stem}\t" not in named:
            errors.append(f"{path.relative_to(ROOT)}: judges no promise")
    print("\n".join(errors) or "every promise is as its scenario says")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
