"""Defects: a release with a share of spoiled films, cut by the code of the stage.

    python studies/benchmarks/defects.py [--people 600] [--share 0.05]

Prints how many spoiled knees were listed, and how many with the reason that was planted; how many
good ones were refused; and how far the crops are from the planted centres of the joints.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import workflow

sys.path.append(str(workflow.ROOT / "tests"))
import spoilt


def main() -> None:
    """Print the figures of one release."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=600)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=4711)
    parser.add_argument("--flavour", choices=["ascii", "sas", "nda"], default="ascii")
    given = parser.parse_args()
    how = {"people": given.people, "share": given.share, "seed": given.seed}
    with tempfile.TemporaryDirectory() as home:
        rows = spoilt.judged(Path(home), **how, flavour=given.flavour)
    bad, wrong = rows[spoilt.useless(rows)], spoilt.unexplained(rows)
    good = rows[~spoilt.useless(rows)]
    used = good[good["status"].eq("ok")]
    films = rows.loc[rows["defect"].ne(""), "participant_id"].nunique()
    print(f"{given.people} films, {films} spoiled, {len(bad)} knees not to be used")
    print(bad.groupby("defect")["status"].value_counts().to_string())
    print(f"listed with another reason, or none: {len(wrong)}")
    print(f"good knees refused: {len(good) - len(used)} of {len(good)}")
    print(f"crop centre within {spoilt.NEAR:.0f} mm: {used['distance'].lt(spoilt.NEAR).mean():.2%}")
    print(f"median {used['distance'].median():.2f} mm, worst {used['distance'].max():.2f}")
    known = used["right_side"].dropna()
    print(f"side right: {known.mean():.2%} of {len(known)}")


if __name__ == "__main__":
    main()
