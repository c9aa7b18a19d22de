#!/usr/bin/env python3
"""Compares direct, HAProxy and pgveil side by side; see README.md beside this file.

Every statement is run against its line-up of targets in turns: one run each a round, in an order that
moves on by one from round to round. Ratios are taken within a round, so that a machine that is slower
for a while is slower for all of them.
"""
import argparse
import datetime
import json
import os
import platform
import signal
import statistics
import subprocess
import sys

import meters
import workloads
from stage import Failure, Stage

HEAD = (
    "| target | CPU µs/txn | of it user | ratio (min–max) | above base, µs | tps | tps ratio |\n"
    "|---|--:|--:|--:|--:|--:|--:|"
)


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pgveil", default="target/release/pgveil", help="the program")
    parser.add_argument("--seconds", type=int, default=1, help="of each run")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--only", default="", help="only what has this in its title, e.g. 'insert' or 'prepared'")
    parser.add_argument("--out", default="target/bench", help="folder for the report")
    return parser.parse_args()


def main():
    chosen = options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.makedirs(chosen.out, exist_ok=True)
    report = Report(chosen)
    try:
        with Stage(chosen.pgveil) as stage:
            report.add(*machine(stage, chosen))
            cells = [*workloads.passthrough(), *workloads.sealed()]
            cells = [cell for cell in cells if chosen.only in f"{cell.title}, {cell.protocol}"]
            for cell in cells:
                report.cell(cell, rounds(stage, cell, chosen), stage)
            for line in per_query(stage, report):
                report.add(line)
            report.verdict()
    except Failure as failure:
        sys.exit(f"bench: {failure}")
    report.save()


def target_of(stage, key):
    # A sealed table and its twin are both read through pgveil, in the database with the policy.
    return stage.targets.get(key) or stage.targets["core"]


def rounds(stage, cell, chosen):
    """Measurements of a cell: by target, one a round."""
    program = stage.program("pgbench")
    found = {key: [] for key, _, _ in cell.runs}
    seconds = ["-T", str(chosen.seconds)]
    for number in range(chosen.rounds):
        turn = number % len(cell.runs)
        for key, _, script in cell.runs[turn:] + cell.runs[:turn]:
            if cell.before:
                stage.psql(cell.before)
            target = target_of(stage, key)
            values = workloads.variables(cell.protocol)
            run = lambda: meters.pgbench(program, target, cell.protocol, script, chosen.clients, seconds, values)
            found[key].append(meters.measure(run, target.pid))
    return found


def per_query(stage, report):
    """System calls and instructions of single queries, one client, prepared."""
    yield "\n## System calls and instructions a query\n"
    yield "One client, prepared statements, 2,000 queries.\n"
    yield "| target | system calls | by name | instructions user + kernel |\n|---|--:|---|--:|"
    point = next(cell for cell in workloads.sealed() if cell.protocol == workloads.PREPARED)
    lineup = [(key, None, stage.targets[key].name + ", `pgbench -S`") for key in ("haproxy", "relay", "core")]
    lineup += [(key, script, f"pgveil, {point.title}, {name}") for key, name, script in point.runs]
    for key, script, name in lineup:
        target = target_of(stage, key)
        values = workloads.variables(workloads.PREPARED)
        run = lambda: meters.pgbench(
            stage.program("pgbench"), target, workloads.PREPARED, script, 1, ["-t", "2000"], values
        )
        calls, work = meters.system_calls(run, target.pid, stage.folder), meters.instructions(run, target.pid)
        shown = "skipped: strace is missing or may not attach | "
        if calls:
            often = sorted(((n, call) for call, n in calls.items() if n >= 0.05), reverse=True)
            shown = f"{sum(calls.values()):.2f} | " + ", ".join(f"{call} {n:.2f}" for n, call in often)
            if key != "haproxy":
                report.check(f"{name}: system calls a query", sum(calls.values()), 6.1, "6")
        counted = f"{work[0]:.0f} + {work[1]:.0f}" if work else "skipped: no hardware counters here"
        yield f"| {name} | {shown} | {counted} |"


def machine(stage, chosen):
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown processor")
    first = lambda *command: subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0].strip()
    yield f"# pgveil side by side, {datetime.date.today():%d %B %Y}\n"
    yield f"- {model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"
    yield f"- {first(stage.program('postgres'), '--version')}; {first('haproxy', '-v').split(' - ')[0]}"
    yield f"- pgveil {first('git', 'describe', '--always', '--dirty')}, release build"
    yield f"- {chosen.rounds} rounds of {chosen.seconds} s, {chosen.clients} clients"


class Report:
    """Prints as it goes, and keeps everything for the file."""

    def __init__(self, chosen):
        self.folder, self.lines, self.data, self.checks, self.busy = chosen.out, [], [], [], []

    def add(self, *lines):
        for line in lines:
            print(line, flush=True)
            self.lines.append(line)

    def cell(self, cell, found, stage):
        name = f"{cell.title}, {cell.protocol}"
        self.data.append({"cell": name, "base": cell.base, "runs": found})
        self.add(f"\n## {name}\n", HEAD)
        base = found[cell.base]
        for key, own, _ in cell.runs:
            runs = found[key]
            self.busy += [run["busy"] for run in runs]
            label = own or target_of(stage, key).name
            speed = statistics.median(run["tps"] for run in runs)
            rate = statistics.median(run["tps"] / other["tps"] for run, other in zip(runs, base))
            if runs[0]["cpu"] is None:
                self.add(f"| {label} | – | – | – | – | {speed:.0f} | {rate:.2f} |")
                continue
            cpu = statistics.median(run["cpu"] for run in runs)
            ratios = [run["cpu"] / other["cpu"] for run, other in zip(runs, base)]
            above = statistics.median(run["cpu"] - other["cpu"] for run, other in zip(runs, base))
            ratio = statistics.median(ratios)
            spread = f"{ratio:.3f} ({min(ratios):.2f}–{max(ratios):.2f})"
            user = cpu * sum(run["ticks"][0] for run in runs) / max(1, sum(run["ticks"][1] for run in runs))
            self.add(f"| {label} | {cpu:.2f} | {user:.1f} | {spread} | {above:+.2f} | {speed:.0f} | {rate:.2f} |")
            if key in cell.ratio:
                self.check(f"{name}: {label}, CPU ratio", ratio, cell.ratio[key])
            if key in cell.above:
                self.check(f"{name}: {label}, µs above its twin", above, cell.above[key])

    def check(self, name, measured, limit, shown=None):
        met = "yes" if measured <= limit else "**no**"
        self.checks.append(f"| {name} | ≤ {shown or limit} | {measured:.4g} | {met} |")

    def verdict(self):
        self.add("\n## Targets\n", "| measure | target | measured | met |\n|---|--:|--:|---|", *self.checks)
        if self.busy:
            self.add(f"\nThe machine was {statistics.median(self.busy):.0%} busy while measuring.")

    def save(self):
        now = f"{datetime.datetime.now():%Y%m%d-%H%M%S}"
        for path in (os.path.join(self.folder, f"{now}.md"), os.path.join(self.folder, "latest.md")):
            with open(path, "w") as file:
                file.write("\n".join(self.lines) + "\n")
        with open(os.path.join(self.folder, f"{now}.json"), "w") as file:
            json.dump(self.data, file)
        print(f"\nwritten to {path}")


if __name__ == "__main__":
    main()
