"""The LaTeX tables in a paper of two columns, by a real LaTeX where there is one."""

import shutil
import subprocess

import pytest

from pipeline import settings
from pipeline.reporting.formats import tex, write_sheets
from pipeline.reporting.study import study_tables
from pipeline.reporting.study_sheet import study_sheet

PAPER = r"""\documentclass[twocolumn]{article}
\usepackage[margin=0.7in]{geometry}
\usepackage{booktabs,graphicx}
\begin{document}
%s
\end{document}
"""


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex (apt-get install texlive-latex-recommended)")
def test_the_tables_are_set_without_an_error_and_within_the_page(project, monkeypatch, tmp_path):
    monkeypatch.chdir(project)
    params = settings.load()
    tables = [table for group in ("comparison", "ablations") for table in study_tables("sample", params, group)]
    folder = tmp_path / "tables"
    write_sheets([study_sheet(table) for table in tables], folder)
    inputs = "\n".join(rf"\input{{{file}}}" for file in sorted(folder.glob("*.tex")))
    (tmp_path / "paper.tex").write_text(PAPER % inputs)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert inputs.count("input") == 6
    assert "Overfull" not in done.stdout


def test_what_prints_as_another_character_is_written_as_mathematics():
    assert tex("p > 5 %, a < b | c") == r"p $>$ 5 \%, a $<$ b \textbar{} c"
