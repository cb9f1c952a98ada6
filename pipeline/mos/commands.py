"""What `python -m pipeline mos` does: rate in the browser, write a page to send out, take its ratings in."""

from pathlib import Path

import typer

from pipeline import settings
from pipeline.errors import UserError
from pipeline.files import write_text
from pipeline.mos.answers import SCORES, latest, read_answers, read_export, record
from pipeline.mos.drawing import Wanted, open_study, pictures
from pipeline.mos.page import png, static_page
from pipeline.mos.study import Study, read_study
from pipeline.paths import data_root, opinions_folder
from pipeline.settings import SCALES, Dataset


def wanted(methods: str | None, patches: int | None, side: int | None) -> Wanted:
    """The options of a study. Raises `UserError` for a list of methods with a gap or a repetition."""
    if methods is None:
        return Wanted(None, patches, side)
    names = tuple(name.strip() for name in methods.split(","))
    if not all(names) or len(set(names)) < len(names):
        raise UserError(
            f"--methods {methods}: expected names with commas between, each once, e.g. bicubic,plain,full"
        )
    return Wanted(names, patches, side)


def rate(preset: str, name: str, options: Wanted, port: int) -> None:
    """Serve the rating page until Ctrl-C."""
    from pipeline.mos.server import HOST, application, listen, serve

    study = _open(preset, name, options)
    root = data_root(preset)
    shown = {key: png(pixels) for key, pixels in pictures(root, study).items()}
    folder = opinions_folder(preset, study.dataset)
    app = application(study, shown, folder)
    listener = listen(port)
    typer.echo(f"{_described(study)} Answers go to {folder}.")
    typer.echo(f"Rate at http://{HOST}:{listener.getsockname()[1]}/ (Ctrl-C ends; nothing is lost)")
    serve(app, listener)


def write(preset: str, name: str, options: Wanted, folder: Path) -> str:
    """Write rate.html into `folder`; what to do with it."""
    study = _open(preset, name, options)
    root = data_root(preset)
    page = folder / "rate.html"
    write_text(page, static_page(study, pictures(root, study)))
    key = opinions_folder(preset, study.dataset) / "study.json"
    return (
        f"{_described(study)}\n{page} is all a rater needs; each sends back a file. The key to the methods stays "
        f"in {key}. Take a file in with: python -m pipeline mos --preset {preset} --dataset {name} --import FILE"
    )


def take_in(preset: str, name: str, file: Path) -> str:
    """Take in a file that a rater saved, all of it or nothing; what came."""
    folder = opinions_folder(preset, dataset(name))
    study = read_study(folder)
    if study is None:
        raise UserError(f"{folder} has no study that {file} could belong to. Write its page first, with --write.")
    answers = read_export(file, study)
    added = record(folder, answers)
    raters = sorted({answer.rater for answer in answers})
    counting = latest(read_answers(folder, study))
    lines = [
        f"{rater}: {sum(key[0] == rater for key in counting)} of {len(study.key)} versions rated"
        for rater in raters
    ]
    return "\n".join([f"{added} of {len(answers)} answers were new.", *lines])


def dataset(name: str) -> Dataset:
    """A dataset of the study by its name. Raises `UserError` when there is none of that name."""
    for known in SCALES:
        if known == name:
            return known
    raise UserError(f"there is no dataset {name!r}; known are {', '.join(SCALES)}")


def _open(preset: str, name: str, options: Wanted) -> Study:
    params = settings.load()
    seed = params.preset(preset).seeds[0]
    return open_study(data_root(preset), preset, dataset(name), options, seed, params.ablated)


def _described(study: Study) -> str:
    count = len(study.patches)
    short = f" ({study.asked} were wanted; the images have room for no more)" if count < study.asked else ""
    return (
        f"{count} patches{short} of {study.side} px, {len(study.methods)} methods ({', '.join(study.methods)}; "
        f"of those that were trained here seed {study.seed}), "
        f"scores {min(SCORES)} to {max(SCORES)}, lower is better."
    )
