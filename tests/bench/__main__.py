"""``python -m tests.bench [--leads 1000000]``: the table of limit and product, measured in one run.

The product is called through its WSGI application, with an API key or signed in as in a browser; the limit
does the same on the same data. Both take turns, so that a busy machine slows both. Ratios hold from machine
to machine, times do not. The data is kept for the next run, which fills nothing then: ``--drop`` removes it.
"""

from __future__ import annotations

import argparse
import sys

from . import databases, measuring


def main() -> None:
    from .paths import PATHS

    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--small", type=int, default=10_000, help="what growth is measured from")
    parser.add_argument("--rounds", type=int, default=100, help="for the paths of milliseconds")
    parser.add_argument("--only", default="", help=f"of {', '.join(PATHS)}")
    parser.add_argument("--drop", action="store_true", help="keep no data")
    parser.add_argument(
        "--row-security",
        action="store_true",
        help="the limit is the product itself, without row-level security",
    )
    options = parser.parse_args()
    wanted = [name for name in options.only.split(",") if name] or list(PATHS)
    if unknown := set(wanted) - set(PATHS):
        parser.error(f"There is no path {', '.join(unknown)}. Paths: {', '.join(PATHS)}.")
    databases.ready()
    if options.row_security:
        measuring.compare_row_security()
    measuring.report(run(wanted, options), options.leads)


def run(wanted: list[str], options: argparse.Namespace) -> dict[str, measuring.Measured]:
    from . import conversions, growth, transfer
    from .fill import fill
    from .paths import PATHS, Bench

    found: dict[str, measuring.Measured] = {}
    transfers = [name for name in wanted if name in transfer.GOALS]
    name = f"headlessly_bench_{options.leads}"
    if set(wanted) - set(transfers):
        with databases.opened(name, lambda: fill(options.leads), drop=options.drop):
            bench = Bench(options.leads)
            for path in (path for path in wanted if path not in transfers):
                print(f"{path} …", file=sys.stderr)
                if path == "growth":
                    found[path] = growth.measured(name, options.small, options.drop)
                elif path == "conversions":
                    found[path] = conversions.measured(bench)
                else:
                    found[path] = PATHS[path].measured(bench, options.rounds)
            bench.close()
    if transfers:
        found |= transfer.measured(transfers, options.leads, drop=options.drop)
    return {path: found[path] for path in wanted}


if __name__ == "__main__":
    main()
