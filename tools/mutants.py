#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mutants that nobody chose: which test notices that one statement, drawn by lot, is wrong?

usage: mutants.py --seed N --count N --list [--tree DIR]
       mutants.py --seed N --count N --tree DIR --log FILE [options]

Places are drawn uniformly (tools/mutant_places.py). Each mutant is built and tested in --tree, a
git worktree with its own build directory, which is made from HEAD if it is not there. Tests run
until one fails, those of one program after the other, fastest first, and those that compare golden
files last and apart. Tests that read the sources as text are left out: they notice any change. The
log is a table with tabs, one row a mutant; the same command goes on with those that have no row
yet. What does not compile is not counted.

Exit status: 0 whatever survived; 1 the tree itself does not build or pass; 2 bad input; 130
interrupted.
"""
import argparse
import collections
import contextlib
import itertools
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

sys.dont_write_bytecode = True  # no __pycache__ among the sources
from mutant_places import all_places, described, drawn, mutated  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEXT_TESTS = r"^(House\.|Errnos\.TableSays|system_calls$|promises$|mutants$)"
COLUMNS = ["seed", "number", "place", "kind", "before", "after", "result", "test", "seconds"]
CAUGHT, TIME_OUT, GOLDEN = "caught", "caught by time-out", "caught by golden files only"
SURVIVED, NOT_BUILT = "survived", "does not compile"
# Test programs that are built and run first, in this order: those that take long to build last.
PROGRAMS = ("base_test", "checker_test", "model_test", "lang_test", "verify_test",
            "conform_test")
QUICK = 3  # seconds; what takes less than that is run in one process
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def give_up(message: str, status: int = 2):
    print(f"mutants.py: {message}", file=sys.stderr)
    sys.exit(status)


def run(command: list, limit: float | None = None,
        cwd: pathlib.Path | None = None) -> tuple[int | None, str]:
    """Exit status, None when the time was over, and what it wrote. Nothing of it lives on."""
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, cwd=cwd,
                                   stderr=subprocess.STDOUT, process_group=0)
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        return status, output.read()


def git(tree: pathlib.Path, *command: str) -> str:
    status, output = run(["git", "-C", tree, *command])
    if status != 0:
        give_up(f"git {' '.join(command)}: {output.strip()}")
    return output.strip()


class Tree:
    """A worktree, its build directory, and the times of its tests without a mutant."""

    def __init__(self, path: pathlib.Path, arguments: argparse.Namespace):
        self.path, self.arguments = path, arguments
        self.build = path / "build" / "mutants"
        if not path.exists():
            git(ROOT, "worktree", "add", "--detach", str(path), "HEAD")
        common = ["rev-parse", "--path-format=absolute", "--git-common-dir"]
        if path == ROOT or git(path, "rev-parse", "--show-toplevel") != str(path) or \
                git(path, *common) != git(ROOT, *common):
            give_up(f"{path} is not a worktree of {ROOT} of its own")
        if git(path, "status", "--porcelain", "--untracked-files=no"):
            give_up(f"{path} has changes; if nobody needs them: git -C {path} checkout .")
        if not (self.build / "build.ninja").exists():
            status, output = run(["cmake", "--preset", "release", "-S", path, "-B", self.build,
                                  f"-DCMAKE_CXX_FLAGS_RELEASE={arguments.flags}",
                                  "-DKNOTCHECK_BENCH=OFF"])
            if status != 0:
                give_up(f"cmake: {output}", 1)

    def ninja(self, limit: float | None = None, *targets: str) -> tuple[int | None, str]:
        return run(["ninja", "-C", self.build, f"-j{self.arguments.jobs}", *targets], limit)

    def ctest(self, tests: list[dict], limit: float | None, *options: str):
        """Runs tests in the order given. Exit status, what failed and how, and all output."""
        # A directory of tests of our own: ctest alone would begin with the slowest.
        folder = self.build / "mutant-tests"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()

        def quoted(value) -> str:
            value = ";".join(value) if isinstance(value, list) else str(value)
            return f"[===[{value}]===]"
        with (folder / "CTestTestfile.cmake").open("w") as file:
            for cost, test in zip(range(len(tests), 0, -1), tests):
                properties = {p["name"]: p["value"] for p in test["properties"]
                              if p["name"] not in ("COST", "DEPENDS", "TIMEOUT")}
                properties |= {"COST": cost, "TIMEOUT": test["limit"]}
                pairs = " ".join(f"{k} {quoted(v)}" for k, v in properties.items())
                print(f"add_test({quoted(test['name'])} {' '.join(map(quoted, test['command']))})\n"
                      f"set_tests_properties({quoted(test['name'])} PROPERTIES {pairs})", file=file)
        status, output = run(["ctest", "--test-dir", folder, f"-j{self.arguments.jobs}",
                              "--output-on-failure", *options], limit)
        _, _, failed = output.rpartition("The following tests FAILED:")
        return status, re.findall(r"^\s*\d+ - (.*) \(([\w ]+)\)$", failed, re.M), output

    def prepare(self) -> None:
        """Builds, and runs every test whose time is not known yet."""
        print("building without a mutant", file=sys.stderr)
        status, output = self.ninja()
        if status != 0:
            give_up(f"without a mutant, ninja says: {output[-3000:]}", 1)
        status, output = run(["ctest", "--test-dir", self.build, "--show-only=json-v1"])
        tests = json.loads(output[output.index("{"):])["tests"]
        known = self.build / "mutant-times.json"
        times, head = {}, git(self.path, "rev-parse", "HEAD")
        if known.exists() and (kept := json.loads(known.read_text()))["head"] == head:
            times = kept["seconds"]
        a = self.arguments
        self.tests, self.golden = [], []
        for test in tests:
            of = {p["name"]: p["value"] for p in test["properties"]}
            names = [test["name"], *of.get("LABELS", [])]
            if re.search(TEXT_TESTS, test["name"]) or \
                    a.skip and any(re.search(a.skip, name) for name in names):
                continue
            golden = any(re.search(a.golden, name) for name in names) if a.golden else \
                "--golden" in test["command"]
            (self.golden if golden else self.tests).append(test)
            test["limit"] = of.get("TIMEOUT", 1500)
        fresh = [t for t in self.tests + self.golden if t["name"] not in times]
        if fresh:
            print(f"{len(fresh)} tests without a mutant", file=sys.stderr)
            junit = self.build / "mutant-times.xml"
            status, failed, output = self.ctest(fresh, None, "--output-junit", str(junit))
            for case in xml.etree.ElementTree.parse(junit).iter("testcase"):
                if case.get("status") != "fail":
                    times[case.get("name")] = float(case.get("time"))
            known.write_text(json.dumps({"head": head, "seconds": times}))
            if status != 0:
                give_up(f"{output[-3000:]}\nwithout a mutant, there fail: " +
                          ", ".join(name for name, _ in failed) + "; see --skip", 1)
        self.times = times
        for test in self.tests + self.golden:  # an endless loop should not use up all the time
            test["limit"] = min(test["limit"], 30 + 10 * times[test["name"]])
        self.tests.sort(key=lambda test: (times[test["name"]], test["name"]))
        seconds = sum(times[test["name"]] for test in self.tests + self.golden) / a.jobs
        print(f"{len(self.tests)} tests and {len(self.golden)} of golden files: about "
              f"{seconds:.0f} s where none fails", file=sys.stderr)
        if seconds >= a.limit:
            give_up(f"--limit {a.limit} would take every mutant for caught; see --skip")
        if seconds > a.limit / 2:
            print(f"--limit {a.limit} may take survivors for caught by time-out", file=sys.stderr)

    def together(self, tests: list[dict], limit: float) -> tuple[str, str] | None:
        """Runs tests of one program in one process: most take less than to start it."""
        program = tests[0]["command"][0]
        filters = [a.partition("=")[2] for test in tests for a in test["command"]
                   if a.startswith("--gtest_filter=")]
        status, output = run([program, "--gtest_fail_fast", "--gtest_filter=" + ":".join(filters)],
                             limit, self.build)
        if status == 0:
            return None
        failed = re.findall(r"^\[  FAILED  \] ([^ ,]*)", output, re.M)
        begun = re.findall(r"^\[ RUN      \] (.*)$", output, re.M)
        return TIME_OUT if status is None else CAUGHT, (failed[:1] or begun[-1:] or ["?"])[0]

    def stages(self):
        """Test programs one by one, each with its tests, then all that is left, then golden files.

        A program that is the same file as before has nothing to say of the mutant.
        """
        rest = list(self.tests)
        for target in PROGRAMS:
            program = self.build / target
            if not program.exists():
                continue
            before = program.stat().st_mtime_ns
            yield [target], lambda: program.stat().st_mtime_ns == before, [
                test for test in rest if test["command"][0] == str(program)], CAUGHT
            rest = [test for test in rest if test["command"][0] != str(program)]
        yield [], lambda: False, rest, CAUGHT
        yield [], lambda: False, self.golden, GOLDEN

    def judge(self) -> tuple[str, str]:
        """Result and test of the mutant that stands in the tree."""
        left = self.arguments.limit
        for targets, same, tests, result in self.stages():
            status, output = self.ninja(self.arguments.build_limit, *targets)
            if status is None:
                return NOT_BUILT, f"not built in {self.arguments.build_limit} s"
            if status != 0:
                if " error: " not in output and "Error running test executable" in output:
                    return CAUGHT, "a test program that does not start"
                return NOT_BUILT, (re.findall(r" error: (.*)", output) or ["?"])[0]
            if not tests or same():
                continue
            begin = time.monotonic()
            quick = [test for test in tests if targets and self.times[test["name"]] < QUICK]
            if quick:
                found = self.together(quick, min(left, 60 + 10 * QUICK))
                if found:
                    return found
                tests = [test for test in tests if test not in quick]
            if not tests:
                continue
            status, failed, output = self.ctest(tests, left, "--stop-on-failure")
            left = max(1, left - (time.monotonic() - begin))
            if status is None:
                started = re.findall(r"^ *Start +(\d+): (.*)$", output, re.M)
                over = set(re.findall(r" Test +#(\d+): ", output))
                return TIME_OUT, ", ".join(name for n, name in started if n not in over)
            if status != 0:
                if result == GOLDEN and "--golden" in tests[0]["command"] and \
                        ", 0 differ, 0 incomplete" not in output:
                    result = CAUGHT  # its verdicts differ as well, or it died
                if failed and all(how == "Timeout" for _, how in failed):
                    result = TIME_OUT
                return result, ", ".join(name for name, _ in failed)
        return SURVIVED, ""


def logged(path: pathlib.Path, seed: int) -> dict[int, list[str]]:
    """The rows of a log by number; a last one that was cut off is removed."""
    header = "\t".join(COLUMNS) + "\n"
    text = path.read_text() if path.exists() else ""
    if not text:
        path.write_text(header)
    elif not text.startswith(header):
        give_up(f"{path} is no log of mutants")
    elif not text.endswith("\n"):
        text = text[:text.rfind("\n") + 1]
        path.write_text(text)
    rows = [line.split("\t") for line in text[len(header):].split("\n")[:-1]]
    for row in rows:
        if len(row) != len(COLUMNS) or not row[0].isdigit() or not row[1].isdigit():
            give_up(f"{path} has a row that is none: {row}")
    return {int(row[1]): row for row in rows if int(row[0]) == seed}


def try_mutants(tree: Tree, places: list, texts: dict[str, str], a: argparse.Namespace) -> list:
    """The rows of all mutants that are drawn, those of the log among them."""
    known, rows, counted, ready = logged(a.log, a.seed), [], 0, False
    for number, mutant in enumerate(drawn(places, a.seed), 1):
        if counted == a.count:
            break
        text = texts[mutant.file]
        what = [str(a.seed), str(number), *described(mutant, text)]
        row = known.get(number)
        if row is None and a.only and not re.search(a.only, mutant.file):
            counted += 1
            continue
        if row is not None and row[:len(what)] != what:
            give_up(f"{a.log} is of other sources: there, number {number} is {row[2:6]}")
        if row is None:
            if not ready:
                tree.prepare()
                ready = True
            begin = time.monotonic()
            try:
                (tree.path / mutant.file).write_text(mutated(mutant, text))
                result, test = tree.judge()
            finally:
                git(tree.path, "checkout", "--", mutant.file)
            row = [*what, result, " ".join(test.split()), f"{time.monotonic() - begin:.1f}"]
            with a.log.open("a") as log:
                log.write("\t".join(row) + "\n")
            print(" ".join([row[1], *row[2:4], *row[6:]]), "s", file=sys.stderr)
        rows.append(row)
        counted += row[6] != NOT_BUILT
    if counted < a.count and not a.only:
        print(f"there are no more places than these {len(rows)}", file=sys.stderr)
    return rows


def summary(rows: list) -> None:
    for result, count in sorted(collections.Counter(row[6] for row in rows).items()):
        print(f"{count:5} {result}")
    for row in rows:
        if row[6] in (GOLDEN, SURVIVED):
            print(f"\n{row[1]} {row[2]}: {row[3]}, {row[6]}\n  - {row[4]}\n  + {row[5]}")


def stop(*_) -> None:
    for number in STOPS:  # what follows only tidies up
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"found '{text}', expected a number above 0")
    return int(text)


def regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"'{text}' is no regular expression: {error}") from None
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    path = {"type": lambda text: pathlib.Path(text).resolve(), "metavar": "PATH"}
    parser.add_argument("--seed", type=positive, required=True)
    parser.add_argument("--count", type=positive, required=True, help="mutants that compile")
    parser.add_argument("--list", action="store_true", help="only print what is drawn")
    parser.add_argument("--tree", **path, help="the worktree")
    parser.add_argument("--log", **path, help="a table that is appended to")
    parser.add_argument("--only", type=regex, metavar="REGEX", help="leave out, for a later run, "
                        "those of the drawn mutants whose file does not match")
    parser.add_argument("--skip", type=regex, metavar="REGEX", help="tests, or their labels")
    parser.add_argument("--golden", type=regex, metavar="REGEX", help="tests, or their labels, "
                        "that compare golden files (default: whose command has --golden)")
    parser.add_argument("--limit", type=positive, default=300, help="s for a mutant's tests")
    parser.add_argument("--build-limit", type=positive, default=1800, help="s for its build")
    parser.add_argument("--jobs", type=positive, default=2)
    parser.add_argument("--memory", type=positive, default=8, help="GiB for each process")
    parser.add_argument("--flags", default="-O1 -DNDEBUG",
                        help="of the compiler, for a new build directory (default: %(default)s)")
    a = parser.parse_args()
    if a.list:
        places, texts = all_places(a.tree if a.tree and a.tree.exists() else ROOT)
        for number, mutant in enumerate(itertools.islice(drawn(places, a.seed), a.count), 1):
            print("\t".join([str(number), *described(mutant, texts[mutant.file])]))
        return 0
    if not a.tree or not a.log:
        parser.error("--tree and --log are needed, or --list")
    for number in STOPS:
        signal.signal(number, stop)
    os.environ.setdefault("RC_PARAMS", "seed=1")
    resource.setrlimit(resource.RLIMIT_AS, (a.memory << 30, a.memory << 30))
    try:
        tree = Tree(a.tree, a)
        summary(try_mutants(tree, *all_places(a.tree), a))
    except KeyboardInterrupt:
        print("interrupted; the same command goes on", file=sys.stderr)
        return 130
    except OSError as error:
        give_up(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
