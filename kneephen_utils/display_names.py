"""Display names: columns and settings as a reader calls them, with their units."""

from __future__ import annotations

CLINICAL = {
    "sex": "women, %",
    "age": "age, years",
    "bmi": "BMI, kg/m\N{SUPERSCRIPT TWO}",
    "womac_pain": "WOMAC pain, 0-20",
    "koos_pain": "KOOS pain, 0-100",
    "jsn_medial": "medial JSN, 0-3",
    "jsn_lateral": "lateral JSN, 0-3",
    "jsw_medial": "medial JSW, mm",
    "jsw_lateral": "lateral JSW, mm",
    "osteophyte_femur_medial": "osteophytes, medial femur, 0-3",
    "osteophyte_femur_lateral": "osteophytes, lateral femur, 0-3",
    "osteophyte_tibia_medial": "osteophytes, medial tibia, 0-3",
    "osteophyte_tibia_lateral": "osteophytes, lateral tibia, 0-3",
    "sclerosis_medial": "medial sclerosis, 0-3",
    "sclerosis_lateral": "lateral sclerosis, 0-3",
}
REDUCERS = {"pca": "PCA", "umap": "UMAP", "none": "no reduction"}
EMBEDDINGS = {"finetuned": "after fine-tuning", "zeroshot": "before fine-tuning"}


def phenotype_label(phenotype: int) -> str:
    """Return how a phenotype is written for a reader: letters, so numbers stay for grades."""
    if phenotype < 0:
        return "all knees" if phenotype == -2 else "unassigned"
    return chr(ord("A") + phenotype) if phenotype < 26 else f"P{phenotype}"


OUTCOMES = {
    "womac_pain": "pain",
    "kl_rise_1": "rise by one grade",
    "rise_or_replacement": "rise or replacement",
    "kl_rise_2": "rise by two grades",
    "jsn_rise": "narrowing read worse",
    "jsw_loss_0.5": "loss of 0.5 mm of width",
    "jsw_loss_0.7": "loss of 0.7 mm of width",
    "jsw_change": "joint-space width",
}


def in_words(text: str) -> str:
    """Return a text with the names of outcomes as a reader calls them, and no underscores."""
    for name, words in OUTCOMES.items():
        text = text.replace(name, words)
    return text.replace("_", " ")
