"""Stage `tabulate`: a group of the study's tables beside the paper's, as CSV, Markdown and LaTeX."""

from argparse import ArgumentParser

from pipeline import settings
from pipeline.errors import entry_point
from pipeline.paths import tables_folder


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--group", required=True, choices=["comparison", "ablations"], help="I to IV, or V and VI")
    arguments = parser.parse_args()
    params = settings.load()
    params.preset(arguments.preset)

    from pipeline.reporting.formats import write_sheets
    from pipeline.reporting.study import study_tables
    from pipeline.reporting.study_sheet import study_sheet

    tables = study_tables(arguments.preset, params, arguments.group)
    folder = tables_folder(arguments.preset, arguments.group)
    write_sheets([study_sheet(table) for table in tables], folder)
    if arguments.group == "ablations":
        from pipeline.tracking import Table, record_tables

        files = {table.number: tuple(sorted(folder.glob(f"table_{table.number}.*"))) for table in tables}
        record_tables(arguments.preset, [Table(table.numeral, table.runs, files[table.number]) for table in tables])


if __name__ == "__main__":
    entry_point(main)
