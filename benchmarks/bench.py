"""Every speed that README and docs/speed.md state, measured in one go: `make bench`, or

    SCRATCHNN_DATA=<folder> python -m benchmarks.bench [--quick] [--workloads lstm cnn] [--rounds 5]

Ours and the peers first compute the losses of three training steps from the same weights, which must agree; then each
times an epoch and an evaluation, in processes of their own, in turn. The same follows beside a busy loop on one core
(loaded.py), then single layers (layers.py) and start-up (startup.py). All goes to benchmarks/results/speed.json, and
from there into docs/speed.md and README.md. Needs the extra `bench`. It refuses to measure on a busy machine without
`--anyway`.

All of it takes hours. With `--merge` what was measured before stays, so it can be done in parts; contenders take turns
within a workload, so what is compared always comes from one run:

    python -m benchmarks.bench --merge --parts quiet --workloads lstm       then rnn, and so on
    python -m benchmarks.bench --merge --parts loaded --workloads lstm
    python -m benchmarks.bench --merge --parts layers startup
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import floor, harness, layers, loaded, machine, pages, speed_page, startup
from benchmarks.workloads import WORKLOADS

QUIET_LOAD = 0.1  # the share of all cores that is busy while nothing of ours runs
LOOK_SECONDS = 3.0  # at the machine, before it counts as quiet
PARTS = ("quiet", "loaded", "layers", "startup")


def main() -> int:
    args = arguments()
    load = quiet(args.wait if not (args.quick or args.anyway) else 0)
    busy = []
    if load > QUIET_LOAD:
        message = f"the machine was busy before the start: others used {load:.0%} of its {os.cpu_count()} cores"
        if not (args.anyway or args.quick):
            print(f"error: {message}; end other programs, or use --anyway", file=sys.stderr)
            return 2
        busy.append(message)

    results: dict[str, Any] = {"machine": floor.facts(), "rounds": 1 if args.quick else args.rounds, "busy": busy}
    earlier = None
    if args.merge and args.out.exists():
        earlier = json.loads(args.out.read_text())
        if reason := apart(earlier, results):
            print(f"error: {args.out} cannot be merged with this run: {reason}; leave out --merge", file=sys.stderr)
            return 2
    results |= measure(args, results["rounds"])
    if earlier is not None:
        results = merged(earlier, results)
    results["warnings"] = results["busy"] + doubts(results)

    print(f"\n{speed_page.speed_tables(results)}")
    if not args.quick:
        args.out.parent.mkdir(exist_ok=True)
        args.out.write_text(json.dumps(results, indent=1) + "\n")
        if args.out == pages.SPEED:
            pages.write()
    return 0 if all(result["check"]["agree"] is not False for result in results["workloads"].values()) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add = parser.add_argument
    add("--workloads", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS), metavar="NAME")
    add("--contenders", nargs="+", choices=list(harness.CONTENDERS), default=list(harness.CONTENDERS), metavar="NAME")
    add("--parts", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=f"of {', '.join(PARTS)}")
    add("--rounds", type=int, default=5)
    add("--quick", action="store_true", help="ten batches for an epoch, one round, nothing written: to try it")
    add("--merge", action="store_true", help="keep what --out holds and is not measured now")
    add("--anyway", action="store_true", help="measure on a busy machine too, and say so in the results")
    add("--wait", type=float, default=180, metavar="SECONDS", help="for the machine to become quiet (default: 180)")
    add("--out", type=Path, default=pages.SPEED, help="(default: benchmarks/results/speed.json)")
    return parser.parse_args()


def measure(args: argparse.Namespace, rounds: int) -> dict[str, Any]:
    """The parts that were asked for, by their names in the results."""
    names = args.workloads, args.contenders
    found: dict[str, Any] = {"workloads": {}}
    if "quiet" in args.parts:
        chosen = {name: harness.CONTENDERS[name] for name in args.contenders}
        found["workloads"] = harness.compare(args.workloads, chosen, rounds, args.quick)
    if "loaded" in args.parts:
        found["loaded"] = loaded.compare(*names, rounds, args.quick)
    if "layers" in args.parts:
        found["layers"] = layers.compare([name for name in args.workloads if name in layers.CASES], rounds)
    if "startup" in args.parts:
        found["startup"] = startup.measure(rounds, args.quick)
    return found


def apart(earlier: dict[str, Any], now: dict[str, Any]) -> str:
    if earlier["rounds"] != now["rounds"]:
        return f"it has {earlier['rounds']} rounds, not {now['rounds']}"
    return machine.difference(earlier["machine"], now["machine"])


def merged(earlier: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """What was measured now, and of what was not, what was before."""
    result = earlier | now
    for part in ("workloads", "loaded"):
        names = {**earlier.get(part, {}), **now.get(part, {})}
        if names:
            result[part] = {name: names[name] for name in WORKLOADS if name in names}
    result["busy"] = list(dict.fromkeys([*earlier.get("busy", []), *now["busy"]]))
    return result


def quiet(wait: float) -> float:
    """Wait up to `wait` seconds for a quiet machine; return the share of its cores that is in use."""
    deadline = time.monotonic() + wait
    while (load := share_in_use(LOOK_SECONDS)) > QUIET_LOAD and time.monotonic() < deadline:
        pass
    return load


def share_in_use(seconds: float) -> float:
    """Of all cores, now; where the system does not tell, by the load average of the last minute."""
    cores = os.cpu_count() or 1
    before = machine.busy_seconds()
    time.sleep(seconds)
    after = machine.busy_seconds()
    return os.getloadavg()[0] / cores if before is None or after is None else (after - before) / seconds / cores


def doubts(results: dict[str, Any]) -> list[str]:
    """What a reader must know before trusting the figures."""
    beside = {f"{name}, one core taken": result for name, result in results.get("loaded", {}).items()}
    found = []
    for name, result in {**results["workloads"], **beside}.items():
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
