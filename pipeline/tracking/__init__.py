"""MLflow as a mirror of the runs; the only package that imports mlflow.

A run's own history.jsonl is the truth. The store is `mlflow/mlflow.db` in the checkout, with its artifacts
beside it, unless MLFLOW_TRACKING_URI names another. A missing, dead or broken store costs one warning and a few
seconds: from its first failure on, a process leaves it alone.

A training, resumed under the same name, goes on in the same MLflow run (`title` is what the UI calls it):

    facts = environment(device)
    pack = Input("realsr-pack", "training", folder, sha256)
    with mirrored("sample", name, params=settings, inputs={"pack": pack}, environment=facts) as run:
        for ...:                                   # each line added to the history:
            run.history(path)                      # sends what was not sent yet, at most every few seconds
            run.image("validation/image", sr, now)  # uint8 H x W x 3 RGB; the steps of a key are a slider
        run.model(folder, "full-s1-realsr")        # generator.safetensors, model.json: the run's model

Nothing in the block waits for MLflow. A run is sent to as it goes on once it is twenty seconds old; a shorter one
waits in the outbox beside the store for the next scoring, long training or `make ui`.

Terms of the history are metrics `train/<term>`: the UI groups its charts by what stands before the `/`. Every run
has the tag `kind` (training, trunk, scoring, table), those of trainings also `dataset`, `configuration`, `anchor`,
`seed` and `fingerprint`; the descriptions of the experiment and the tables have links to filters and to saved views
(pipeline/tracking/views.py): list and charts of each table's rows, where a configuration has one colour (`series`).
Runs of more than thirty seconds have system metrics. A failed run has its reason as the tag `error`.

A scoring is a run as well: `record_scores(...)`, one call, which waits for the store (`tracked`). It also gives
each training its `test/<metric>`.

The ablations are grouped: a run "Table V" and a run "Table VI" in the experiment, the trainings of their rows under
them. A row of both tables stands under the first. Every row has the tag `tables`, such as "V, VI", so that

    tags.tables LIKE 'V%' AND tags.tables != 'VI'        finds all rows of Table V
    tags.tables LIKE '%VI'                               finds all rows of Table VI

with a run for each seed. `record_tables(...)`, after the tables are written, gives each its files and takes out
the trainings that it no longer shows.
"""

from pipeline.tracking.mirroring import deliver_all, mirrored, tracked
from pipeline.tracking.outbox import Patient
from pipeline.tracking.run import Input, Tracked
from pipeline.tracking.scores import record_scores
from pipeline.tracking.store import create_store, store_uri
from pipeline.tracking.tables import Table, record_tables

__all__ = [
    "Input",
    "Patient",
    "Table",
    "Tracked",
    "create_store",
    "deliver_all",
    "mirrored",
    "record_scores",
    "record_tables",
    "store_uri",
    "tracked",
]
