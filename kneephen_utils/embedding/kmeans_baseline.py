"""K-means baseline: groups of untrained vectors, the published baseline, without any gate.

k-means finds as many groups as it is asked for, in noise too. Whatever the study claims of its
phenotypes has to be more than what these groups already give.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, silhouette_score

from kneephen_utils import formatting
from kneephen_utils.stats import cluster_resampling

COMPONENTS = 10
COUNTS = range(2, 7)  # numbers of groups tried
FEWEST = 30  # knees to look for groups in
SPLITS = ("discover", "confirm")
AGREE_WITH = ("kl_grade", "side", "site")
NOTE = (
    "Adjusted Rand index in confirm people, 95 % intervals by person: 0 is chance, 1 is the same "
    f"partition. A grade with fewer than {FEWEST} discover knees has no row. These groups passed "
    "no gate."
)


def find(embeddings: pd.DataFrame, known: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Group untrained vectors, over all grades and within each.

    Groups are looked for in the `discover` people by k-means on principal components, their
    number that of the best silhouette; the others join the nearest centre.

    Parameters
    ----------
    embeddings
        `embeddings` table.
    known
        One row per knee of `embeddings`, in the same order, with `knee_id`, `split`, `kl_grade`.
    seed
        Of the starting centres.

    Returns
    -------
    `zeroshot_groups` table: graded knees of `discover` and `confirm` people; -1 is a knee of a
    grade with too few knees to look for groups in.

    References
    ----------
    Rousseeuw (1987), silhouettes, doi:10.1016/0377-0427(87)90125-7.
    """
    may = (known["split"].isin(SPLITS) & known["kl_grade"].notna()).to_numpy()
    table = known.loc[may, ["knee_id", "split", "kl_grade"]].reset_index(drop=True)
    table["kl_grade"] = table["kl_grade"].astype("int64")
    vectors = embeddings.loc[may].filter(like="feature_").to_numpy(float)
    fit = (table["split"] == "discover").to_numpy()
    table["pooled"] = _groups(vectors, fit, seed)
    table["within"] = -1
    for grade in range(5):
        rows = (table["kl_grade"] == grade).to_numpy()
        table.loc[rows, "within"] = _groups(vectors[rows], fit[rows], seed)
    return table


def agreement(groups: pd.DataFrame, known: pd.DataFrame, *, draws: int, seed: int) -> pd.DataFrame:
    """Say how far the groups are the grade, the side or the site again, in `confirm` people.

    Returns
    -------
    Columns `scope` (all grades, KL0 to KL4), `groups`, `target`, `estimate`, `low`, `high`
    (adjusted Rand index), `knees`. A grade without groups has no rows.

    References
    ----------
    Hubert & Arabie (1985), doi:10.1007/BF01908075.
    """
    of = groups.merge(known[["knee_id", "participant_id", "side", "site"]], on="knee_id")
    of = of[of["split"] == "confirm"]
    scopes = {"all grades": (of, of["pooled"])}
    scopes |= {f"KL{k}": (own, own["within"]) for k, own in of.groupby("kl_grade")}
    rows = []
    for scope, (own, labels) in scopes.items():
        if labels.nunique() < 2:
            continue
        for target in AGREE_WITH if scope == "all grades" else AGREE_WITH[1:]:
            truth, found = own[target].astype(str).to_numpy(), labels.to_numpy()

            def rand(at: np.ndarray, t: np.ndarray = truth, f: np.ndarray = found) -> float:
                return float(adjusted_rand_score(t[at], f[at]))

            people = own["participant_id"].reset_index(drop=True)
            estimate, low, high = cluster_resampling.interval(rand, people, draws=draws, seed=seed)
            value = {"estimate": estimate, "low": low, "high": high, "knees": len(own)}
            rows.append({"scope": scope, "groups": labels.nunique(), "target": target, **value})
    columns = ["scope", "groups", "target", "estimate", "low", "high", "knees"]
    return pd.DataFrame(rows, columns=columns)


def table_agreement(agreed: pd.DataFrame) -> pd.DataFrame:
    """Return the agreement as a table for reading, one row per scope."""
    told = agreed.assign(
        told=[formatting.spread(row.estimate, row.low, row.high) for row in agreed.itertuples()]
    )
    wide = told.pivot_table(
        index=["scope", "groups", "knees"], columns="target", values="told", aggfunc="first"
    )
    order = [name for name in AGREE_WITH if name in wide]
    heads = {"kl_grade": "with the grade", "side": "with the side", "site": "with the site"}
    return wide[order].rename(columns=heads).rename_axis(columns=None).reset_index()


def text_agreement(agreed: pd.DataFrame) -> str:
    """Say in a sentence what the groups of all grades together are."""
    whole = agreed[agreed["scope"] == "all grades"].set_index("target")
    if whole.empty:
        return "There are too few knees to look for groups in the untrained vectors."
    parts = [
        f"{formatting.spread(*whole.loc[target, ['estimate', 'low', 'high']])} with the {word}"
        for target, word in (("kl_grade", "grade"), ("side", "side"), ("site", "site"))
    ]
    return (
        f"Over all grades the untrained vectors fall into {whole['groups'].iloc[0]} groups, whose "
        f"agreement is {', '.join(parts)}."
    )


def _groups(vectors: np.ndarray, fit: np.ndarray, seed: int) -> np.ndarray:
    """Return the group of each row, largest first; -1 where there are too few to fit on."""
    if fit.sum() < FEWEST:
        return np.full(len(vectors), -1)
    low = PCA(min(COMPONENTS, vectors.shape[1]), random_state=seed).fit(vectors[fit])
    placed = low.transform(vectors)
    tried = [KMeans(count, n_init=10, random_state=seed).fit(placed[fit]) for count in COUNTS]
    best = max(tried, key=lambda model: float(silhouette_score(placed[fit], model.labels_)))
    labels = best.predict(placed)
    size = np.bincount(labels[fit], minlength=best.n_clusters)
    rank = np.argsort(np.argsort(-size, kind="stable"), kind="stable")
    return rank[labels]
