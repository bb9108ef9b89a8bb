#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/kernel-statements.tsv: how statements are told apart, and that a map without one fails.

With linux-source-6.12 installed the map is compared with it; with a patch in KNOT_KERNEL_INPUTS
(default: ../shared/kernel) what it changes, too. What is left out is said.
"""
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import kernel_statements as ks  # noqa: E402

ARCHIVE = pathlib.Path("/usr/src/linux-source-6.12.tar.xz")
INPUTS = pathlib.Path(os.environ.get("KNOT_KERNEL_INPUTS", ROOT.parent / "shared/kernel"))
PATCH = INPUTS / "pin_args-v1-on-6.12.patch"

# Everything that a function of the notifier has: declarations, heads without braces, else, labels,
# macros that are loops, initialisers, strings with semicolons, comments, preprocessor lines.
TOY = '''static long toy(struct file *file)
{
	struct a b = { .c = 1, .d = { 2 } };
	int i, ret;
	/* if (never) return; */
	if (file && (i || ret))
		return -EINVAL; // no
	else if (i) {
		list_for_each_entry(cur, &list, node) {
			puts("a; {b}");
		}
	} else
		ret = 0;
#ifdef CONFIG
	for (i = 0; i < 3; i++)
		continue;
#endif
	switch (ret) {
	case 1:
		break;
	default:
		goto out;
	}
	do {
		i = f(g(1), 2);
	} while (i);
out:
	return ret ?: i;
}
'''
TOLD = [
    "struct a b = { .c = 1, .d = { 2 } }", "if (file && (i || ret))", "return -EINVAL", "if (i)",
    "list_for_each_entry(cur, &list, node)", 'puts("a; {b}")', "ret = 0", "for (i = 0; i < 3; i++)",
    "continue", "switch (ret)", "case 1:", "break", "default:", "goto out", "i = f(g(1), 2)",
    "while (i)", "out:", "return ret ?: i"
]


def fail(what: str) -> None:
    print(f"FAILED: {what}")
    sys.exit(1)


def test_statements() -> None:
    text = ks.function_text("int other(void);\n" + TOY, "toy")
    found = ks.statements(text or "{}")
    if found != TOLD:
        fail(f"the statements of the toy are {found}")
    if ks.function_text(TOY, "other") is not None:
        fail("a function that is not there was found")


def test_map() -> list:
    rows = ks.read_map(ks.MAP.read_text())
    wrong = ks.check_model(rows, ROOT)
    if wrong:
        fail("\n".join(wrong))
    return rows


def test_what_is_taken_out(rows: list) -> None:
    """A STEP, and the code of a merged statement, is missed when the transcription loses it."""
    draw = random.Random(1)
    steps = [row for row in rows if row.how == "step" and not ks.elsewhere(row)]
    merged = [row for row in rows if row.how == "merged" and not ks.elsewhere(row)]
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        shutil.copytree(ROOT / "model", root / "model")
        if ks.check_model(rows, root):
            fail("a copy of the model is not what the model is")
        for row in draw.sample(steps, 10) + draw.sample(merged, 10):
            for name in row.inside.split():
                path = root / name.partition(":")[0]
                before = path.read_text()
                function = ks.function_text(before, name.partition(":")[2]) or ""
                # Every place in this function: a map cannot tell one of several from the others.
                wanted = ks.re.sub(r"(\\\\ | )+", lambda _: r'\\s*(?:"\\s*")?\\s*', ks.re.escape(row.model))
                cut = ks.re.sub(wanted, "TAKEN_OUT", function)
                path.write_text(before.replace(function, cut))
                if cut != function and not ks.check_model(rows, root):
                    fail(f"{row.place}: nobody misses '{row.model}' in {name}")
                path.write_text(before)


def test_kernel(rows: list) -> None:
    if not ARCHIVE.is_file():
        print(f"left out: {ARCHIVE} is not installed, so nothing is compared with the kernel")
        return
    files = sorted({row.file for row in rows})
    patch = PATCH if PATCH.is_file() else None
    if patch:
        files += ks.re.findall(r"^--- a/(\S+)$", patch.read_text(errors="replace"), ks.re.M)
    else:
        print(f"left out: {PATCH} is not there, so the statements of the patch are not compared")
    with tempfile.TemporaryDirectory() as folder:
        # Files that only the patch makes are not there; tar says so.
        subprocess.run(["tar", "xJf", str(ARCHIVE), "--strip-components=1", "-C", folder] +
                       [f"linux-source-6.12/{file}" for file in sorted(set(files))],
                       check=False, stderr=subprocess.DEVNULL)
        kernel = ks.Kernel(pathlib.Path(folder), patch)
        wrong, checked, left = ks.check_kernel(rows, kernel)
        kernel.close()
    if wrong:
        fail("\n".join(wrong))
    print(f"{checked} statements compared with the kernel, {left} left out")


def main() -> int:
    test_statements()
    rows = test_map()
    test_what_is_taken_out(rows)
    test_kernel(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
