"""A folder in the layout in which BiomedCLIP is published, with random weights.

`whole` has the published architecture, 195.9 million parameters; `tiny` the same layout and
the same twelve blocks, narrow enough for a fast test.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import save_file
from tokenizers import BertWordPieceTokenizer

from kneephen_utils.encoder import prompts

NAME = "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224"
TEXT_NAME = "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract"
VOCABULARY = 30_522
TEXT = {
    "hf_model_name": TEXT_NAME,
    "hf_tokenizer_name": TEXT_NAME,
    "hf_proj_type": "mlp",
    "hf_pooler_type": "cls_last_hidden_state_pooler",
    "context_length": 256,
}
VISION = {
    "timm_model_name": "vit_base_patch16_224",
    "timm_model_pretrained": False,
    "timm_pool": "",
    "timm_proj": "linear",
    "image_size": 224,
}
NORMAL = {
    "mean": [0.48145466, 0.4578275, 0.40821073],
    "std": [0.26862954, 0.26130258, 0.27577711],
}
BERT = {
    "architectures": ["BertForMaskedLM"],
    "model_type": "bert",
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 768,
    "initializer_range": 0.02,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "pad_token_id": 0,
    "type_vocab_size": 2,
    "vocab_size": VOCABULARY,
}
NARROW = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2}


def whole(folder: Path) -> Path:
    """Write the published architecture with weights in a `.bin` file, as published."""
    return _write(folder, vision=VISION, bert=BERT, dimensions=512, safe=False)


def tiny(folder: Path, *, safe: bool = True, **vision: Any) -> Path:
    """Write a narrow model in the published layout; `vision` changes its picture tower."""
    narrow = VISION | {"timm_model_name": "vit_tiny_patch16_224"} | vision
    bert = BERT | NARROW | {"num_hidden_layers": 1}
    return _write(folder, vision=narrow, bert=bert, dimensions=64, safe=safe)


def _write(
    folder: Path, *, vision: dict[str, Any], bert: dict[str, Any], dimensions: int, safe: bool
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    towers = {"embed_dim": dimensions, "vision_cfg": vision, "text_cfg": TEXT}
    config = {"model_cfg": towers, "preprocess_cfg": NORMAL}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=4))
    (folder / "config.json").write_text(json.dumps(bert, indent=2))
    _write_vocabulary(folder)
    torch.manual_seed(0)
    text = TEXT | {"hf_model_name": str(folder), "hf_model_pretrained": False}
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False, text_cfg=text)
    if safe:
        save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    else:
        torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
    return folder


def _write_vocabulary(folder: Path) -> None:
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ",", ".", *letters]
    words += [f"##{letter}" for letter in letters] + prompts.vocabulary()
    words = list(dict.fromkeys(words))
    words += [f"word{number}" for number in range(VOCABULARY - len(words))]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    BertWordPieceTokenizer(str(folder / "vocab.txt")).save(str(folder / "tokenizer.json"))
    named = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 512}
    (folder / "tokenizer_config.json").write_text(json.dumps(named))
