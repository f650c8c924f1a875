"""Encoder: pictures and words become vectors in one space.

`load` gives BiomedCLIP, any other open_clip model or the small encoder that ships with the
package, all behind one face.
"""

from kneephen_utils.encoder.loading import load
from kneephen_utils.encoder.model import Encoder, WeightsError, by_knee, embed_images, embed_texts
from kneephen_utils.encoder.tuned import load_head, load_tuned, redraw, save_tuned

__all__ = [
    "Encoder",
    "WeightsError",
    "by_knee",
    "embed_images",
    "embed_texts",
    "load",
    "load_head",
    "load_tuned",
    "redraw",
    "save_tuned",
]
