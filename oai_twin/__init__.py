"""OAI twin: a synthetic release of the Osteoarthritis Initiative.

People, knees, radiographs and visits are drawn from one seed and written in the file
formats of the real release. What was planted is written beside the release, never in it.
"""

import kneephen_utils  # noqa: F401 - gives numba a place for what it compiles
