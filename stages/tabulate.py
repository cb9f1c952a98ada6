"""Stage `tabulate`: a group of the study's tables beside the paper's, as CSV, Markdown and LaTeX."""

from argparse import ArgumentParser

from pipeline import settings
from pipeline.errors import entry_point
from pipeline.paths import tables_folder


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    parser.add_argument(
        "--group",
        required=True,
        choices=["comparison", "ablations", "efficiency"],
        help="I to IV and the calibration, V and VI, or VII",
    )
    arguments = parser.parse_args()
    params = settings.load()
    params.preset(arguments.preset)

    from pipeline.reporting.calibration import calibration_sheet
    from pipeline.reporting.efficiency_table import efficiency_sheet
    from pipeline.reporting.formats import write_sheets
    from pipeline.reporting.study import study_tables
    from pipeline.reporting.study_sheet import study_sheets

    preset, group = arguments.preset, arguments.group
    folder = tables_folder(preset, group)
    if group == "efficiency":
        write_sheets([efficiency_sheet(preset)], folder)
        return
    tables = study_tables(preset, params, group)
    sheets = [sheet for table in tables for sheet in study_sheets(table)]
    if group == "comparison":
        sheets.append(calibration_sheet(preset, params))
    write_sheets(sheets, folder)
    if group == "ablations":
        from pipeline.tracking import Table, record_tables

        files = {table.number: tuple(sorted(folder.glob(f"table_{table.number}[._]*"))) for table in tables}
        record_tables(preset, [Table(table.numeral, table.runs, files[table.number]) for table in tables])


if __name__ == "__main__":
    entry_point(main)
