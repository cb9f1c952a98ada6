"""Stage `tabulate`: the study's tables beside the paper's, as CSV, Markdown and LaTeX."""

from argparse import ArgumentParser
from pathlib import Path

from pipeline import settings
from pipeline.errors import entry_point


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    arguments = parser.parse_args()
    params = settings.load()
    params.preset(arguments.preset)

    from pipeline.reporting.study import study_tables, write_tables

    tables = study_tables(Path("runs", arguments.preset), arguments.preset, params)
    write_tables(tables, Path("reports", arguments.preset, "tables"))


if __name__ == "__main__":
    entry_point(main)
