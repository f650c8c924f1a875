"""Encoder: pictures and words become vectors in one space.

`load` gives BiomedCLIP, any other open_clip model or the small encoder that ships with the
package, all behind one face.
"""

from kneephen_utils.encoder.finetuned_weights import load_head, load_tuned, reinitialise, save_tuned
from kneephen_utils.encoder.loading import load
from kneephen_utils.encoder.model import Encoder, WeightsError, by_knee, embed_images, embed_texts

__all__ = [
    "Encoder",
    "WeightsError",
    "by_knee",
    "embed_images",
    "embed_texts",
    "load",
    "load_head",
    "load_tuned",
    "reinitialise",
    "save_tuned",
]
