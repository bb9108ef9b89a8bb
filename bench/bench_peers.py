#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run one protocol family in spin, in rumur and in our checker; compare.

The models for spin and rumur are in peers/, next to this file.  Each chosen
tool runs once on each chosen row.  Building is not timed.  Processor time is
user plus system time and memory is the largest resident set, both as the
kernel accounts them to the finished process (wait4), for every tool alike.

Exit status: 0 if every run says that the properties hold, with the expected
counts where those are exact; 1 if not; 2 if it could not start; 130 on Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Optional

PEERS = Path(__file__).resolve().parent / "peers"

GCC = ["gcc", "-O3", "-march=native", "-w"]
SPIN_DEPTH = 1_000_000
POLL_S = 0.01
BUILD_TIMEOUT_S = 600.0

HOLDS, VIOLATED, INCOMPLETE = "holds", "violated", "incomplete"
TIMEOUT, FAILED = "timeout", "failed"


@dataclass(frozen=True)
class Row:
    """One member of the family, and the exact size of its state graph."""

    name: str
    n: int
    m: int
    k: int
    s: int
    sig: int
    fix: int
    states: int
    transitions: int  # as spin counts them: edges + 1

    def parameters(self) -> dict[str, int]:
        return {
            "N": self.n, "M": self.m, "K": self.k, "S": self.s,
            "R": 1, "W": 2, "V": 2,
            "SIG": self.sig, "MODE": 1, "FIX": self.fix, "OUTLIVE": 1,
        }

    def assignments(self) -> list[str]:
        return [f"{name}={value}" for name, value in self.parameters().items()]


ROWS = {row.name: row for row in (
    #    name  N  M  K  S SIG FIX
    Row("F1", 2, 1, 2, 2, 1, 1, 738_052, 2_527_903),
    Row("F2", 2, 2, 2, 2, 1, 1, 4_431_404, 27_144_217),
    Row("F3a", 3, 1, 1, 2, 1, 1, 11_635_467, 40_174_782),
    Row("F3b", 3, 2, 2, 2, 0, 0, 10_450_374, 64_008_625),
    Row("F4", 3, 1, 2, 2, 1, 1, 42_454_947, 163_281_240),
    Row("S1", 1, 1, 1, 1, 0, 0, 166, 355),
    Row("S2", 1, 1, 1, 1, 1, 1, 1_098, 2_723),
    Row("S3", 1, 1, 1, 2, 1, 1, 4_339, 11_172),
    Row("S4", 2, 1, 1, 2, 0, 0, 11_379, 29_835),
    Row("S5", 2, 2, 1, 2, 0, 0, 44_932, 183_605),
    Row("S6", 2, 2, 2, 2, 0, 0, 177_908, 1_038_579),
    Row("S7", 2, 1, 1, 2, 1, 1, 252_555, 755_033),
    Row("S8", 3, 1, 1, 2, 0, 0, 440_260, 1_354_743),
)}


@dataclass(frozen=True)
class Outcome:
    """What a tool said about a row."""

    verdict: str
    states: Optional[int] = None
    transitions: Optional[int] = None
    options: str = ""  # what the tool itself reports to have used


@dataclass(frozen=True)
class Result:
    """One line of the JSON file; its keys are these names."""

    tool: str
    row: str
    options: str
    verdict: str
    states: Optional[int]
    transitions: Optional[int]
    cpu_s: Optional[float]
    rss_bytes: Optional[int]


@dataclass(frozen=True)
class Run:
    """A finished process."""

    stdout: str
    stderr: str
    status: int
    timed_out: bool
    cpu_s: float
    rss_bytes: int


class Unusable(Exception):
    """The command line or the machine does not allow the benchmark."""


class BuildFailed(Exception):
    """A step that makes the program to be measured went wrong."""


class Tool(ABC):
    """A way to check a row: build a program, run it, read what it printed."""

    exact = False  # explores the whole state graph: its counts are known

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def require(self) -> None:
        """Raises Unusable if the tool is not there."""

    @abstractmethod
    def options(self, row: Row) -> str:
        """The options that decide speed and memory."""

    @abstractmethod
    def build(self, row: Row, directory: Path) -> list[str]:
        """Prepares the program in `directory` and returns its command."""

    @abstractmethod
    def read(self, run: Run) -> Outcome:
        """The outcome of a run that was not timed out."""

    def expected(self, row: Row, outcome: Outcome) -> bool:
        """False if the counts contradict the known ones."""
        if not self.exact or outcome.verdict != HOLDS:
            return True
        return outcome.states == row.states


class Spin(Tool):
    def __init__(self, name: str, model: str, defines: list[str],
                 model_defines: Optional[list[str]] = None) -> None:
        super().__init__(name)
        self.model = model
        self.defines = ["-DSAFETY", "-DNOFAIR", "-DNOBOUNDCHECK",
                        f"-DMEMLIM={memory_limit_mib()}", *defines]
        self.model_defines = model_defines or []
        self.exact = "-DNOREDUCE" in defines

    def require(self) -> None:
        require_commands("spin", "gcc")

    def run_flags(self, row: Row) -> list[str]:
        # Two to this power hash slots.  The small rows have a small table, for
        # clearing a large one would be most of their time.
        if row.states < 500_000:
            slots = 20
        elif row.states < 1 << 25:
            slots = 24
        else:
            slots = 26
        return ["-n", f"-w{slots}", f"-m{SPIN_DEPTH}"]

    def options(self, row: Row) -> str:
        return " ".join([*self.model_defines, *GCC[1:], *self.defines,
                         *self.run_flags(row)])

    def build(self, row: Row, directory: Path) -> list[str]:
        for source in PEERS.glob("*.pml"):
            shutil.copy(source, directory)
        parameters = [f"-D{assignment}" for assignment in row.assignments()]
        step(["spin", *parameters, *self.model_defines, "-a", self.model],
             directory)
        # pan prints eight digits, which rounds the counts of the larger rows.
        pan = directory / "pan.c"
        pan.write_text(pan.read_text().replace("%9.8g", "%9.15g"))
        step([*GCC, *self.defines, "-o", "pan", "pan.c"], directory)
        return ["./pan", *self.run_flags(row)]

    def read(self, run: Run) -> Outcome:
        text = run.stdout + run.stderr
        states = number(r"([\d.e+]+) states, stored", text)
        transitions = number(r"([\d.e+]+) transitions \(= stored", text)
        errors = number(r"errors: (\d+)", text)
        if errors and re.search(r"assertion violated|invalid end state", text):
            verdict = VIOLATED
        elif re.search(r"max search depth too small|out of memory"
                       r"|reached -DMEMLIM bound|Search not completed", text):
            verdict = INCOMPLETE
        elif errors == 0:
            verdict = HOLDS
        else:
            verdict = FAILED
        return Outcome(verdict, states, transitions)

    def expected(self, row: Row, outcome: Outcome) -> bool:
        return super().expected(row, outcome) and (
            not self.exact or outcome.verdict != HOLDS
            or outcome.transitions == row.transitions)


class Rumur(Tool):
    """Its transitions are rules fired: edges, and one for each final state."""

    def __init__(self, name: str, symmetry: str) -> None:
        super().__init__(name)
        # One thread, and what its manual names as faster.
        self.flags = ["--symmetry-reduction", symmetry,
                      "--scalarset-schedules", "off",
                      "--pack-state", "off", "--threads", "1",
                      "--deadlock-detection", "stuck"]
        self.exact = symmetry == "off"

    def require(self) -> None:
        require_commands("rumur", "gcc")

    def compiler(self) -> list[str]:
        # It swaps two words at once: an optional instruction on x86-64.
        return [*GCC, "-mcx16"] if platform.machine() == "x86_64" else GCC

    def options(self, row: Row) -> str:
        return " ".join([*self.flags, *self.compiler()[1:]])

    def build(self, row: Row, directory: Path) -> list[str]:
        model = (PEERS / "unotify.m.in").read_text()
        for name, value in row.parameters().items():
            model = model.replace(f"@{name}@", str(value))
        (directory / "unotify.m").write_text(model)
        step(["rumur", "--quiet", *self.flags, "--output", "unotify.c",
              "unotify.m"], directory)
        step([*self.compiler(), "-o", "unotify", "unotify.c", "-lpthread",
              "-latomic"], directory)
        return ["./unotify"]

    def read(self, run: Run) -> Outcome:
        text = run.stdout + run.stderr
        states = number(r"(\d+) states, \d+ rules fired", text)
        transitions = number(r"(\d+) rules fired", text)
        if "No error found" in text and states is not None:
            verdict = HOLDS
        elif re.search(r"[1-9]\d* error\(s\) found", text):
            verdict = VIOLATED
        elif re.search(r"out of memory|failed to (?:allocate|expand)", text,
                       re.IGNORECASE):
            verdict = INCOMPLETE
        else:
            verdict = FAILED
        return Outcome(verdict, states, transitions)


class Ours(Tool):
    def __init__(self, name: str, path: Optional[Path],
                 arguments: list[str]) -> None:
        super().__init__(name)
        self.path = path
        self.arguments = arguments

    def require(self) -> None:
        if self.path is None:
            raise Unusable(f"the tool '{self.name}' needs --ours PATH")
        if not (self.path.is_file() and os.access(self.path, os.X_OK)):
            raise Unusable(f"{self.path} is not an executable file")

    def options(self, row: Row) -> str:
        return shlex.join(self.arguments)

    def build(self, row: Row, directory: Path) -> list[str]:
        assert self.path is not None
        return [str(self.path.resolve()), *row.assignments(), *self.arguments]

    def read(self, run: Run) -> Outcome:
        try:
            report = json.loads(run.stdout)
            verdict = report["verdict"]
            states, transitions = report["states"], report["transitions"]
            options = report.get("options", "")
        except (ValueError, KeyError, TypeError, AttributeError):
            return Outcome(FAILED)
        well_formed = (verdict in (HOLDS, VIOLATED, INCOMPLETE)
                       and isinstance(states, int)
                       and isinstance(transitions, int)
                       and isinstance(options, str))
        if not well_formed:
            return Outcome(FAILED)
        return Outcome(verdict, states, transitions, options)


def memory_limit_mib() -> int:
    """Seven eighths of the machine's memory: pan stops there by itself."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return total * 7 // 8 // (1 << 20)


def require_commands(*names: str) -> None:
    for name in names:
        if shutil.which(name) is None:
            raise Unusable(f"'{name}' is not installed (or not on the PATH)")


def number(pattern: str, text: str) -> Optional[int]:
    """The number in the last match; spin may print large ones as 1.5e+09."""
    found = re.findall(pattern, text)
    return int(float(found[-1])) if found else None


def main_line(run: Run) -> str:
    """The line that most likely says what went wrong."""
    lines = [line.strip() for text in (run.stderr, run.stdout)
             for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines[-1:] or ["no output"])[0]


def execute(command: list[str], directory: Path, timeout: float) -> Run:
    """Runs `command` to its end, or kills it after `timeout` seconds."""
    out, err = directory / "stdout.txt", directory / "stderr.txt"
    deadline = time.monotonic() + timeout
    timed_out = False
    environment = {**os.environ, "TMPDIR": str(directory)}
    with out.open("wb") as stdout, err.open("wb") as stderr:
        # A session of its own, so that what it may start dies with it.
        process = subprocess.Popen(command, cwd=directory, stdout=stdout,
                                   stderr=stderr, stdin=subprocess.DEVNULL,
                                   env=environment,
                                   start_new_session=True)
    try:
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid != 0:
                break
            if not timed_out and time.monotonic() > deadline:
                timed_out = True
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(POLL_S)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    return Run(
        stdout=out.read_text(errors="replace"),
        stderr=err.read_text(errors="replace"),
        status=process.returncode,
        timed_out=timed_out,
        cpu_s=usage.ru_utime + usage.ru_stime,
        rss_bytes=usage.ru_maxrss * 1024,  # Linux counts it in KiB
    )


def step(command: list[str], directory: Path) -> None:
    """One step of a build."""
    run = execute(command, directory, BUILD_TIMEOUT_S)
    if run.status != 0:
        raise BuildFailed(f"{command[0]}: {main_line(run)}")


def run_row(tool: Tool, row: Row, timeout: float) -> tuple[Result, str]:
    """The result, and a remark if something is wrong with it."""
    options = tool.options(row)
    try:
        with tempfile.TemporaryDirectory(prefix="bench_peers_") as name:
            directory = Path(name)
            run = execute(tool.build(row, directory), directory, timeout)
    except (BuildFailed, OSError) as error:
        failed = Result(tool.name, row.name, options, FAILED,
                        None, None, None, None)
        return failed, str(error)

    remark = ""
    if run.timed_out:
        outcome = Outcome(TIMEOUT)
    else:
        outcome = tool.read(run)
        if outcome.verdict == FAILED and run.status == -signal.SIGKILL:
            outcome = Outcome(INCOMPLETE)
            remark = "killed; out of memory?"
        elif outcome.verdict == FAILED:
            remark = f"exit status {run.status}: {main_line(run)}"
        elif not tool.expected(row, outcome):
            remark = (f"expected {row.states:,} states, "
                      f"{row.transitions:,} transitions")
    options = " ".join(part for part in (options, outcome.options) if part)
    result = Result(tool.name, row.name, options, outcome.verdict,
                    outcome.states, outcome.transitions,
                    round(run.cpu_s, 6), run.rss_bytes)
    return result, remark


def rate(result: Optional[Result]) -> Optional[float]:
    """Transitions per processor second."""
    if result is None or not result.transitions or not result.cpu_s:
        return None
    return result.transitions / result.cpu_s


def show(value: Optional[float], spec: str) -> str:
    return "-" if value is None else format(value, spec)


def table_line(tool: str, verdict: str, *columns: str) -> str:
    widths = (11, 12, 9, 8, 8)
    cells = [f"{column:>{width}}" for column, width in zip(columns, widths)]
    return f"  {tool:<18}{verdict:<11}" + " ".join(cells)


def print_header(row: Row) -> None:
    print(f"\n{row.name}: {' '.join(row.assignments())}")
    print(table_line("tool", "verdict", "states", "transitions", "cpu s",
                     "Mtr/s", "B/state"))


def print_result(result: Result, remark: str) -> None:
    speed = rate(result)
    size = None
    if result.rss_bytes is not None and result.states:
        size = result.rss_bytes / result.states
    print(table_line(
        result.tool, result.verdict, show(result.states, ",d"),
        show(result.transitions, ",d"), show(result.cpu_s, ".2f"),
        show(None if speed is None else speed / 1e6, ".2f"),
        show(size, ".0f")), flush=True)
    if remark:
        print(f"    ! {remark}", flush=True)


def times(numerator: Optional[float], denominator: Optional[float]) -> str:
    if not numerator or not denominator:
        return "-"
    return f"{numerator / denominator:.2f}x"


def final_time(result: Optional[Result]) -> Optional[float]:
    """Processor time, if it was spent on reaching a verdict."""
    if result is None or result.verdict not in (HOLDS, VIOLATED):
        return None
    return result.cpu_s


def print_ratios(results: list[Result], rows: list[Row]) -> None:
    """How many times faster ours is than spin; nothing without both."""
    by_key = {(result.row, result.tool): result for result in results}
    lines = []
    for row in rows:
        best: Optional[float] = None
        best_name = ""
        for name in ("spin", "spin_reduced", "spin_collapse"):
            cpu = final_time(by_key.get((row.name, name)))
            if cpu is not None and (best is None or cpu < best):
                best, best_name = cpu, name
        coarse = final_time(by_key.get((row.name, "spin_coarse")))
        local = final_time(by_key.get((row.name, "spin_coarse_local")))
        for name in ("ours", "ours_reduced"):
            ours = by_key.get((row.name, name))
            if ours is None:
                continue
            mine = final_time(ours)
            # A reduced graph's transitions are other ones.
            speed = "-"
            if name == "ours":
                speed = times(rate(ours), rate(by_key.get((row.name, "spin"))))
            lines.append((row.name, name, speed, times(best, mine), best_name,
                          times(coarse, mine), times(local, mine)))
    if not lines:
        return
    print("\nagainst spin, times faster by processor time")
    print(f"  {'row':<5}{'tool':<14}{'transitions/s':>13}"
          f"{'verdict':>10} {'of the best of':<15}{'coarse':>10}"
          f"{'coarse, local':>14}")
    for name, tool, speed, verdict, best_name, coarse_, local_ in lines:
        against = f"({best_name})" if best_name else ""
        print(f"  {name:<5}{tool:<14}{speed:>13}{verdict:>10} {against:<15}"
              f"{coarse_:>10}{local_:>14}")


def write_json(path: Path, results: list[Result]) -> None:
    """All or nothing: a reader never sees half a file."""
    handle, name = tempfile.mkstemp(dir=path.resolve().parent,
                                    prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            json.dump([asdict(result) for result in results], file, indent=2)
            file.write("\n")
        os.chmod(name, 0o644)  # mkstemp makes it private
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def all_tools(ours: Optional[Path], ours_args: list[str]) -> dict[str, Tool]:
    tools: list[Tool] = [
        Spin("spin", "unotify.pml", ["-DNOREDUCE"]),
        Spin("spin_reduced", "unotify.pml", []),
        Spin("spin_collapse", "unotify.pml", ["-DCOLLAPSE"]),
        Spin("spin_coarse", "unotify_coarse.pml", []),
        Spin("spin_coarse_local", "unotify_coarse.pml", [], ["-DLOCAL"]),
        Rumur("rumur", "off"),
        Rumur("rumur_symmetry", "heuristic"),
        Ours("ours", ours, ours_args),
        Ours("ours_reduced", ours, ["--reduce", "all", *ours_args]),
    ]
    return {tool.name: tool for tool in tools}


DEFAULT_ROWS = "F1,F2"
DEFAULT_TOOLS = ("spin,spin_reduced,spin_collapse,spin_coarse,"
                 "spin_coarse_local,rumur_symmetry,ours,ours_reduced")


def parse_arguments(arguments: Optional[list[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Compare our checker with spin and rumur on one protocol "
                    "family.")
    parser.add_argument("--ours", type=Path, metavar="PATH",
                        help="our program; called with N=2 M=1 ... as "
                             "arguments, prints a JSON object")
    parser.add_argument("--ours-args", default="", metavar="ARGS",
                        help="further arguments for it, in one string "
                             "(--ours-args=\"--x ...\" if they start with -)")
    parser.add_argument("--rows", default=DEFAULT_ROWS, metavar="ROW,...",
                        help=f"of {','.join(ROWS)} (default %(default)s)")
    parser.add_argument("--tools", default=DEFAULT_TOOLS, metavar="TOOL,...",
                        help=f"of {','.join(all_tools(None, []))} "
                             "(default %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE",
                        help="also write the results there")
    parser.add_argument("--timeout", type=float, default=900.0,
                        metavar="SECONDS",
                        help="wall-clock limit of a run (default %(default)g)")
    return parser.parse_args(arguments)


def choose(kind: str, names: str, known: dict[str, object]) -> list[str]:
    chosen = [name for name in names.split(",") if name]
    for name in chosen:
        if name not in known:
            raise Unusable(f"no {kind} '{name}'; there are "
                           f"{', '.join(known)}")
    if not chosen:
        raise Unusable(f"no {kind} chosen; there are {', '.join(known)}")
    return list(dict.fromkeys(chosen))


def benchmark(options: argparse.Namespace) -> int:
    known = all_tools(options.ours, shlex.split(options.ours_args))
    rows = [ROWS[name] for name in choose("row", options.rows, dict(ROWS))]
    tools = [known[name] for name in choose("tool", options.tools,
                                            dict(known))]
    for tool in tools:
        tool.require()
    if options.timeout <= 0:
        raise Unusable("--timeout must be positive")
    if options.json and not options.json.resolve().parent.is_dir():
        raise Unusable(f"no directory for {options.json}")

    results = []
    good = True
    for row in rows:
        print_header(row)
        for tool in tools:
            result, remark = run_row(tool, row, options.timeout)
            results.append(result)
            print_result(result, remark)
            good = good and result.verdict == HOLDS and not remark
    print_ratios(results, rows)
    if options.json:
        write_json(options.json, results)
    return 0 if good else 1


def main(arguments: Optional[list[str]] = None) -> int:
    # An ordinary exit, so that temporary directories and children go away;
    # set for SIGINT too, because a shell's background job starts ignoring it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return benchmark(parse_arguments(arguments))
    except Unusable as error:
        print(f"bench_peers: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bench_peers: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
