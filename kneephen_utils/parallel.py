"""Parallel: jobs that know nothing of each other, on processes of this machine or a cluster.

Every job carries its own seed, so what comes back depends neither on how many work nor on where.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from joblib import Parallel, delayed

AHEAD = 4  # jobs a cluster holds for each of its threads
PATIENCE = 20  # seconds in which a scheduler must answer


def each(
    work: Callable[..., Any], jobs: Iterable[Sequence[Any]], *, workers: int, dask: str = ""
) -> Iterable[Any]:
    """Return `work(*job)` of every job, in the order of the jobs.

    Parameters
    ----------
    work
        A function of a module; where it runs, the package must be installed.
    jobs
        Arguments of each call.
    workers
        Processes on this machine; not used where a cluster is given.
    dask
        Address of a Dask scheduler, such as `tcp://10.0.0.1:8786`; empty for none.

    Returns
    -------
    Results as they are done on this machine, all at once from a cluster.

    Raises
    ------
    ConnectionError
        If no scheduler answers at the address.

    References
    ----------
    Rocklin (2015), Dask, doi:10.25080/Majora-7b98e3ed-013.
    """
    if dask:
        return _on_cluster(work, jobs, dask)
    calls = (delayed(work)(*job) for job in jobs)
    return Parallel(n_jobs=workers, return_as="generator")(calls)


def _on_cluster(work: Callable[..., Any], jobs: Iterable[Sequence[Any]], address: str) -> list[Any]:
    """Return the results of a cluster, which may lose workers meanwhile.

    Each job takes its arguments along. Joblib would leave them on the workers once for all, and
    wait for ever when the worker that holds them is lost.
    """
    from distributed import Client  # half a second to import

    try:
        client = Client(address, set_as_default=False, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"DASK={address}: no Dask scheduler answers there; expected an address such as "
            "tcp://10.0.0.1:8786"
        ) from error
    found, waiting = [], deque[Any]()
    with client:
        most = AHEAD * max(sum(client.ncores().values()), 1)
        for job in jobs:
            waiting.append(client.submit(work, *job, pure=False))
            if len(waiting) >= most:
                found.append(waiting.popleft().result())
        return found + [future.result() for future in waiting]
