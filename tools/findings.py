#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/findings/*.md from the .txt beside them and from what knotcheck finds.

usage: findings.py --knotcheck PROGRAM [--check] [--no-hunt]

--check compares with the .md files instead, and fails with the difference. Either way everything
that the documents say and that can be run is run; README.md has the list. --no-hunt leaves out
scenarios/hunt, which takes half of the time.
"""
import argparse
import concurrent.futures
import difflib
import fnmatch
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
FINDINGS = ROOT / "docs/findings"
DOCUMENTS = ["linux", "pin-args-v1"]
TRIGGERS = ["the target alone", "a peer", "an honest supervisor's mistake", "a hostile supervisor"]
AGAINST = ["the kernel", "the machine", "the supervisor", "the target", "nobody"]
KEYS = {
    "document": "document title proposal after intro",
    "id": "id title sentence where scenario property more kernel fix why-no-fix alternatives "
          "shared trigger trigger-note against effect cause also same confirmed confirmed-by "
          "confirmed-shows",
    "explained": "explained because together pairs",
    "section": "section title text holds",
}

# A pair is a scenario and a property that is violated there.
Pair = tuple[str, str]


class Block:
    """Lines 'key: value'; a key may be repeated, and a line that begins with a space goes on."""

    def __init__(self, place: str, lines: list[str]):
        self.place = place
        self.values: dict[str, list[str]] = {}
        key = ""
        for line in lines:
            if line.startswith(" "):
                self.values[key][-1] += " " + line.strip()
                continue
            key, colon, value = line.partition(":")
            if not colon:
                sys.exit(f"{place}: found '{line}', expected 'key: value'")
            self.values.setdefault(key, []).append(value.strip())
        self.kind = next(iter(self.values))
        unknown = set(self.values) - set(KEYS.get(self.kind, "").split())
        if unknown:
            sys.exit(f"{place}: found '{sorted(unknown)[0]}', expected one of: "
                     f"{KEYS.get(self.kind)}")

    def one(self, key: str, default: str = "") -> str:
        return self.values.get(key, [default])[0]

    def all(self, key: str) -> list[str]:
        return self.values.get(key, [])

    def words(self, key: str) -> list[str]:
        return " ".join(self.all(key)).split()

    def pairs(self, key: str) -> list[Pair]:
        return [tuple(word.split(":")) for word in self.words(key)]

    def shown(self) -> list[Pair]:
        """The pairs of a finding that have a trace in the document, the shortest first."""
        return [(self.one("scenario"), self.one("property")), *self.pairs("more")]


class Document:
    """One .txt and what it is about."""

    def __init__(self, name: str):
        text = (FINDINGS / f"{name}.txt").read_text()
        blocks = []
        for match in re.finditer(r"(?:^[^#\n].*\n?)+", text, re.M):
            place = f"docs/findings/{name}.txt:{text.count(chr(10), 0, match.start()) + 1}"
            blocks.append(Block(place, match[0].splitlines()))
        self.name = name
        self.head = blocks[0]
        self.proposal = self.head.one("proposal")
        self.findings = [block for block in blocks if block.kind == "id"]
        self.explained = [block for block in blocks if block.kind == "explained"]
        self.sections = [block for block in blocks if block.kind == "section"]

    def md(self) -> pathlib.Path:
        return FINDINGS / f"{self.name}.md"


class Knotcheck:
    """The program, asked for violations and traces."""

    def __init__(self, program: str):
        self.program = program
        self.fixes = self.list_of("fixes")

    def run(self, *arguments: str) -> str:
        # Named plainly, as the commands that it prints are to be.
        result = subprocess.run(["knotcheck", *arguments], executable=self.program, cwd=ROOT,
                                text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                check=False)
        if result.returncode > 1:
            sys.exit(f"knotcheck {' '.join(arguments)}: exit {result.returncode}\n{result.stderr}")
        return result.stdout

    def list_of(self, what: str) -> dict[str, str]:
        """Name to sentence."""
        names: dict[str, str] = {}
        name = ""
        for line in self.run("list", what, "--width", "200").splitlines():
            if line.startswith(" "):
                names[name] += (" " if names[name] else "") + line.strip()
            else:
                name = line.split()[0]
                names[name] = ""
        return names

    def verdicts(self, paths: list[str], *options: str) -> dict[tuple[str, str, str], str]:
        """(proposal, scenario, property) to the property's status. The proposal is as it was asked
        for: what --kernel and --fix add to its name is left out."""
        if not paths:
            return {}
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            self.run("check", *paths, "--quiet", "--traces", "none", "--shortest-states", "0",
                     "--json", out.name, *options)
            answer = json.loads(pathlib.Path(out.name).read_text())
        if answer["errors"]:
            sys.exit(f"knotcheck check: {answer['errors']}")
        statuses = {}
        for result in answer["results"]:
            asked = result["proposal"]
            of = (re.split("[@+/:]", asked)[0] if "--proposal" in options else asked,
                  result["scenario"])
            statuses |= {(*of, found["name"]): found["status"] for found in result["properties"]}
            statuses |= {(*of, name): "violated" for name in result["violated"]}
            for found in result["properties"]:
                if found["name"] not in result["violated"] and found["status"] == "violated":
                    statuses[*of, found["name"]] = "not asked"
        return statuses

    def trace(self, pair: Pair, proposal: str, kernel: str) -> tuple[str, str]:
        """The command that replays the shortest trace of a pair, and its columns."""
        options = ["--kernel", kernel] if kernel else []
        shown = self.run("check", file_of(pair[0]), "--proposal", proposal, "--traces", "all",
                         "--width", "80", "--quiet", *options)
        start = re.search(rf"^{re.escape(pair[0])}: {re.escape(pair[1])}\s+violated", shown, re.M)
        if not start:
            return "", ""
        rest = shown[start.start():]
        end = re.search(rf"^(?:{re.escape(pair[0])}: |\d+ scenarios?, )", rest[1:], re.M)
        block = rest[:end.start()] if end else rest
        command, _, columns = block.partition("replay: ")[2].partition("\n\n")
        words = shlex.split(command.replace("\\\n", ""))
        said = " ".join(self.run(*words[1:], "--quiet").split())
        if not re.search(rf"and violates.* {pair[1]}\b", said):
            sys.exit(f"found that this does not violate {pair[1]}: {command}")
        return "build/release/" + command, columns.strip("\n")


def file_of(scenario: str) -> str:
    return f"scenarios/{scenario}.scn"


def violated(verdicts: dict, proposal: str, pair: Pair) -> bool:
    return verdicts.get((proposal, *pair)) == "violated"


def promises() -> dict[str, list[str]]:
    rows = (ROOT / "docs/promises/pin-args-v1.tsv").read_text().splitlines()[1:]
    return {row.split("\t")[0]: row.split("\t") for row in rows}


class Judge:
    """Runs what the data claims and collects what is wrong with it."""

    def __init__(self, knotcheck: Knotcheck, documents: list[Document], hunt: bool):
        self.knotcheck = knotcheck
        self.documents = documents
        self.hunt = hunt
        self.complaints: list[str] = []
        self.pool = concurrent.futures.ThreadPoolExecutor(2)
        self.with_fix: dict[tuple[str, str], dict] = {}

    def complain(self, place: str, text: str) -> None:
        self.complaints.append(f"{place}: {text}")

    def collection(self) -> None:
        paths = sorted(f"scenarios/{path.name}" for path in (ROOT / "scenarios").iterdir()
                       if path.is_dir() and (self.hunt or path.name != "hunt"))
        self.all = self.knotcheck.verdicts(paths)

    def form(self, document: Document) -> None:
        """What can be said without running anything."""
        rows = promises()
        for finding in document.findings:
            for key in ["title", "sentence", "scenario", "property", "fix", "trigger",
                        "effect", "cause", "confirmed"]:
                if not finding.one(key):
                    self.complain(finding.place, f"found no '{key}'")
            for key, known in [("trigger", TRIGGERS), ("against", AGAINST)]:
                if finding.one(key) not in known:
                    self.complain(finding.place, f"found {key} '{finding.one(key)}', expected one "
                                  f"of: {', '.join(known)}")
            if (finding.one("fix") == "none") != bool(finding.one("why-no-fix")):
                self.complain(finding.place, "expected a fix, or 'none' and why-no-fix")
            for fix in [finding.one("fix"), *finding.words("alternatives")]:
                if fix != "none" and fix not in self.knotcheck.fixes:
                    self.complain(finding.place, f"found '{fix}', expected a fix")
            if not finding.one("where"):
                for row in finding.words("sentence"):
                    if row not in rows:
                        self.complain(finding.place, f"found '{row}', expected a row of "
                                      "docs/promises/pin-args-v1.tsv")
                    elif rows[row][5] != "broken":
                        self.complain(finding.place, f"sentence {row} is not broken")

    def distinct(self, document: Document) -> None:
        """Each finding is there, its fix closes it, and no fix closes two."""
        findings = [finding for finding in document.findings if not finding.one("kernel")]
        files = sorted({file_of(pair[0]) for finding in findings for pair in finding.shown()})
        names = list(self.knotcheck.fixes)
        answers = self.pool.map(
            lambda name: self.knotcheck.verdicts(files, "--proposal", document.proposal, "--fix",
                                                 name), names)
        under = dict(zip(names, answers))
        closed_by: dict[str, Block] = {}
        for finding in document.findings:
            kernel = finding.one("kernel")
            now = self.all if not kernel else self.knotcheck.verdicts(
                [file_of(scenario) for scenario, _ in finding.shown()], "--proposal",
                document.proposal, "--kernel", kernel)
            for pair in finding.shown():
                if not violated(now, document.proposal, pair):
                    self.complain(finding.place, f"{':'.join(pair)} is not violated")
                if kernel and violated(self.all, document.proposal, pair):
                    self.complain(finding.place, f"{':'.join(pair)} is violated without {kernel}")
            if kernel:
                continue
            closers = [name for name in names
                       if not any(violated(under[name], document.proposal, pair)
                                  for pair in finding.shown())]
            named = [name for name in [finding.one("fix"), *finding.words("alternatives")]
                     if name != "none"]
            if sorted(closers) != sorted(named):
                self.complain(finding.place, f"found fixes {named}, but it is closed by {closers}")
            for name in closers:
                if name in closed_by and name not in (finding.words("shared") +
                                                      closed_by[name].words("shared")):
                    self.complain(finding.place, f"{name} closes {closed_by[name].one('id')}, too")
                closed_by[name] = finding
            found = under.get(finding.one("fix"), {})
            finding.status = {pair: found.get((document.proposal, *pair))
                              for pair in finding.shown()}

    def explain(self, document: Document) -> None:
        """Every violation of the collection has a finding or a reason."""
        proposal = document.proposal
        open_pairs = {(scenario, name) for (of, scenario, name), status in self.all.items()
                      if of == proposal and status == "violated"}
        found = set(open_pairs)
        sources = [document] + [other for other in self.documents
                                if other.name == document.head.one("after")]
        for finding in (finding for source in sources for finding in source.findings):
            fix = finding.one("fix")
            if fix == "none" or finding.one("kernel"):
                continue
            own = set(finding.pairs("also")) if finding in document.findings else set()
            files = sorted({file_of(scenario) for scenario, _ in open_pairs | own
                            if not scenario.startswith("hunt/")})
            verdicts = self.knotcheck.verdicts(files, "--proposal", proposal, "--fix", fix)
            open_pairs = {pair for pair in open_pairs
                          if pair[0].startswith("hunt/") or violated(verdicts, proposal, pair)}
            for pair in own:
                if pair not in found:
                    self.complain(finding.place, f"{':'.join(pair)} is not violated")
                elif violated(verdicts, proposal, pair):
                    self.complain(finding.place, f"{':'.join(pair)} is violated with {fix}, too")
        fixes = sorted({finding.one("fix") for source in sources for finding in source.findings}
                       - {"none"})
        hunts = sorted({file_of(scenario) for scenario, _ in open_pairs
                        if scenario.startswith("hunt/")})
        verdicts = self.knotcheck.verdicts(hunts, "--proposal", proposal, "--fix", ",".join(fixes))
        open_pairs = {pair for pair in open_pairs if not pair[0].startswith("hunt/")
                      or violated(verdicts, proposal, pair)}
        for block in document.explained:
            if block.one("together"):
                verdicts = self.knotcheck.verdicts(
                    sorted({file_of(scenario) for scenario, _ in block.pairs("pairs")}),
                    "--proposal", proposal, "--fix", block.one("together"))
                for pair in block.pairs("pairs"):
                    if violated(verdicts, proposal, pair):
                        self.complain(block.place, f"{':'.join(pair)} is violated with "
                                      f"{block.one('together')}")
        for block in document.findings + document.explained:
            given = [*block.pairs("pairs"), *block.pairs("same")]
            if block.kind == "id" and block.one("fix") == "none" and not block.one("kernel"):
                given += block.shown()
            for pair in given:
                matching = {other for other in found
                            if fnmatch.fnmatch(":".join(other), ":".join(pair))}
                if not matching and "*" not in pair[0]:
                    self.complain(block.place, f"{':'.join(pair)} is not violated")
                if matching and not matching & open_pairs and "*" not in pair[0]:
                    self.complain(block.place, f"{':'.join(pair)} is explained already")
                open_pairs -= matching
        for pair in sorted(open_pairs):
            self.complain(document.head.place, f"{':'.join(pair)} is violated under {proposal} and "
                          "explained by no finding")

    def holding(self, document: Document) -> None:
        for section in document.sections:
            for pair in section.pairs("holds"):
                if self.all.get((document.proposal, *pair)) != "holds":
                    self.complain(section.place, f"{':'.join(pair)} does not hold")


def paragraph(text: str, first: str = "", rest: str | None = None) -> str:
    return textwrap.fill(text, 100, initial_indent=first, break_long_words=False,
                         break_on_hyphens=False,
                         subsequent_indent=first if rest is None else rest)


def quoted(finding: Block) -> list[str]:
    """The sentences that are broken, as quotations."""
    if finding.one("where"):
        said = list(zip(finding.all("sentence"), finding.all("where")))
    else:
        rows = promises()
        said = [(rows[row][1], f"{rows[row][2]}; row {row} of docs/promises")
                for row in finding.words("sentence") if row in rows]
    return [line for sentence, where in said
            for line in [paragraph(f'"{sentence}" ({where})', "> "), ""]]


def section(document: Document, number: int, finding: Block, knotcheck: Knotcheck) -> list[str]:
    lines = [f"## {number}. {finding.one('title')}", "", *quoted(finding)]
    if finding.one("kernel"):
        lines += [f"Kernel: {finding.one('kernel')}; not in 6.12.117.", ""]
    who = finding.one("trigger")
    if finding.one("trigger-note"):
        who += "; " + finding.one("trigger-note")
    lines += [paragraph(f"**Who can trigger it:** {who}"), "",
              paragraph(f"**Against whom:** {finding.one('against')}"), "",
              paragraph(finding.one("effect")), ""]
    for pair in finding.shown():
        command, columns = knotcheck.trace(pair, document.proposal, finding.one("kernel"))
        lines += [f"`{pair[0]}`, `{pair[1]}`:", "", "```", command, "```", "", "```",
                  *[line.rstrip() for line in columns.splitlines()], "```", ""]
    lines += ["**Cause**", ""]
    lines += [paragraph(cause, "- ", "  ") for cause in finding.all("cause")] + [""]
    fix = finding.one("fix")
    if fix == "none":
        lines += [paragraph(f"**Fix:** no toggle. {finding.one('why-no-fix')}"), ""]
    else:
        said = knotcheck.fixes[fix].removesuffix(f" of {document.proposal}")
        status = getattr(finding, "status", {})
        found = "; ".join(f"`{pair[0]}`, `{pair[1]}`: {status.get(pair)}"
                          for pair in finding.shown())
        lines += [paragraph(f"**Fix:** `{fix}`: {said}. With it: {found}."), ""]
        if finding.words("alternatives"):
            names = ", ".join(f"`{name}`" for name in finding.words("alternatives"))
            lines += [paragraph(f"Or: {names}."), ""]
        for name in finding.words("shared"):
            others = [f'"{other.one("title")}"' for other in document.findings
                      if other is not finding
                      and name in [other.one("fix"), *other.words("alternatives")]]
            if others:
                lines += [paragraph(f"`{name}` also closes {', '.join(others)}."), ""]
    kernel = "6.12.117" + (" with the patch" if document.proposal == "pin_args" else "")
    lines += [paragraph(f"**Confirmed on {kernel}:** {finding.one('confirmed')}."), ""]
    for command, shows in zip(finding.all("confirmed-by"), finding.all("confirmed-shows")):
        lines += ["```", *textwrap.wrap(command, 76, subsequent_indent="  "),
                  *textwrap.wrap(shows, 76, initial_indent="  ", subsequent_indent="    "), "```", ""]
    for key, text in [("also", "The same fix also closes"), ("same", "The same in")]:
        if finding.pairs(key):
            named = ", ".join(f"`{pair[0]}` ({pair[1]})" for pair in finding.pairs(key))
            lines += [paragraph(f"{text}: {named}."), ""]
    return lines


def markdown(document: Document, knotcheck: Knotcheck, pool) -> str:
    head = document.head
    lines = [f"# {head.one('title')}", ""]
    for text in head.all("intro"):
        lines += [paragraph(text), ""]
    lines += ["| | finding | who can trigger it | against whom | fix |", "|---|---|---|---|---|"]
    for number, finding in enumerate(document.findings, 1):
        fix = finding.one("fix")
        title = finding.one("title").replace("|", "\\|")
        lines += [f"| {number} | {title} | {finding.one('trigger')} | {finding.one('against')} | "
                  f"{f'`{fix}`' if fix != 'none' else '-'} |"]
    lines += [""]
    parts = pool.map(lambda item: section(document, item[0], item[1], knotcheck),
                     enumerate(document.findings, 1))
    for part in parts:
        lines += part
    title = ""
    for block in document.sections:
        if block.one("section") != title:
            title = block.one("section")
            lines += [f"## {title}", ""]
        if block.one("title"):
            lines += [f"### {block.one('title')}", ""]
        for text in block.all("text"):
            lines += [paragraph(text), ""]
        if block.pairs("holds"):
            named = ", ".join(f"`{pair[0]}` ({pair[1]})" for pair in block.pairs("holds"))
            lines += [paragraph(f"Shown by scenarios that hold: {named}."), ""]
    lines += ["## Violations that are no finding of this document", "",
              paragraph("Every other violation of the collection is closed by one of the fixes "
                        "above. What a supervisor's script does wrong on purpose, and what is the "
                        "matter of another document, stands here."), ""]
    for block in document.explained:
        named = ", ".join(f"`{pair[0]}` ({pair[1]})" for pair in block.pairs("pairs"))
        lines += [paragraph(f"**{block.one('explained')}.** {block.one('because')} {named}.",
                            "- ", "  ")]
    return "\n".join(lines).rstrip("\n") + "\n"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--knotcheck", required=True)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--no-hunt", action="store_true")
    options = parser.parse_args()
    knotcheck = Knotcheck(str(pathlib.Path(options.knotcheck).resolve()))
    documents = [Document(name) for name in DOCUMENTS]
    judge = Judge(knotcheck, documents, not options.no_hunt)
    judge.collection()
    differ = False
    for document in documents:
        judge.form(document)
        if judge.complaints:
            continue
        judge.distinct(document)
        judge.explain(document)
        judge.holding(document)
        text = markdown(document, knotcheck, judge.pool)
        path = document.md()
        if not options.check:
            path.write_text(text)
            continue
        old = path.read_text() if path.is_file() else ""
        name = str(path.relative_to(ROOT))
        difference = list(difflib.unified_diff(old.splitlines(), text.splitlines(), name,
                                               "as generated", lineterm=""))
        if difference:
            differ = True
            print("\n".join(difference))
    for complaint in judge.complaints:
        print(complaint)
    return 1 if judge.complaints or differ else 0


if __name__ == "__main__":
    sys.exit(main())
