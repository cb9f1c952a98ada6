"""Stage `report`: one page with the tables, the runs behind them and sample crops."""

from argparse import ArgumentParser
from pathlib import Path

from pipeline import settings
from pipeline.errors import entry_point
from pipeline.files import write_text


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    arguments = parser.parse_args()
    params = settings.load()
    params.preset(arguments.preset)

    from pipeline.reporting.page import page

    html = page(Path("runs", arguments.preset), arguments.preset, params)
    write_text(Path("reports", arguments.preset, "index.html"), html)


if __name__ == "__main__":
    entry_point(main)
