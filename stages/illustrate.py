"""Stage `illustrate`: Figure 1, the validation curves of the ablations; or the comparisons of all datasets."""

from argparse import ArgumentParser

from pipeline import settings
from pipeline.errors import entry_point
from pipeline.paths import figures_folder


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    parser.add_argument(
        "--group",
        required=True,
        choices=["ablations", "comparison"],
        help="the trainings of Tables V and VI; or cuts of an image and the scores of all, by every method",
    )
    arguments = parser.parse_args()
    params = settings.load()
    params.preset(arguments.preset)

    if arguments.group == "comparison":
        from pipeline.reporting.comparison.files import write_figures

        write_figures(arguments.preset, params)
        return
    from pipeline.reporting.illustrations import study_figure, write_figure

    write_figure(study_figure(arguments.preset, params), figures_folder(arguments.preset, arguments.group))


if __name__ == "__main__":
    entry_point(main)
