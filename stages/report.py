"""Stage `report`: one page with the tables, the runs behind them and one image of each dataset by every method.

It says when it was made: now, or at SOURCE_DATE_EPOCH (seconds since 1970), which makes equal results equal bytes.
"""

import os
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path

from pipeline import settings
from pipeline.errors import UserError, entry_point
from pipeline.files import write_text


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    arguments = parser.parse_args()
    params = settings.load()
    params.preset(arguments.preset)
    made = _now()  # before numpy is imported, which reads SOURCE_DATE_EPOCH too and gives a traceback

    from pipeline.reporting.page import page
    from pipeline.reporting.provenance import circumstances

    about = circumstances(arguments.preset, made)
    html = page(arguments.preset, params, about)
    write_text(Path("reports", arguments.preset, "index.html"), html)


def _now() -> datetime:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        return datetime.fromtimestamp(int(epoch) if epoch else time.time(), UTC)
    except (OSError, OverflowError, ValueError):
        raise UserError(f"SOURCE_DATE_EPOCH is {epoch!r}; give it in seconds since 1970, or unset it") from None


if __name__ == "__main__":
    entry_point(main)
