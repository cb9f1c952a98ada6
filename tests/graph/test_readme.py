"""The README's example of a new criterion and a new row of Table V, done to the letter in a clone."""

import re

import pytest
from ruamel.yaml import YAML

from tests.graph.clone import CHECKOUT, Clone

pytestmark = [pytest.mark.graph, pytest.mark.xdist_group("graph")]


def test_a_new_criterion_and_row_take_one_function_and_params(tmp_path):
    readme = (CHECKOUT / "README.md").read_text()
    function = re.search(r"```python\n(@criterion.*?)```", readme, re.DOTALL).group(1)
    lines = YAML(typ="safe").load(
        re.search(r"```yaml\n(configurations:\n  full_gradient.*?)```", readme, re.DOTALL)[1]
    )
    clone = Clone(tmp_path / "clone")
    source = clone.folder / "pipeline/criteria/maps.py"
    source.write_text(f"{source.read_text()}\n\n{function}")

    def add(params):
        params["configurations"] |= lines["configurations"]
        params["ablation"]["table_5"] = ["full", "full_gradient"]
        params["ablation"]["seeds"] = [1]

    clone.edit(add)
    clone.run("dvc", "repro", "pack@sample-ntire2020", "trunk@sample-ntire2020", "features@sample", "weights")
    clone.run("snakemake", "--", "ablations")
    table = (clone.folder / "reports/sample/tables/ablations/table_5.csv").read_text()
    assert re.search(r"^full_gradient,full_gradient,ntire2020-full_gradient-s1-\w+,", table, re.MULTILINE), table
