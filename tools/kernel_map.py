#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks docs/kernel-map.tsv against a kernel source tree.

usage: kernel_map.py TREE [--write]

Each row names a transcribed function and the hash of its text. A row whose text has another hash in
TREE (linux-source-6.12, 6.12.117) is shown, with exit status 1; --write puts the hashes in.
"""
import hashlib
import pathlib
import re
import sys


def function_text(source: str, name: str) -> str | None:
    """The text of the definition of a C function that begins in column 0 and ends with '}' there."""
    for match in re.finditer(r"^(?:[A-Za-z_][^\n;{}#]*\b)?" + re.escape(name) + r"\(", source, re.M):
        end = source.find("\n}", match.start())
        head = source[match.start():source.find("{", match.start())]
        if ";" not in head and end > 0:
            return source[match.start():end + 2]
    if name.startswith("__sys_"):
        return None
    syscall = re.search(r"^SYSCALL_DEFINE\d\(" + re.escape(name) + r"\b", source, re.M)
    if syscall:
        return source[syscall.start():source.find("\n}", syscall.start()) + 2]
    return None


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    tree = pathlib.Path(sys.argv[1])
    table = pathlib.Path(__file__).resolve().parent.parent / "docs/kernel-map.tsv"
    lines = table.read_text().splitlines()
    differ = 0
    for i, line in enumerate(lines[1:], 1):
        cells = line.split("\t")
        if cells[2] != "6.12.117":
            continue
        text = function_text((tree / cells[0]).read_text(errors="replace"), cells[1])
        found = hashlib.sha256(text.encode()).hexdigest()[:12] if text else "not found"
        if found != cells[3]:
            differ += 1
            print(f"{cells[0]}: {cells[1]}: {cells[3]} in the map, {found} in {tree}")
            cells[3] = found
            lines[i] = "\t".join(cells)
    if "--write" in sys.argv[2:]:
        table.write_text("\n".join(lines) + "\n")
        return 0
    print(f"{len(lines) - 1} rows, {differ} differ")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
