"""Write a synthetic release: python -m oai_twin --out DIR --participants 600 --seed 20.

DIR/release holds tables and films in the layout of the real release, DIR/truth what was
planted. Both appear when everything is written.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from oai_twin import release, simulation

READER_SPREAD = {"easy": 0.0, "realistic": 0.565}  # grades, as `simulated_readers.draw` takes it
READER_NOISE = 0.007  # two reading projects then agree on 98 to 99 % of baseline grades


def main(argv: list[str] | None = None) -> int:
    """Write the release; return 0, or 1 after one clear sentence on standard error."""
    given = _parser().parse_args(argv)
    try:
        cohort = simulation.simulate(
            participants=given.participants,
            seed=given.seed,
            planted=not given.no_phenotypes,
            defects=given.defects,
            reader_noise=given.reader_noise,
            floor=True,
            reader_spread=READER_SPREAD[given.difficulty],
        )
        _write(cohort, given)
    except (ValueError, OSError) as error:
        print(f"twin: {error}", file=sys.stderr)
        return 1
    print(f"{given.participants:,} people, {2 * given.participants:,} knees: {given.out}/release")
    return 0


def _write(cohort: simulation.Simulation, given: argparse.Namespace) -> None:
    with release.replacing(given.out) as folder:
        release.write(cohort, folder / "release", flavour=given.flavour)
        films = cohort.films
        if not given.tables_only:
            from oai_twin import render_films  # loads the renderer

            packed = given.flavour == "nda"
            films = render_films.expose_all(
                cohort, folder / "release", workers=given.workers, packed=packed
            )
        release.write_truth(cohort, films, folder / "truth")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m oai_twin", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for release and truth")
    parser.add_argument("--participants", type=int, required=True, help="number of people")
    parser.add_argument("--seed", type=int, required=True, help="same seed, same bytes")
    parser.add_argument("--no-phenotypes", action="store_true", help="plant no phenotype")
    parser.add_argument("--defects", type=float, default=0.0, help="share of defective films")
    parser.add_argument("--reader-noise", type=float, default=READER_NOISE)
    parser.add_argument(
        "--difficulty", default="easy", choices=READER_SPREAD, help="how far readers differ"
    )
    parser.add_argument("--flavour", default="ascii", help="ascii, sas or nda: how tables lie")
    parser.add_argument("--workers", type=int, default=2, help="processes that render films")
    parser.add_argument("--tables-only", action="store_true", help="write no films")
    return parser


if __name__ == "__main__":
    sys.exit(main())
