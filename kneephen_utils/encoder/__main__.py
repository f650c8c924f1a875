"""Command line that keeps a published encoder for machines without network.

    python -m kneephen_utils.encoder

fetches BiomedCLIP into `weights/`; `make weights` calls it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from kneephen_utils.encoder import hub_snapshot
from kneephen_utils.encoder.model import WeightsError

BIOMEDCLIP = "hf-hub:microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224"


def from_hub(name: str, file: str) -> Path | None:
    """Fetch one file of a repository on the hub; None where the repository has no such file."""
    from huggingface_hub import hf_hub_download  # needed by nothing else
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(name, file))
    except LocalEntryNotFoundError as error:
        raise WeightsError(f"{name}: the hub cannot be reached: {error}") from error
    except EntryNotFoundError:
        return None
    except OSError as error:  # no such repository, or no right to read it
        raise WeightsError(f"{name}: {error}") from error


def main(argv: Sequence[str] | None = None, *, fetch: hub_snapshot.Fetch = from_hub) -> int:
    """Keep an encoder as the command line asks; return 0, or 1 after one clear sentence."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("hub", nargs="?", default=BIOMEDCLIP, help="hf-hub:owner/name")
    parser.add_argument("--out", type=Path, help="new folder; weights/NAME unless told otherwise")
    given = parser.parse_args(argv)
    folder = given.out or Path("weights") / given.hub.rpartition("/")[2]
    try:
        hub_snapshot.keep(given.hub, folder, fetch=fetch)
    except WeightsError as error:
        print(f"weights: {error}", file=sys.stderr)
        return 1
    print(f"The encoder is kept and checked. Use it with WEIGHTS={folder.resolve()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
