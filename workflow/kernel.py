"""Kernel: the Python that executes a notebook, reached by files and free of the user's settings."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

import workflow
from kneephen_utils import scratch
from workflow import lock

LONGEST_PLACE = 95  # bytes of a path that leave room for the name of a socket


class LocalKernelManager(AsyncKernelManager):
    """Talks to its kernel through files in a folder of its own: no port can collide.

    The folder is private and gone with the kernel; its path is short, since that of a socket may
    not be long. The kernel is the Python that runs this, whatever kernels the user has, and reads
    this package and no settings of the user.
    """

    def __init__(self, **options: Any) -> None:
        prefix = lock.KERNEL_FOLDER.format(pid=os.getpid())
        self._place = str(scratch.private(prefix, longest=LONGEST_PLACE))
        place = {"ip": f"{self._place}/s", "connection_file": f"{self._place}/kernel.json"}
        super().__init__(transport="ipc", **place, **options)

    @property
    def kernel_spec(self) -> KernelSpec:
        """How the kernel is started: by the path of this Python, not by a name."""
        words = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=words, display_name="Python 3", language="python")

    async def start_kernel(self, **asked: Any) -> None:  # type: ignore[override]
        """Start the kernel with this package before others, and a folder of settings of its own."""
        given = asked.get("env") or os.environ  # noqa: TID251
        paths = [str(workflow.ROOT), *filter(None, [given.get("PYTHONPATH")])]
        own = {"PYTHONPATH": os.pathsep.join(paths), "IPYTHONDIR": self._place, "PYTHONUTF8": "1"}
        asked["env"] = {**given, **own}
        await self._async_start_kernel(**asked)

    def cleanup_connection_file(self) -> None:
        """Remove what the kernel was reached by, when it is done."""
        super().cleanup_connection_file()
        shutil.rmtree(self._place, ignore_errors=True)
