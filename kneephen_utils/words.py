"""Words: columns and settings as a reader calls them, with their units."""

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
