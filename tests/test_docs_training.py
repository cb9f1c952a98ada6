"""docs/training.md shows the code that runs."""


def test_the_recipe_of_the_page_is_the_one_that_is_run(root):
    recipe = (root / "pipeline/recipes/trunk.py").read_text(encoding="utf-8")
    assert f"```python\n{recipe}```" in (root / "docs/training.md").read_text(encoding="utf-8")
