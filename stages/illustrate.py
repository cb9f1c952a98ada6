"""Stage `illustrate`: the figures of a group, each as SVG and PNG.

ablations: Figure 1, validation curves; comparison: one image of each dataset by every method, and all scores;
parts: masks and branches.
"""

from argparse import ArgumentParser

from pipeline import settings
from pipeline.errors import entry_point
from pipeline.paths import figures_folder
from pipeline.settings import Settings


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--group", required=True, choices=["ablations", "comparison", "parts"])
    arguments = parser.parse_args()
    params = settings.load()
    params.preset(arguments.preset)
    draw(arguments.group, arguments.preset, params)


def draw(group: str, preset: str, params: Settings) -> None:
    """Draw the figures of `group`; only what it needs is imported."""
    if group == "comparison":
        from pipeline.reporting.comparison.files import write_figures

        write_figures(preset, params)
    elif group == "parts":
        from pipeline.reporting.parts import draw_parts

        draw_parts(preset, params, figures_folder(preset, group))
    else:
        from pipeline.reporting.illustrations import study_figure, write_figure

        write_figure(study_figure(preset, params), figures_folder(preset, group))


if __name__ == "__main__":
    entry_point(main)
