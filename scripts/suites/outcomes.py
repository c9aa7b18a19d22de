#!/usr/bin/env python3
"""Outcomes of tests: one line a test, `outcome<tab>test<tab>message`, outcome pass, fail or skip.

  outcomes.py go FILE|-          from `go test -json`
  outcomes.py ginkgo FILE        from `go test -json` of tests that are Ginkgo's: failed specs, and how many passed
  outcomes.py junit FILE...      from JUnit's XML (pytest, Surefire)
  outcomes.py cargo FILE|-       from `cargo test`
  outcomes.py django FILE|-      from Django's runtests.py -v 2
  outcomes.py compare KNOWN MINE SEEN...
                                 the tests whose outcome in MINE is in none of SEEN; exit status 1 if any. KNOWN has
                                 lines `outcome<tab>test`, the outcomes that MINE must have instead, or `any` for tests
                                 that are not compared; # starts a comment
  outcomes.py unsteady SEEN...       the tests whose outcome is not the same in all of SEEN

The message of a failure is its first line, without what differs from run to run: ports, addresses, times.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree

RANK = {"skip": 0, "pass": 1, "fail": 2}


def steady(text):
    """Without tabs, and with every number of two digits or more as N."""
    text = re.sub(r"0x[0-9a-fA-F]+", "0xN", " ".join(text.split()))
    return re.sub(r"\d[\d.:]*\d", "N", text)[:300]


def show(rows):
    for name in sorted(rows):
        outcome, message = rows[name]
        print(outcome, name, message if outcome == "fail" else "", sep="\t")


def add(rows, name, outcome, message=""):
    """A test that is named twice has the worse outcome."""
    name = re.sub(r"0x[0-9a-fA-F]{6,}", "0xN", " ".join(name.split()))
    name = re.sub(r"(/tmp/\w*?)\d{4,}", r"\1N", name)
    if name not in rows or RANK[outcome] > RANK[rows[name][0]]:
        rows[name] = (outcome, steady(message))


def lines(path):
    return sys.stdin if path == "-" else open(path, encoding="utf-8", errors="replace")


def go(path):
    rows, said = {}, {}
    for line in lines(path):
        if not line.startswith("{"):
            continue
        event = json.loads(line)
        test = event.get("Test")
        key = f"{event.get('Package') or event.get('ImportPath')}::{test or '(package)'}"
        if event["Action"] in ("output", "build-output"):
            text = event["Output"].strip()
            # What Ginkgo says of its own comes in random order: see ginkgo().
            if test and test != "TestGinkgo" and text and not text.startswith(("=== ", "--- ")):
                said.setdefault(key, []).append(text)
        elif event["Action"] in ("pass", "fail", "skip") and (test or event["Action"] == "fail"):
            add(rows, key, event["Action"], " ".join(said.get(key, [])))
        elif event["Action"] == "build-fail":
            add(rows, key, "fail", "does not build")
    show(rows)


def ginkgo(path):
    rows = {}
    for line in lines(path):
        event = json.loads(line) if line.startswith("{") else {}
        text = re.sub(r"\x1b\[[0-9;]*m", "", event.get("Output", "")).strip()
        suite = f"{event.get('Package')}::specs"
        if text.startswith("[Fail] "):
            add(rows, f"{suite} {text[7:]}", "fail")
        elif found := re.search(r"(\d+) Passed \| (\d+) Failed \| (\d+) Pending \| (\d+) Skipped", text):
            for number in range(int(found[1])):
                add(rows, f"{suite} passed {number + 1}", "pass")
    show(rows)


def junit(paths):
    rows = {}
    for path in paths:
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            name = f"{case.get('classname') or ''}::{case.get('name') or ''}"
            bad = next((child for child in case if child.tag in ("failure", "error")), None)
            if bad is not None:
                add(rows, name, "fail", (bad.get("message") or bad.text or "").strip().split("\n")[0])
            else:
                add(rows, name, "skip" if case.find("skipped") is not None else "pass")
    show(rows)


def cargo(path):
    rows, panics, section = {}, {}, None
    for line in lines(path):
        if found := re.match(r"test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)", line):
            add(rows, found[1], {"ok": "pass", "FAILED": "fail", "ignored": "skip"}[found[2]])
        elif found := re.match(r"---- (.+) stdout ----", line):
            section = found[1]
        elif section and line.strip() and "panicked at" not in line:
            panics.setdefault(section, steady(line))
    for test, message in panics.items():
        if rows.get(test, ("",))[0] == "fail":
            rows[test] = ("fail", message)
    show(rows)


def django(path):
    rows, failing = {}, None
    words = {"ok": "pass", "expected failure": "pass", "FAIL": "fail", "ERROR": "fail", "unexpected success": "fail"}
    heading = None
    for line in lines(path):
        if found := re.match(r"(test\w* \([\w.]+\))", line):
            heading = found[1]
        if heading and (found := re.search(r"\.\.\. (ok|FAIL|ERROR|expected failure|unexpected success|skipped\b.*)$", line)):
            add(rows, heading, words.get(found[1], "skip"))
            heading = None
        elif found := re.match(r"(?:FAIL|ERROR): ((?:test\w*|setUpClass|tearDownClass) \([\w.]+\))", line):
            failing = found[1]
            add(rows, failing, "fail")
        elif failing and (found := re.match(r"([\w.]+(?:Error|Exception|Warning|Failed)\w*(?::.*)?)$", line)):
            rows[failing] = ("fail", steady(found[1]))
            failing = None
    show(rows)


def read(path):
    with open(path, encoding="utf-8") as file:
        rows = (line.rstrip("\n").split("\t") for line in file)
        return {name: (outcome, *message) for outcome, name, *message in rows}


def read_known(path):
    with open(path, encoding="utf-8") as file:
        lines = (line.rstrip("\n").split("\t") for line in file if line.strip() and not line.startswith("#"))
        return {name: outcome for outcome, name in lines}


def compare(known, mine, seen):
    known, mine, seen = read_known(known), read(mine), [read(path) for path in seen]
    missing = ("missing",)
    different = 0
    for name in sorted({*mine, *seen[0], *known}):
        here, there = mine.get(name, missing), [rows.get(name, missing) for rows in seen]
        wanted = known.get(name)
        if wanted != "any" and (here[0] != wanted if wanted else here not in there):
            different += 1
            print(name, *here, "not:", wanted or "\t".join(there[0]), sep="\t")
    return different


def unsteady(seen):
    seen = [read(path) for path in seen]
    names = sorted({name for rows in seen for name in rows})
    print(" ".join(name for name in names if len({rows.get(name) for rows in seen}) > 1))


def main():
    match sys.argv[1:]:
        case ["go", path]:
            go(path)
        case ["ginkgo", path]:
            ginkgo(path)
        case ["junit", *paths]:
            junit(paths)
        case ["cargo", path]:
            cargo(path)
        case ["django", path]:
            django(path)
        case ["compare", known, mine, *seen] if seen:
            sys.exit(1 if compare(known, mine, seen) else 0)
        case ["unsteady", *seen]:
            unsteady(seen)
        case _:
            sys.exit(__doc__)


main()
