"""Every speed that README and docs/speed.md state, measured in one go: `make bench`, or

    SCRATCHNN_DATA=<folder> python -m benchmarks.bench [--quick] [--workloads lstm cnn] [--rounds 5]

Ours and the peers first compute the losses of three training steps from the same weights, which must agree; then each
times an epoch and an evaluation, in processes of their own, in turn. All goes to benchmarks/results/speed.json, and
from there into docs/speed.md and README.md. Needs the extra `bench`. It refuses to measure on a busy machine without
`--anyway`.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import harness, machine, pages, startup, tables
from benchmarks.workloads import WORKLOADS

QUIET_LOAD = 0.25  # per core, averaged over the last minute


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add = parser.add_argument
    add("--workloads", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS), metavar="NAME")
    add("--contenders", nargs="+", choices=list(harness.CONTENDERS), default=list(harness.CONTENDERS), metavar="NAME")
    add("--rounds", type=int, default=5)
    add("--quick", action="store_true", help="ten batches for an epoch, one round, nothing written: to try it")
    add("--anyway", action="store_true", help="measure on a busy machine too, and say so in the results")
    add("--wait", type=float, default=180, metavar="SECONDS", help="for the machine to become quiet (default: 180)")
    add("--out", type=Path, default=pages.SPEED, help="(default: benchmarks/results/speed.json)")
    args = parser.parse_args()

    load = quiet(args.wait if not (args.quick or args.anyway) else 0)
    warnings = []
    if load > QUIET_LOAD:
        message = f"the machine was busy before the start: load average {load * cores():.2f} on {cores()} cores"
        if not (args.anyway or args.quick):
            print(f"error: {message}; end other programs, or use --anyway", file=sys.stderr)
            return 2
        warnings.append(message)

    results: dict[str, Any] = {"machine": machine.facts(), "rounds": 1 if args.quick else args.rounds}
    results["workloads"] = harness.compare(args.workloads, args.contenders, results["rounds"], args.quick)
    results["floor"] = json.loads(harness.run_process([sys.executable, "-m", "benchmarks.floor"]).output)
    results["startup"] = startup.measure(results["rounds"], args.quick)
    results["warnings"] = warnings + doubts(results["workloads"])

    text = tables.speed_tables(results)
    print(f"\n{text}")
    if not args.quick:
        args.out.parent.mkdir(exist_ok=True)
        args.out.write_text(json.dumps(results, indent=1) + "\n")
        if args.out == pages.SPEED:
            pages.write()
    return 0 if all(result["check"]["agree"] is not False for result in results["workloads"].values()) else 1


def cores() -> int:
    return os.cpu_count() or 1


def quiet(wait: float) -> float:
    """Wait up to `wait` seconds for a quiet machine; return the load average per core."""
    deadline = time.monotonic() + wait
    while (load := os.getloadavg()[0] / cores()) > QUIET_LOAD and time.monotonic() < deadline:
        time.sleep(5)
    return load


def doubts(workloads: dict[str, Any]) -> list[str]:
    """What a reader must know before trusting the figures."""
    found = []
    for name, result in workloads.items():
        if result["check"]["agree"] is False:
            worst = max(result["check"]["differences"].items(), key=lambda item: item[1])
            found.append(f"{name}: the losses do not agree, {worst[0]} differs by {worst[1]:.1e}")
        crowded = [each for each, facts in result["contenders"].items() if facts["others"] > harness.CROWDED]
        if crowded:
            found.append(f"{name}: other programs used the cores while {', '.join(crowded)} ran")
        for each, reason in result["failed"].items():
            found.append(f"{name}: {each} failed ({reason})")
    return found


if __name__ == "__main__":
    sys.exit(main())
