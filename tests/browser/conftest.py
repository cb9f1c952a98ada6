"""The report of the small run folder of tests/reporting, and a browser that has it open."""

from contextlib import chdir
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline import settings
from pipeline.files import write_text
from tests.reporting.conftest import build

WIDE, PHONE = (1366, 900), (390, 844)


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    """The page's file, with its figures beside it."""
    from pipeline.reporting.comparison.files import write_figures
    from pipeline.reporting.illustrations import study_figure, write_figure
    from pipeline.reporting.page import page
    from pipeline.reporting.parts import draw_parts
    from pipeline.reporting.provenance import circumstances

    folder = tmp_path_factory.mktemp("report")
    build(folder)
    with chdir(folder):
        params = settings.load()
        write_figure(study_figure("sample", params), Path("reports/sample/figures/ablations"))
        write_figures("sample", params)
        draw_parts("sample", params, Path("reports/sample/figures/parts"))
        made = circumstances("sample", datetime(2024, 2, 29, tzinfo=UTC))
        write_text(Path("reports/sample/index.html"), page("sample", params, made))
    return folder / "reports/sample/index.html"


@pytest.fixture
def open_report(start_browser, report):
    """Open the report from the disk in a window of a size, with or without scripts, light or dark."""

    def begin(size=WIDE, *, script=True, scheme="light"):
        from tests.browser.reader import Reader

        reader = start_browser(Reader, "reader")
        reader.set_up(size, script=script, scheme=scheme)
        reader.driver.get(report.as_uri())
        return reader

    return begin
