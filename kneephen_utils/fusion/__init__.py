"""Fusion: pictures meet clinical columns, and every column has a declared role.

An arm says what groups are made of: the picture alone, the picture with age, body mass
index and sex, the picture with the readers' scores, or the published recipe with pain. A
block of features is scaled so that its share of the fused variance is the declared one.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from kneephen_utils import firewall, umap_layout
from kneephen_utils.fusion import nuisance
from kneephen_utils.tables.schema import ARMS

SPLITS = ("discover", "confirm")
BLOCKS = {
    "context": firewall.INPUTS["context"],
    "structure": firewall.INPUTS["structure"],
    "pain": ("womac_pain",),
}
BLOCKS_NOTE = (
    "Shares of the fused variance of the discover knees. In the arm fused, declared is what the "
    "weight implies for columns of unit variance."
)


def known(
    embeddings: pd.DataFrame,
    crops: pd.DataFrame,
    knees: pd.DataFrame,
    participants: pd.DataFrame,
    grades: pd.DataFrame,
) -> pd.DataFrame:
    """Return every knee that may be grouped, with all that is known of it at baseline.

    A knee may be grouped if it has a picture and a grade and its person did not train the
    encoder. All arguments are the tables of these names.

    Returns
    -------
    One row per knee in the order of `embeddings`: the columns of `knees`, and `split`,
    `site`, `age`, `bmi`, `female` (0 or 1), `exposure`, `contrast`, `kl_predicted`.
    """
    pictured = crops.loc[crops["status"] == "ok", ["knee_id", "exposure", "contrast"]]
    people = participants[["participant_id", "split", "site", "age", "bmi"]].assign(
        female=participants["sex"].map({"female": 1.0, "male": 0.0})
    )
    table = (
        embeddings[["knee_id"]]
        .merge(pictured, on="knee_id", how="inner", validate="one_to_one")
        .merge(knees, on="knee_id", how="inner", validate="one_to_one")
        .merge(people, on="participant_id", how="inner", validate="many_to_one")
        .merge(grades[["knee_id", "kl_predicted"]], on="knee_id", validate="one_to_one")
    )
    may = table["split"].isin(SPLITS) & table["kl_grade"].notna()
    return table[may].reset_index(drop=True)


def pictures(embeddings: pd.DataFrame, of: pd.DataFrame) -> np.ndarray:
    """Return the embeddings of the knees `of`, in their order: (knees, dimensions)."""
    rows = embeddings.set_index("knee_id").loc[of["knee_id"]]
    return rows.filter(like="feature_").to_numpy(float)


def fuse(
    raw: np.ndarray,
    adjusted: np.ndarray,
    of: pd.DataFrame,
    *,
    context_share: float,
    structure_share: float,
    fused_weight: float,
) -> dict[str, pd.DataFrame]:
    """Return the `fused` table of every arm.

    Parameters
    ----------
    raw, adjusted
        Embeddings (knees, dimensions) as the encoder gave them, and as `nuisance.adjust`
        left them.
    of
        As `known` returns, in the same order.
    context_share, structure_share
        Share of the fused variance (0 to 1) of the clinical block in those arms; the rest is
        the picture's. Variance is that of the discover knees.
    fused_weight
        Factor on each clinical column in the arm `fused`, which follows the published recipe:
        the unadjusted unit-length embedding beside columns of standard deviation one.

    Raises
    ------
    ValueError
        If no discover knee is there to take a scale from.
    """
    fit = (of["split"] == "discover").to_numpy()
    if not fit.any():
        raise ValueError("no knee of a discover person has a picture and a grade; expected some")
    picture = _named("image", adjusted)
    blocks = {name: block(of, name, columns, fit) for name, columns in BLOCKS.items()}
    published = {name: _published(blocks[name], fused_weight) for name in blocks}
    arms = {
        "image": [_share(picture, 1.0, fit)],
        "context": [
            _share(picture, 1 - context_share, fit),
            _share(blocks["context"], context_share, fit),
        ],
        "structure": [
            _share(picture, 1 - structure_share, fit),
            _share(blocks["structure"], structure_share, fit),
        ],
        "fused": [_named("image", raw), *published.values()],
    }
    knee = of[["knee_id"]].reset_index(drop=True)
    return {arm: pd.concat([knee, *parts], axis=1) for arm, parts in arms.items()}


def block(of: pd.DataFrame, name: str, columns: tuple[str, ...], fit: np.ndarray) -> pd.DataFrame:
    """Return clinical columns at mean 0 and standard deviation 1 on the rows `fit`.

    A missing value is put at the mean and said to be missing: each column with gaps has a
    second column, `<name>_missing`, that is as much part of the block as the first.
    """
    made: dict[str, np.ndarray] = {}
    for column in columns:
        values = of["female" if column == "sex" else column].astype(float).to_numpy()
        gone = np.isnan(values)
        there = fit & ~gone
        mean = values[there].mean() if there.any() else 0.0
        made[f"{name}_{column}"] = _scaled(np.where(gone, mean, values), fit)
        if gone[fit].any():
            made[f"{name}_{column}_missing"] = _scaled(gone.astype(float), fit)
    return pd.DataFrame(made)


def blocks(
    arms: Mapping[str, pd.DataFrame],
    of: pd.DataFrame,
    *,
    context_share: float,
    structure_share: float,
    fused_weight: float,
) -> pd.DataFrame:
    """Return the `fused_blocks` table: the share of each block that was asked for and that it has.

    In the arm `fused` the share asked for is what the weight implies: one for the unit-length
    picture, the squared weight for each clinical column.
    """
    fit = (of["split"] == "discover").to_numpy()
    asked = {
        "image": {"image": 1.0},
        "context": {"image": 1 - context_share, "context": context_share},
        "structure": {"image": 1 - structure_share, "structure": structure_share},
    }
    rows = []
    for arm in ARMS:
        features = arms[arm].drop(columns="knee_id")
        variance = features[fit].var(ddof=0)
        of_block = variance.groupby(variance.index.str.split("_").str[0], sort=False)
        if arm == "fused":
            weights = {n: 1.0 if n == "image" else fused_weight**2 * len(v) for n, v in of_block}
            asked[arm] = {name: w / sum(weights.values()) for name, w in weights.items()}
        for name, values in of_block:
            rows.append(
                {
                    "arm": arm,
                    "block": str(name),
                    "columns": len(values),
                    "declared_share": asked[arm][str(name)],
                    "realised_share": float(values.sum() / variance.sum()),
                }
            )
    return pd.DataFrame(rows)


def honours(shares: pd.DataFrame) -> bool:
    """Say whether every block weighs what was declared, in the arms whose shares are declared."""
    own = shares[shares["arm"] != "fused"]
    return bool(np.allclose(own["declared_share"], own["realised_share"], atol=1e-6))


def lay_out(image: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Return the `map` table: a plane in which knees with like pictures lie near each other.

    For the eye only: distances between groups mean nothing, and nothing is computed on it.

    Parameters
    ----------
    image
        `fused` table of the arm `image`.
    seed
        Of the layout, which is the same for the same seed on one kind of machine.
    """
    layout = umap_layout.lay_out(image.drop(columns="knee_id").to_numpy(), seed=seed)
    return pd.DataFrame({"knee_id": image["knee_id"], "x": layout[:, 0], "y": layout[:, 1]})


def text_roles(of: pd.DataFrame, left: pd.DataFrame, shares: pd.DataFrame) -> list[str]:
    """Say how many knees may be grouped, what can still be read off them, and who weighs most."""
    counts = of.groupby("split")[["knee_id", "participant_id"]].nunique()
    there = ", ".join(
        f"{row.knee_id:,} knees of {row.participant_id:,} {split} people"
        for split, row in counts.iterrows()
    )
    after = left[left["when"] == "after"]
    still = after.loc[after["estimate"] > after["chance"] + nuisance.SLACK, "target"].tolist()
    words = ", ".join(nuisance.WORDS.get(name, name) for name in still)
    published = shares[(shares["arm"] == "fused") & (shares["block"] == "image")].iloc[0]
    return [
        f"{there} have a picture and a grade and may be grouped.",
        f"After the adjustment {words or 'nothing of this'} can still be read off the picture's "
        f"features in a straight line by more than {nuisance.SLACK:.1f} above chance.",
        f"In the published recipe the picture holds {100 * published['realised_share']:.1f} % of "
        "the fused variance; the rest is clinical columns.",
    ]


def table_left(left: pd.DataFrame) -> pd.DataFrame:
    """Return what can be read off the features, before and after, as a table for reading."""
    wide = left.pivot_table(
        index=["target", "metric", "chance"], columns="when", values="estimate", sort=False
    ).reset_index()
    words = {
        "target": wide["target"].replace(nuisance.WORDS),
        "metric": wide["metric"].replace("r2", "R²"),
    }
    wide = wide.assign(**words)
    return wide[["target", "metric", "before", "after", "chance"]].rename_axis(columns=None)


def _named(name: str, features: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        features, columns=[f"{name}_{place:03d}" for place in range(features.shape[1])]
    )


def _scaled(values: np.ndarray, fit: np.ndarray) -> np.ndarray:
    spread = values[fit].std()
    return (values - values[fit].mean()) / (spread if spread > 0 else 1.0)


def _share(features: pd.DataFrame, share: float, fit: np.ndarray) -> pd.DataFrame:
    """Scale a block so that its variance on the rows `fit` sums to `share`."""
    total = float(features[fit].var(ddof=0).sum())
    return features * np.sqrt(share / total) if total > 0 else features * 0.0


def _published(features: pd.DataFrame, weight: float) -> pd.DataFrame:
    """Return the columns of a block that went into the published recipe, weighted."""
    wanted = firewall.INPUTS["fused"]
    bare = features.columns.str.split("_", n=1).str[1].str.removesuffix("_missing")
    return features.loc[:, bare.isin(wanted)] * weight
