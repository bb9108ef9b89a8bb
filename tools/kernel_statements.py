#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The kernel map by statement: docs/kernel-statements.tsv.

usage: kernel_statements.py list TREE FILE FUNCTION   the function's statements, numbered
       kernel_statements.py check [TREE [PATCH]]      the map against the model, and against a kernel
       kernel_statements.py show TREE [PATCH]         the map with the kernel's text beside it

TREE is linux-source-6.12 (6.12.117), PATCH what a proposal changes there. The map has no text of the
kernel's: a statement is its number in its function and a hash. Each statement is

  step      a STEP of the transcription: `model` is its statement there
  merged    part of another step: `model` is text of the transcription, `why` why nobody can tell
  left out  not modelled: `why` says why
  model     no statement of this function: a STEP of the transcription that `why` explains; without hash

Texts of the model stand in the order of the C statements, so one that is taken out is missed; so is a
STEP that no row names. `model` may begin with FILE:FUNCTION and '|' where another function has it.
"""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAP = pathlib.Path(os.environ.get("KERNEL_STATEMENTS", ROOT / "docs/kernel-statements.tsv"))
COLUMNS = ["source", "file", "function", "in", "number", "hash", "how", "model", "why"]
# A declaration that initialises nothing is no statement.
DECLARATION = re.compile(
    r"^(?:(?:static|const|unsigned|struct|enum|union|volatile)\s+)*"
    r"(?:void|int|long|char|bool|short|size_t|ssize_t|u8|u16|u32|u64|s32|s64|__u\d+|__poll_t|loff_t|pid_t|"
    r"gfp_t|cpumask_t|struct \w+|enum \w+|DECLARE_\w+|DEFINE_\w+|LIST_HEAD|\w+_t)\b[^=(]*$")
HEADS = re.compile(r"^(?:else\s+)?(if|while|for|switch|list_for_each_entry\w*|for_each_\w+)\s*\(")


def without_comments(text: str) -> str:
    """The text without comments and preprocessor lines; strings stay."""
    text = re.sub(r'("(?:\\.|[^"\\])*")|/\*.*?\*/|//[^\n]*',
                  lambda match: match.group(1) or " ", text, flags=re.S)
    return re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", " ", text, flags=re.M)


def closing(text: str, at: int) -> int:
    """The index of the parenthesis that closes the one at `at`."""
    depth = 0
    for i in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return i
    raise ValueError("a parenthesis is not closed")


def statements(function: str) -> list[str]:
    """The statements of a C function in order: heads of branches and loops, labels, the rest."""
    text = without_comments(function)
    text = text[text.index("{") + 1:text.rindex("}")]
    found: list[str] = []
    piece = ""
    i = 0

    def end() -> None:
        nonlocal piece
        words = " ".join(piece.split())
        piece = ""
        words = re.sub(r"^else\b\s*", "", words)
        if words in ("", "do", "else") or DECLARATION.match(words):
            return
        found.append(words)

    while i < len(text):
        c = text[i]
        if c == '"':
            stop = re.compile(r'"(?:\\.|[^"\\])*"').match(text, i)
            assert stop
            piece += stop.group(0)
            i = stop.end()
            continue
        if c == "(":
            stop_at = closing(text, i)
            head = HEADS.match(" ".join((piece + "(").split()))
            piece += text[i:stop_at + 1]
            i = stop_at + 1
            if head:
                end()
            continue
        if c in ";{}":
            # An initialiser's braces belong to its statement.
            if c == "{" and piece.rstrip().endswith("="):
                depth = 0
                for j in range(i, len(text)):
                    depth += {"{": 1, "}": -1}.get(text[j], 0)
                    if depth == 0:
                        break
                piece += text[i:j + 1]
                i = j + 1
                continue
            end()
        elif c == ":" and re.match(r"^\s*(?:case\b[^?]*|default|[A-Za-z_]\w*)\s*$", piece):
            piece += ":"
            end()
        else:
            piece += c
        i += 1
    end()
    return found


def digest(statement: str) -> str:
    return hashlib.sha256(statement.encode()).hexdigest()[:8]


def function_text(source: str, name: str) -> str | None:
    """The definition of a C or C++ function that begins in column 0 and ends with '}' there."""
    for match in re.finditer(r"^(?:[A-Za-z_][^\n;{}#]*[ *])?" + re.escape(name) + r"\(", source, re.M):
        brace = source.find("{", match.start())
        if brace < 0 or ";" in source[match.start():brace]:
            continue
        if source[match.start():source.find("\n", match.start())].rstrip().endswith("}"):
            return source[match.start():source.find("\n", match.start())]
        return source[match.start():source.find("\n}", match.start()) + 2]
    return None


class Row:
    def __init__(self, line: str, number: int):
        cells = line.split("\t")
        self.place = f"{MAP.name}:{number}"
        if len(cells) != len(COLUMNS):
            sys.exit(f"{self.place}: found {len(cells)} columns, expected {len(COLUMNS)}")
        (self.source, self.file, self.function, self.inside, count, self.hash, self.how, self.model,
         self.why) = cells
        self.number = int(count) if count.isdigit() else -1


def read_map(text: str) -> list[Row]:
    lines = text.splitlines()
    if not lines or lines[0].split("\t") != COLUMNS:
        sys.exit(f"{MAP.name}:1: expected the columns " + ", ".join(COLUMNS))
    return [Row(line, i) for i, line in enumerate(lines[1:], 2) if line]


def by_function(rows: list[Row]) -> dict[tuple[str, str, str], list[Row]]:
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.source, row.file, row.function), []).append(row)
    return groups


def flat(text: str) -> str:
    """Text as rows have it: one space for any blank, string literals that were broken joined."""
    return " ".join(re.sub(r'"\s*\n\s*"', "", text).split()).replace('STEP( "', 'STEP("')


def model_text(inside: str, root: pathlib.Path, place: str) -> str:
    """The transcriptions "FILE:FUNCTION FILE:FUNCTION", one after the other."""
    # Its comments say why, not what it does.
    texts = []
    for name in inside.split():
        file, _, function = name.partition(":")
        path = root / file
        text = function_text(path.read_text(), function) if path.is_file() else None
        if text is None:
            sys.exit(f"{place}: found {name}, expected a function of the model")
        texts.append(without_comments(text))
    return "\n".join(texts)


def steps_of(text: str) -> list[str]:
    """The statements of the STEPs in a transcription."""
    literals = re.findall(r'\bSTEP\(\s*((?:"(?:\\.|[^"\\])*"\s*)+)', text)
    return [re.sub(r'^"|"$', "", re.sub(r'"\s*"', "", flat(literal))) for literal in literals]


def elsewhere(row: Row) -> tuple[str, str] | None:
    """FILE:FUNCTION and the text of a row whose transcription stands in another function."""
    match = re.match(r"^(\S+\.(?:cc|h):[^\s|]+)\|(.*)$", row.model)
    return (match[1], match[2]) if match else None


def check_model(rows: list[Row], root: pathlib.Path) -> list[str]:
    """What the rows say of the model, against the model."""
    wrong = []
    # STEPs that a row of another function names: of a callee that the kernel has and the model inlines.
    named_elsewhere = {elsewhere(row) for row in rows if row.how == "step" and elsewhere(row)}
    for group in by_function(rows).values():
        first = group[0]
        own = model_text(first.inside, root, first.place) if first.inside != "-" else ""
        steps = steps_of(own)
        text = flat(own)
        at = 0
        named: list[str] = []
        for row in group:
            if row.how not in ("step", "merged", "left out", "model"):
                wrong.append(f"{row.place}: found '{row.how}', expected step, merged, left out or model")
            if row.how != "step" and not row.why.strip("- "):
                wrong.append(f"{row.place}: {row.how}, and no word why")
            if row.how == "left out":
                continue
            if other := elsewhere(row):
                there = model_text(other[0], root, row.place)
                found = other[1] in steps_of(there) if row.how == "step" else flat(other[1]) in flat(there)
                if not found:
                    wrong.append(f"{row.place}: {other[0]} has no {row.how} '{other[1]}'")
                continue
            if first.inside == "-":
                wrong.append(f"{row.place}: found {row.how} without a place, expected FILE:FUNCTION|TEXT")
                continue
            if row.how in ("step", "model"):
                named.append(row.model)
                if named.count(row.model) > steps.count(row.model):
                    wrong.append(f"{row.place}: {first.inside} has no STEP(\"{row.model}\") that no "
                                 "other row names")
                    continue
            wanted = flat(row.model)
            if row.how != "merged":
                wanted = f'STEP("{wanted}"'
            here = text.find(wanted, at)
            if here < 0:
                before = " before what the rows above name" if wanted in text else ""
                wrong.append(f"{row.place}: found '{row.model}'{before or ' nowhere'}, expected it "
                             f"in {first.inside} behind those")
                continue
            at = here + (1 if row.how == "merged" else len(wanted))
        for step in sorted(set(steps)):
            if any((name, step) in named_elsewhere for name in first.inside.split()):
                continue
            if named.count(step) < steps.count(step):
                wrong.append(f"{first.place}: no row is STEP(\"{step}\") of {first.inside}")
    return wrong


class Kernel:
    """A source tree, and the tree that a patch makes of it."""

    def __init__(self, tree: pathlib.Path, patch: pathlib.Path | None):
        self.tree = tree
        self.patched = None
        if patch is None:
            return
        self.patched = pathlib.Path(tempfile.mkdtemp(prefix="kernel_statements"))
        for file in re.findall(r"^--- a/(\S+)$", patch.read_text(errors="replace"), re.M):
            to = self.patched / file
            to.parent.mkdir(parents=True, exist_ok=True)
            if (tree / file).is_file():
                shutil.copy(tree / file, to)
        subprocess.run(["patch", "-p1", "-s", "-f", "-i", str(patch.resolve())], cwd=self.patched,
                       check=False, stdout=subprocess.DEVNULL)

    def close(self) -> None:
        if self.patched:
            shutil.rmtree(self.patched)

    def statements(self, row: Row) -> list[str] | None:
        """Of the function of a row; None: its tree is not at hand."""
        root = self.tree if row.source == "6.12.117" else self.patched
        if root is None:
            return None
        path = root / row.file
        if not path.is_file():
            sys.exit(f"{row.place}: {path} is not there")
        text = function_text(path.read_text(errors="replace"), row.function)
        return statements(text) if text else []


def check_kernel(rows: list[Row], kernel: Kernel) -> tuple[list[str], int, int]:
    wrong = []
    checked = left = 0
    for group in by_function(rows).values():
        first = group[0]
        there = kernel.statements(first)
        group = [row for row in group if row.how != "model"]
        if there is None:
            left += len(group)
            continue
        checked += len(group)
        hashes = [digest(statement) for statement in there]
        said = [row.hash for row in group]
        if hashes == said and [row.number for row in group] == list(range(1, len(group) + 1)):
            continue
        wrong.append(f"{first.place}: {first.file}: {first.function}() has {len(hashes)} statements, the "
                     f"map {len(said)}")
        for i in range(max(len(hashes), len(said))):
            if i >= len(hashes) or i >= len(said) or hashes[i] != said[i]:
                text = there[i] if i < len(there) else "(none)"
                wrong.append(f"  from {i + 1} on: {text[:100]}")
                break
    return wrong, checked, left


def main(arguments: list[str]) -> int:
    if len(arguments) == 4 and arguments[0] == "list":
        path = pathlib.Path(arguments[1]) / arguments[2]
        text = function_text(path.read_text(errors="replace"), arguments[3]) if path.is_file() else None
        if text is None:
            print(f"{arguments[2]}: found no function {arguments[3]}()", file=sys.stderr)
            return 1
        for i, statement in enumerate(statements(text), 1):
            print(f"{i}\t{digest(statement)}\t{statement}")
        return 0
    if arguments and arguments[0] in ("check", "show") and len(arguments) <= 3:
        rows = read_map(MAP.read_text())
        wrong = check_model(rows, ROOT)
        told = f"{len(rows)} statements; the model has what they say"
        if len(arguments) > 1:
            kernel = Kernel(pathlib.Path(arguments[1]),
                            pathlib.Path(arguments[2]) if len(arguments) > 2 else None)
            if arguments[0] == "show":
                for group in by_function(rows).values():
                    for row, text in zip(group, kernel.statements(group[0]) or []):
                        print(f"{row.function} {row.number}: {text}\n    {row.how}: "
                              f"{row.model}{' -- ' + row.why if row.why else ''}")
            found, checked, left = check_kernel(rows, kernel)
            kernel.close()
            wrong += found
            told += f"; {checked} compared with the kernel"
            if left:
                told += f", {left} left out: there is no patch"
        for line in wrong:
            print(line)
        print(told if not wrong else f"{len(wrong)} lines of what is wrong")
        return 1 if wrong else 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
