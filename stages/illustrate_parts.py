"""Stage `illustrate_parts`: the masks and parts that stage `parts` has left, a figure a dataset, as SVG and PNG."""

from argparse import ArgumentParser

from pipeline import settings
from pipeline.errors import entry_point
from pipeline.paths import data_root, figures_folder


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    preset = parser.parse_args().preset
    params = settings.load()
    params.preset(preset)

    from pipeline.reporting.parts import draw_parts

    draw_parts(data_root(preset), params, figures_folder(preset, "parts"))


if __name__ == "__main__":
    entry_point(main)
