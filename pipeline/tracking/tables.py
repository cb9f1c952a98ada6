"""The ablations in the store: a parent run a table, the trainings of its rows under it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.tracking.notes import NOTE_TAG, table_note
from pipeline.tracking.store import Store, open_store, store_uri

if TYPE_CHECKING:
    from mlflow.entities import Run

RUN_TAG = "study.run"
"""The name by which a run is found again."""
TABLE_TAG = "study.table"
"""On a parent: its table's numeral."""
TABLES_TAG = "tables"
"""On a training: the numerals of all tables that it is a row of."""
KIND = "kind"
"""What a run is: training, trunk, scoring or table."""
PARENT_TAG = "mlflow.parentRunId"


@dataclass(frozen=True)
class Table:
    """A table of the ablations as it was written: the names of the trainings behind it, and its files."""

    numeral: str
    runs: tuple[str, ...]
    files: tuple[Path, ...]


def place(store: Store, experiment: str, tables: Sequence[str]) -> dict[str, str]:
    """The tags of a training that is a row of `tables`; its parent is created where it is missing."""
    if not tables:
        return {}
    return {PARENT_TAG: _parent(store, experiment, tables[0]), TABLES_TAG: ", ".join(tables)}


def record_tables(preset: str, tables: Sequence[Table]) -> None:
    """Give each table's run its files and description, and put exactly the trainings of its rows under it."""
    store = open_store(store_uri())
    store.attempt(lambda: _record(store, store.experiment(preset), tables))


def _record(store: Store, experiment: str, tables: Sequence[Table]) -> None:
    names = dict.fromkeys(name for table in tables for name in table.runs)
    shown = {name: [table.numeral for table in tables if name in table.runs] for name in names}
    for run in store.client.search_runs([experiment], f"tags.`{TABLES_TAG}` LIKE '%'", max_results=1000):
        if run.data.tags.get(RUN_TAG) not in shown:
            for tag in (TABLES_TAG, PARENT_TAG):
                if tag in run.data.tags:
                    store.client.delete_tag(run.info.run_id, tag)
    found = {name: run for name in shown if (run := store.run(experiment, RUN_TAG, name)) is not None}
    for name, run in found.items():
        _tag(store, run, place(store, experiment, shown[name]))
    for table in tables:
        rows = {name: str(found[name].info.run_id) for name in table.runs if name in found}
        _write(store, experiment, table, rows)


def _write(store: Store, experiment: str, table: Table, rows: Mapping[str, str]) -> None:
    parent = _parent(store, experiment, table.numeral)
    for file in table.files:
        store.client.log_artifact(parent, str(file))
    if written := [file.read_text(encoding="utf-8") for file in table.files if file.suffix == ".md"]:
        note = table_note("\n".join(written), experiment, table.numeral, rows)
        store.client.set_tag(parent, NOTE_TAG, note)


def _tag(store: Store, run: "Run", tags: Mapping[str, str]) -> None:
    for key, value in tags.items():
        if run.data.tags.get(key) != value:
            store.client.set_tag(run.info.run_id, key, value)


def _parent(store: Store, experiment: str, numeral: str) -> str:
    """The id of a table's run, found or created; processes that ask together get the same."""
    with store.alone():
        run = store.run(experiment, TABLE_TAG, numeral)
        if run is None:
            tags = {TABLE_TAG: numeral, KIND: "table"}
            run = store.client.create_run(experiment, run_name=f"Table {numeral}", tags=tags)
            store.client.set_terminated(run.info.run_id)  # it is a heading: its rows run
    return str(run.info.run_id)
