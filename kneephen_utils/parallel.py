"""Parallel: jobs that know nothing of each other, on processes of this machine or a cluster.

Every job carries its own seed, so what comes back depends neither on how many work nor on where.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any

from joblib import Parallel, delayed, effective_n_jobs

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


def surviving(
    work: Callable[..., Any],
    jobs: Iterable[Sequence[Any]],
    *,
    workers: int,
    deadly: Callable[..., bool],
    lost: Callable[..., Any],
) -> Iterator[Any]:
    """Yield `work(*job)` of every job in order, also if a job brings down the process it runs in.

    A library that crashes, or a system out of memory, takes a whole process away. The jobs that
    were under way are then done one by one, each alone, until the one that did it is known.

    Parameters
    ----------
    work
        A function of a module.
    jobs
        Arguments of each call.
    workers
        Processes. With one, jobs are done in this process, so that nothing need be started,
        except those that are `deadly`.
    deadly
        Tells from the arguments whether a job may bring down its process.
    lost
        What stands for the result of a job that did, from its arguments.
    """
    if workers == 1:
        for job in jobs:
            yield _alone(work, job, lost) if deadly(*job) else work(*job)
        return
    left, ahead = deque(jobs), AHEAD * effective_n_jobs(workers)
    while left:
        run = Parallel(n_jobs=workers, return_as="generator", pre_dispatch=ahead, batch_size=1)
        results = run(delayed(work)(*job) for job in tuple(left))
        try:
            for result in results:
                left.popleft()
                yield result
        except BrokenProcessPool:
            for job in tuple(islice(left, ahead)):
                left.popleft()
                yield _alone(work, job, lost)


def _alone(work: Callable[..., Any], job: Sequence[Any], lost: Callable[..., Any]) -> Any:
    """Return the result of one job done in another process, or what stands for it."""
    try:
        return Parallel(n_jobs=2)([delayed(work)(*job)])[0]  # of two, joblib starts processes
    except BrokenProcessPool:
        return lost(*job)


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
