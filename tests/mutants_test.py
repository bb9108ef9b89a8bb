#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The drawing of tools/mutants.py: what it may change, what it leaves alone, and that the same seed
draws the same. Nothing is built."""
import itertools
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools"))
import mutant_places  # noqa: E402
import mutants  # noqa: E402

TYPES = """struct Range { int first = 0; int last; bool open; };
void Use(int a, int b, const Range& range);
"""


def offered(text: str, kind: str | None = None) -> set[str]:
    """The new lines, as one, of all that may become of `text`."""
    text = TYPES + text + "\n"
    source = mutant_places.Source("x.cc", text)
    places = mutant_places.Places(source, list(source.structs.values())).found
    return {mutant_places.described(mutant, text)[3] for place in places for mutant in place
            if kind in (None, mutant.kind)}


class Kinds(unittest.TestCase):
    def both(self, kind: str, before: str, *after: str):
        """A statement becomes each of these, and nothing else of this kind."""
        text = f"void F(Range r, int n, int m, bool b) {{\n  {before}\n}}"
        self.assertEqual(offered(text, kind), set(after), before)

    def test_conditions(self):
        self.both("negate", "if (n > 1) return;", "if (!(n > 1)) return;")
        self.both("negate", "while (b && n) Go();", "while (!(b && n)) Go();")
        self.both("negate", "if (const int k = n; k != 2) Go();",
                  "if (const int k = n; !(k != 2)) Go();")
        self.both("negate", "if (const int k = n) Go();")
        self.both("negate", "if constexpr (sizeof(n) > 4) Go();")
        self.both("negate", "while (true) Go();")

    def test_bounds(self):
        self.both("bound", "for (; n < m;) Go();", "for (; n <= m;) Go();")
        self.both("bound", "b = n >= m;", "b = n > m;")
        self.both("bound", "b = n == m;", "b = n != m;")
        self.both("bound", "std::vector<int> v = Make<int>(n);")
        self.both("bound", "b = v.size() > 0;")  # ">= 0" would be a warning
        self.both("bound", "b = n > 0;", "b = n >= 0;")

    def test_constants(self):
        self.both("constant", "n = 7;", "n = 8;", "n = 6;")
        self.both("constant", "n = m & 0x10u;", "n = m & 0x11u;", "n = m & 0xfu;")
        self.both("constant", "n = 0;", "n = 1;")
        self.both("constant", "n = m % 1;", "n = m % 2;")
        self.both("constant", "std::array<int, 3> a = Get<2>();")
        self.both("constant", "n = m * 0x9e3779b97f4a7c15u;")
        self.both("constant", "double d = 1.5;")
        self.both("plus-one", "n = m + 1;", "n = m;")
        self.both("plus-one", "n = m + 1 * n;")

    def test_and_or(self):
        self.both("and-or", "b = b && n;", "b = b || n;")
        self.both("and-or", "b = b && n == 1 && Ok(m, 2);", "b = (b || n == 1) && Ok(m, 2);",
                  "b = b && (n == 1 || Ok(m, 2));")
        self.both("and-or", "return b || (n && m) ? n : m;", "return b && (n && m) ? n : m;",
                  "return b || (n || m) ? n : m;")
        self.both("and-or", "auto&& x = n;")

    def test_statements(self):
        for statement in ("Go();", "n = m;", "r.first += 2;", "++n;", "k.Push<Range>(n).last = 1;",
                          "*p = n;", "std::sort(a.begin(), a.end());", "return;", "x[n].y->z();"):
            self.both("drop", statement, f"{{ if (false) {statement} }}")
        self.both("drop", "if (b) Go();", "if (b) { if (false) Go(); }")
        self.both("drop", "CALL(k.Push(n));", "{}")
        self.both("drop", "Go(n,\n     m);", "{ if (false) Go(n, m); }")
        self.both("drop", "f([&](int i) { n = i; });", "{ if (false) f([&](int i) { n = i; }); }",
                  "f([&](int i) { { if (false) n = i; } });")
        for statement in ("int k = n;", "Range k;", "Range& k = r;", "std::vector<int> k(n);",
                          "const auto k = n;", "return Go();", "using T = int;", "break;",
                          "static_cast<void>(n);", "Range* k = Make();", "a.reserve(n);", "out:",
                          "goto out;", "case 3:", "[[fallthrough]];", "struct T { int z = 0; };"):
            self.both("drop", statement)

    def test_the_others(self):
        self.both("boolean", "b = true;", "b = false;")
        self.both("or-assign", "n |= m;", "n &= m;")
        self.both("continue", "for (;;) continue;", "for (;;) break;")
        self.both("swap", "Use(n, m, r);", "Use(m, n, r);")
        self.both("swap", "Use(n, 1, r);")
        self.both("field", "n = r.first + r.last;", "n = r.last + r.last;",
                  "n = r.first + r.first;")
        self.both("field", "n = r.first + r.open;")
        self.both("field", "n = r.first + Other().last;")


class LeftAlone(unittest.TestCase):
    def test_lines(self):
        for line in ("n = 1;  // n = 2;", "/* n = 1; */", 'Go(n, "a < b && 1");',
                     "KNOT_CHECK(n < 1);", "static_assert(1 < 2);", 'Go(R"(n = 1;)", n + 1);',
                     'STEP("x",\n     kA | 1);', "#define X(n) n = 1; \\\n  n = 2;"):
            self.assertEqual(offered(f"void F(int n) {{\n{line}\n}}"), set(), line)

    def test_what_is_no_function(self):
        for text in ("constexpr int kMost = 3;", "enum E { kA = 1, kB = kA + 1 };",
                     "struct S {\n  int n = 1 < 2;\n  bool b = true;\n};",
                     "namespace a {\nint n = 1;\n}", "void F(int n = 1, bool b = true);",
                     "template <class T>\nconcept C = requires(T t) {\n  t.Go(1);\n};"):
            self.assertEqual(offered(text), set(), text)

    def test_functions_in_what_is_no_function(self):
        for text in ("namespace {\nstruct S {\n  void F() const {\n    Go();\n  }\n};\n}",
                     "const X x = {.f = [](int) -> const T& {\n  Go();\n}};",
                     "S::S(int n) : n_(n), m_{n} {\n  Go();\n}",
                     "class S {\n  S() : n_(0) { Go(); }\n  int n_;\n};"):
            self.assertEqual(len(offered(text, "drop")), 1, text)


class Drawing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.places, cls.texts = mutant_places.all_places(ROOT)

    def test_the_sources(self):
        self.assertGreater(len(self.places), 5000)
        for file in ("model/kernel/notify.cc", "model/proposals/pin_args/seccomp_pin.cc", "checker/search.h",
                     "lang/parse.cc", "conform/force/turns.cc"):
            self.assertGreater(sum(p[0].file == file for p in self.places), 50, file)
        kinds = {place[0].kind for place in self.places}
        self.assertEqual(len(kinds), 11, kinds)
        self.assertFalse([f for f in self.texts if f.endswith("_test.cc") or "/testing/" in f])

    def test_each_changes_code_only(self):
        for place in self.places:
            for mutant in place:
                _, _, before, after = mutant_places.described(mutant, self.texts[mutant.file])
                self.assertNotEqual(before, after)
                self.assertNotRegex(before.replace("'\"'", ""),
                                    r'"|//|\bSTEP\b|KNOT_CHECK|static_assert|^#')

    def test_the_seed_decides(self):
        def first(seed: int):
            return list(itertools.islice(mutant_places.drawn(self.places, seed), 50))
        self.assertEqual(first(1), first(1))
        self.assertNotEqual(first(1), first(2))
        self.assertEqual(len(set(mutant_places.drawn(self.places, 3))), len(self.places))

    def test_command(self):
        def run(*arguments: str):
            return subprocess.run([sys.executable, "-B", mutants.__file__, *arguments],
                                  capture_output=True, text=True)
        listed = run("--seed", "4", "--count", "3", "--list")
        rows = [line.split("\t") for line in listed.stdout.splitlines()]
        self.assertEqual([row[0] for row in rows], ["1", "2", "3"])
        self.assertEqual({len(row) for row in rows}, {5})
        for bad in (["--count", "3", "--list"], ["--seed", "x", "--count", "3", "--list"],
                    ["--seed", "1", "--count", "0", "--list"], ["--seed", "1", "--count", "1"],
                    ["--seed", "1", "--count", "1", "--tree", str(ROOT), "--log", "/dev/null"],
                    ["--seed", "1", "--count", "1", "--list", "--skip", "("]):
            self.assertEqual(run(*bad).returncode, 2, bad)


if __name__ == "__main__":
    unittest.main()
