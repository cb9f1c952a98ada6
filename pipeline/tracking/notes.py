"""What MLflow shows as a description: of an experiment, a training, a scoring, a table. Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

NOTE_TAG = "mlflow.note.content"
EXPERIMENT_TAGS = {
    "mlflow.experimentKind": "custom_model_development",  # opens the runs, not pages about language models
    NOTE_TAG: (
        "Cria-CL, the study. A run is a training (`<set>-<configuration>-s<seed>-<fingerprint>`), a scoring "
        "(`score-<set>-...`), or a heading, **Table V** or **Table VI**, with the trainings of its rows.\n\n"
        "- rows of Table V: `tags.tables LIKE 'V%' AND tags.tables != 'VI'`\n"
        "- rows of Table VI (the anchors): `tags.tables LIKE '%VI'`\n"
        "- metrics: `test/...` on the test images, `validation/...` along the training, the terms of the objective "
        "by their names, `probe` the objective on one fixed batch.\n"
    ),
}


def training_note(settings: Mapping[str, Any], name: str, training_set: str, seed: int) -> str:
    """A training in a sentence. `settings` are the experiment's; `trunk` has no objective of its own."""
    chosen = settings["configuration"]
    words = f"**{name}** trained on **{training_set}**, seed {seed}: {_generator(chosen)}."
    if not (chosen["align"] or chosen["unif"]):
        return words
    terms = [term for term in ("align", "unif") if chosen[term]]
    return (
        f"{words} Anchor {chosen['anchor']}; positives {_listed(chosen['positives'])}; negatives "
        f"{_listed(chosen['negatives'])}; comparative terms {_listed(terms)}."
    )


def scoring_note(dataset: str, methods: Sequence[str]) -> str:
    """A scoring in a sentence."""
    return f"Means over the test images of **{dataset}** of {len(methods)} methods: {_listed(methods)}."


def _generator(configuration: Mapping[str, Any]) -> str:
    if not configuration["branches"]:
        return "the plain RRDB"
    return f"two branches, {'fused by the spatial mask' if configuration['mask'] else 'their mean'}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
