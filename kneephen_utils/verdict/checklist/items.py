"""Items: what each guideline asks, in our words, and the fact of the run that answers it.

An empty fact is one that only the authors know.
"""

from __future__ import annotations

Item = tuple[str, str, str]  # number, what is asked, name of the fact

SPIL = "Osteoarthritis phenotype research"
STROBE = "STROBE, observational studies"
TRIPOD = "TRIPOD+AI, prediction models"
CLAIM = "CLAIM, imaging and artificial intelligence"

SOURCES = {
    SPIL: "Recommendations of a consensus panel {cite:p}`vanspil2020`.",
    STROBE: "Cohort studies {cite:p}`vonelm2007`.",
    TRIPOD: "Here for the grader, the only part that predicts {cite:p}`collins2024`.",
    CLAIM: "Imaging studies {cite:p}`mongan2020`.",
}

GUIDELINES: dict[str, list[Item]] = {
    SPIL: [
        ("study", "aim: to find phenotypes, to confirm them, or to use them", "aim"),
        ("study", "the definition of a phenotype that is used", "phenotype_definition"),
        ("study", "design and setting, and for how long people were followed", "design"),
        ("population", "who was eligible, and the stage of disease", "eligible"),
        ("population", "how many people and joints, and from whom none was used", "flow"),
        ("data", "the variables that define phenotypes, and why these", "inputs"),
        ("data", "how and when each was measured, and how well", "measured"),
        ("analysis", "how groups were found and their number chosen", "clustering"),
        ("analysis", "missing data", "missing"),
        ("analysis", "stability and validity, within the data and beyond", "stability"),
        (
            "analysis",
            "variables that describe phenotypes kept apart from those that define",
            "roles",
        ),
        ("appraisal", "differences in course or outcome between phenotypes", "claims"),
        ("appraisal", "meaning for care, and what remains to be shown", ""),
    ],
    STROBE: [
        ("1", "design named in title and abstract; a balanced summary", "summary"),
        ("2", "background and why the study was done", ""),
        ("3", "aims, with hypotheses stated beforehand", "families"),
        ("4", "main elements of the design", "design"),
        ("5", "setting, places and dates", "setting"),
        ("6", "who was eligible, how found and followed", "eligible"),
        ("7", "outcomes, exposures and confounders defined", "outcomes"),
        ("8", "how each was measured", "measured"),
        ("9", "what was done against bias", "bias"),
        ("10", "how the size of the study came about", "power"),
        ("11", "how numbers were grouped, and why", "grouping"),
        ("12", "statistics, confounding, missing data, sensitivity", "statistics"),
        ("13", "people at each step, with reasons for loss", "flow"),
        ("14", "who the people are, missing data, length of follow-up", "people"),
        ("15", "numbers of outcome events", "events"),
        ("16", "estimates with intervals, adjusted and not", "claims"),
        ("17", "other analyses: subgroups, sensitivity", "sensitivity"),
        ("18", "the main results against the aims", "summary"),
        ("19", "limitations, with direction of bias", "limits"),
        ("20", "a cautious interpretation", ""),
        ("21", "whether it holds elsewhere", "generalise"),
        ("22", "funding and the role of funders", ""),
    ],
    TRIPOD: [
        ("1", "title names the model, the people and the outcome", ""),
        ("2", "abstract by the checklist for abstracts", ""),
        ("3", "context, existing models, intended use, known inequalities", ""),
        ("4", "aims: development or evaluation", "aim"),
        ("5", "sources of data and dates", "setting"),
        ("6", "setting, eligibility, treatments", "eligible"),
        ("7", "how data were prepared, alike for all groups of people", "preparation"),
        ("8", "the outcome, who judged it and blind to what", "outcome_grade"),
        ("9", "predictors and how they were chosen", "encoder"),
        ("10", "how the size was arrived at", "size"),
        ("11", "missing data", "missing"),
        ("12", "model, training, tuning, internal validation, measures", "training"),
        ("13", "class imbalance and what was done", "imbalance"),
        ("14", "fairness: what was done and why", "fairness"),
        ("15", "what the model gives out", "output"),
        ("16", "differences between development and evaluation data", "splits"),
        ("17", "ethical approval and consent", ""),
        ("18", "funding, conflicts, protocol, registration, data, code", "code"),
        ("19", "involvement of patients and the public", ""),
        ("20", "people and outcome events in each part", "people"),
        ("21", "numbers in development and in evaluation", "splits"),
        ("22", "the model itself, so that others can use it", "code"),
        ("23", "performance with intervals, also by group", "grader"),
        ("24", "updating of the model", ""),
        ("25", "interpretation, fairness included", ""),
        ("26", "limitations", "limits"),
        ("27", "use in care, and what has to happen first", "use"),
    ],
    CLAIM: [
        ("1-2", "title and abstract name the method and the results", "summary"),
        ("3-4", "background, role in care, aims", ""),
        ("5-6", "retrospective or prospective; goal", "aim"),
        ("7", "sources of data", "setting"),
        ("8", "eligibility", "eligible"),
        ("9", "preparation of pictures", "preparation"),
        ("10", "which parts of the pictures were used", "preparation"),
        ("11", "definitions of data elements", "dictionary"),
        ("12", "how people were made unknown", ""),
        ("13", "missing data", "missing"),
        ("14-17", "reference standard, readers, agreement", "outcome_grade"),
        ("18-19", "size of the sample", "size"),
        ("20-21", "how data were split, and that people are apart", "splits"),
        ("22-24", "model, software, start of the weights", "encoder"),
        ("25-27", "training, choice of the final model", "training"),
        ("28-32", "measures, uncertainty, robustness, explanation, other data", "measures"),
        ("33-34", "flow and characteristics of people", "flow"),
        ("35-37", "performance, with intervals, failures", "grader"),
        ("38-39", "limitations, meaning for practice", "limits"),
        ("40-42", "registration, access to the protocol, funding", ""),
    ],
}
