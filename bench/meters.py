"""How it is measured: pgbench for what the client sees, /proc for CPU time, strace for system calls."""
import os
import re
import shutil
import signal
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of a process: nanoseconds of its threads, where the kernel keeps them
    (schedstat), so that a run of a second is exact enough; clock ticks otherwise."""
    total = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                total += int(file.read().split()[0])
    except OSError:
        return user_ticks(pid)[1] / TICK
    return total / 1e9


def user_ticks(pid):
    """Clock ticks that found the process in user space, and in either: a sample, good over many runs."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]), int(fields[11]) + int(fields[12])


def machine_seconds():
    """CPU time of everything on the machine."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICK


def pgbench(program, target, protocol, script, clients, amount, variables):
    """One run: transactions and transactions per second. `amount` is `-T seconds` or `-t number`."""
    command = [program, "-n", "-h", "127.0.0.1", "-p", str(target.port), "-U", "app", "-M", protocol]
    command += ["-c", str(clients), "-j", str(min(clients, 2)), *amount, *variables]
    command += ["-S"] if script is None else ["-f", "-"]
    done = subprocess.run(
        [*command, target.database], input=script, capture_output=True, text=True,
        env={**os.environ, "PGSSLMODE": "disable", "PGGSSENCMODE": "disable"},
    )
    count = re.search(r"actually processed: (\d+)", done.stdout)
    rate = re.search(r"^tps = ([\d.]+)", done.stdout, re.M)
    failed = re.search(r"failed transactions: ([1-9]\d*)", done.stdout)
    if done.returncode or not count or not rate or failed:
        raise RuntimeError(f"pgbench at {target.name}: {done.stderr.strip()[-500:] or done.stdout[-500:]}")
    return int(count.group(1)), float(rate.group(1))


def measure(run, pid):
    """A run with what the process spent on it, in µs a transaction."""
    cpu, ticks, machine, wall = pid and cpu_seconds(pid), pid and user_ticks(pid), machine_seconds(), time.monotonic()
    count, rate = run()
    wall = time.monotonic() - wall
    return {
        "tps": rate,
        "cpu": pid and (cpu_seconds(pid) - cpu) / count * 1e6,
        "ticks": pid and [after - before for before, after in zip(ticks, user_ticks(pid))],
        "busy": (machine_seconds() - machine) / (wall * os.cpu_count()),
    }


def system_calls(run, pid, folder):
    """System calls of a process while `run` (which gives its number of transactions) lasts, by name, per
    transaction. None if they cannot be counted here."""
    if not shutil.which("strace"):
        return None
    summary = os.path.join(folder, "strace.txt")
    tracer = subprocess.Popen(["strace", "-c", "-f", "-o", summary, "-p", str(pid)], stderr=subprocess.PIPE, text=True)
    try:
        if "attached" not in tracer.stderr.readline():
            return None
        time.sleep(0.3)  # it attaches thread by thread
        count, _ = run()
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate()
    calls = {}
    with open(summary) as file:
        for line in file:
            # % time, seconds, usecs/call, calls, perhaps errors, name
            fields = line.split()
            if len(fields) >= 5 and fields[3].isdigit() and fields[-1] != "total":
                calls[fields[-1]] = int(fields[3]) / count
    return calls or None


def instructions(run, pid):
    """Instructions of a process per transaction, user and kernel; None where the processor's counters
    cannot be read (most virtual machines)."""
    if not shutil.which("perf"):
        return None
    perf = subprocess.Popen(
        ["perf", "stat", "-x,", "-e", "instructions:u,instructions:k", "-p", str(pid)], stderr=subprocess.PIPE, text=True
    )
    time.sleep(0.3)
    try:
        count, _ = run()
    finally:
        perf.send_signal(signal.SIGINT)
        lines = perf.communicate()[1].splitlines()
    counts = [line.split(",")[0] for line in lines if ",instructions" in line]
    if len(counts) != 2 or not all(number.isdigit() for number in counts):
        return None
    return [int(number) / count for number in counts]
