#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""units_test.py: files that are compiled at once (CMakeLists.txt, knot_units) have no name for
themselves that another of the same unit has or uses: it would be an overload there, and the compiler
might say nothing."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROOMS = ("lang", "trace", "report", "conform", "tools")
IN_A_UNIT = 4
NAMES = (re.compile(r"^(?:template\b.*> )?[\w:<>,&*\s]*?\b(\w+)\s*\("),
         re.compile(r"^(?:struct|class|enum class|enum)\s+(\w+)"),
         re.compile(r"^using\s+(\w+)\s*="),
         re.compile(r"^(?:static |inline )?const(?:expr|init)?\b[\w:<>,*\s]*?\b(k\w+)\b"))


def own_names(text: str) -> dict[str, str]:
    """What the anonymous namespaces of a file declare at their outermost level, and the line."""
    names, inside = {}, False
    for line in text.split("\n"):
        if line.startswith("namespace {"):
            inside = True
        elif inside and line.strip() == "}  // namespace":
            inside = False
        elif inside and not line.startswith((" ", "//", "#", "}")):
            for pattern in NAMES:
                found = pattern.match(line)
                # A member of a class that the file defines is no name of its own.
                if found and f"::{found[1]}" not in line:
                    names[found[1]] = line
    return names


def conflicts(texts: dict[str, str]) -> list[str]:
    found = []
    for file, text in texts.items():
        for name, line in own_names(text).items():
            for other, code in texts.items():
                if other == file or line.startswith("using") and f"\n{line}\n" in code:
                    continue
                code = re.sub(r"//.*|\"(?:\\.|[^\"\\])*\"", "", code)
                if re.search(rf"(?<![\w:.>]){name}\b(?!::)", code):
                    found.append(f"{file}: {name} is in {other} as well")
    return found


def twice_declared(headers: dict[str, str]) -> list[str]:
    """A function of two headers: a file that includes the one alone finds the other's as well."""
    declared: dict[str, set[str]] = {}
    for file, text in headers.items():
        for name in re.findall(r"^(?![ /#}])[\w:<>,&* ]+[ &*](\w+)\(", text, re.M):
            declared.setdefault(name, set()).add(file)
    return [f"{name} is declared in {' and '.join(sorted(files))}"
            for name, files in declared.items() if len(files) > 1]


def units(room: str) -> list[list[pathlib.Path]]:
    files = [file for file in sorted((ROOT / room).rglob("*.cc"))
             if not re.search(r"_test\.cc$|_main\.cc$|/testing/|/conform/(runner|source)/"
                              r"|/conform/proposals/[^/]*/(runner|source)\.cc$", str(file))]
    return [files[i:i + IN_A_UNIT] for i in range(0, len(files), IN_A_UNIT)]


def main() -> int:
    one = "namespace {\nint Take(int x) {\n}\n}  // namespace\n"
    assert conflicts({"a": one, "b": "void F() { Take(1L); }\n"})
    assert conflicts({"a": one, "b": one})
    assert not conflicts({"a": one, "b": "void F() { base::Take(1L); x.Take(2); }  // Take\n"})
    alias = "namespace {\nusing J = int;\n}  // namespace\n"
    assert not conflicts({"a": alias, "b": alias})

    assert twice_declared({"a": "int F(int x);\n", "b": "void F(long x);\n"})
    assert not twice_declared({"a": "int F(int x);\n", "b": "void G(long x);\n  F(x);\n"})

    found = []
    for room in ROOMS:
        found += twice_declared({str(file.relative_to(ROOT)): file.read_text()
                                 for file in (ROOT / room).rglob("*.h")
                                 if "/runner/" not in str(file)})
        for unit in units(room):
            found += conflicts({str(file.relative_to(ROOT)): file.read_text() for file in unit})
    for each in found:
        print(each)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
