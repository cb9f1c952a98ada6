"""The README's examples, done to the letter in a clone: a new row of Table V, pictures of one's own."""

import re

import numpy as np
import pytest
from PIL import Image
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
        params["sample"]["seeds"] = [1]

    clone.edit(add)
    clone.run("dvc", "repro", "pack@sample-ntire2020", "features@sample", "weights")
    clone.run("snakemake", "--", "ablations")
    table = (clone.folder / "reports/sample/tables/ablations/table_5.csv").read_text()
    assert re.search(r"^full_gradient,full_gradient,ntire2020-full_gradient-s1-\w+,", table, re.MULTILINE), table


def test_pictures_of_ones_own_take_a_registry_entry_and_a_line_of_params(tmp_path, monkeypatch):
    readme = (CHECKOUT / "README.md").read_text()
    entry = re.search(r"```yaml\n(my_photos:.*?)```", readme, re.DOTALL)[1]
    (part,) = YAML(typ="safe").load(
        re.search(r"```yaml\n\s*(- \{collection: my_photos.*?)```", readme, re.DOTALL)[1]
    )
    photos = tmp_path / "mirror" / "my_photos"
    photos.mkdir(parents=True)
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (64, 64, 3), np.uint8)
        Image.fromarray(pixels).save(photos / f"{number}.png")
    clone = Clone(tmp_path / "clone")
    registry = clone.folder / "pipeline/datasets/registry.yaml"
    registry.write_text(f"{registry.read_text()}\n{entry}")

    def add(params):
        mine = params["sample"]["datasets"]["ntire2020"]
        del mine["standin"]
        mine["parts"] = [part | {"roles": {"target": "rest", "validation": 1, "test": 1}}]

    clone.edit(add)
    monkeypatch.setenv("CRIA_MIRROR", str(tmp_path / "mirror"))
    for stage in ("fetch", "split"):
        clone.run("python", "-m", f"stages.{stage}", "--preset", "sample", "--dataset", "ntire2020")
    manifest = (clone.folder / "runs/sample/splits/ntire2020.csv").read_text()
    assert manifest.count(",my_photos,") == 3
