"""`python -m pipeline <command>`: what a person calls by hand, beside the stages that DVC and Snakemake call."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.errors import UserError, explained

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.command()
def schema() -> None:
    """Write params.schema.json, by which editors check and complete params.yaml."""
    from pipeline import settings
    from pipeline.files import write_text

    with explained():
        write_text(settings.SCHEMA, settings.schema())
        typer.echo(settings.SCHEMA)


@app.command()
def deps() -> None:
    """Write stages/dvc.yaml: which code each stage depends on, after a change of imports."""
    from pipeline import deps
    from pipeline.code import ROOT
    from pipeline.files import write_text

    with explained():
        write_text(ROOT / deps.GRAPH, deps.graph(ROOT))
        typer.echo(deps.GRAPH)


@app.command()
def compare(
    other: Annotated[Path, typer.Argument(help="another checkout with results")],
    preset: Annotated[str, typer.Option(help="as in params.yaml")] = "sample",
) -> None:
    """Say whether models, restored images and scores here equal those of another checkout; status 1 if not."""
    from pipeline import compare as results

    with explained():
        found = list(results.compare(Path(), other, preset))
        for one in found:
            counts = (
                f"{len(one.equal)} equal, {len(one.different)} different, {len(one.alone)} in one checkout alone"
            )
            typer.echo(f"{one.kind}: {counts}")
            for name in (*one.different, *one.alone):
                typer.echo(f"  {name}")
    raise typer.Exit(int(not all(one.same for one in found)))


@app.command()
def unlock() -> None:
    """Mend what DVC has left half-written where it was killed; `make repro` does it first."""
    from pipeline.unlock import unlock as mended

    with explained():
        for line in mended(Path()):
            typer.echo(line)


@app.command()
def store() -> None:
    """Create MLflow's local store unless it exists, send it the runs that wait, and print its URI."""
    from pipeline.tracking import create_store, deliver_all, store_uri

    with explained():
        uri = store_uri()
        if uri.startswith("http"):
            raise UserError(f"MLFLOW_TRACKING_URI names a server. Open {uri} in a browser.")
        create_store(uri)
        deliver_all()
        typer.echo(uri)


@app.command()
def mos(
    preset: Annotated[str, typer.Option(help="whose restored images are rated, as in params.yaml")],
    dataset: Annotated[str, typer.Option(help="e.g. realsr_zero, as in Table I")],
    methods: Annotated[str | None, typer.Option(help="a,b,c; by default all that restored the dataset")] = None,
    patches: Annotated[int | None, typer.Option(min=1, help="how many patches; by default 50")] = None,
    side: Annotated[int | None, typer.Option(min=8, help="of a patch, restored pixels; by default 128")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="on 127.0.0.1; 0: any that is free")] = 8765,
    write: Annotated[
        Path | None, typer.Option(help="a folder for the page as one file, instead of serving")
    ] = None,
    saved: Annotated[Path | None, typer.Option("--import", help="a file of ratings that a rater saved")] = None,
    results: Annotated[bool, typer.Option("--results", help="print the opinions so far")] = False,
) -> None:
    """Rate restored images blind: a page on 127.0.0.1, or one to send out, whose ratings are imported."""
    from pipeline.mos import commands

    with explained():
        wanted = commands.wanted(methods, patches, side)
        if sum((write is not None, saved is not None, results)) > 1:
            raise UserError("--write, --import and --results each do one thing: give one of them")
        if results:
            from pipeline.reporting.opinions import opinions_in_words

            typer.echo(opinions_in_words(preset, dataset))
        elif saved is not None:
            typer.echo(commands.take_in(preset, dataset, saved))
        elif write is not None:
            typer.echo(commands.write(preset, dataset, wanted, write))
        else:
            commands.rate(preset, dataset, wanted, port)


@app.command()
def upscale(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A photo, or a folder with photos.")],
    target: Annotated[
        Path | None, typer.Argument(metavar="OUT", help="A file or a folder. Default: IN_<method>, beside IN.")
    ] = None,
    method: Annotated[
        str,
        typer.Option(help="An interpolation, a configuration or a rival of params.yaml, or a checkpoint's path."),
    ] = "full",
    preset: Annotated[
        str | None, typer.Option(help="Whose trainings and weights. Default: the largest enabled one that has it.")
    ] = None,
    data: Annotated[str, typer.Option(help="What a configuration was trained on.")] = "ntire2020",
    tile: Annotated[int, typer.Option(min=0, help="Side of the squares that go at once, px of IN; 0: all.")] = 256,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where networks run.")] = "auto",
    kind: Annotated[Literal["png", "jpg"] | None, typer.Option("--format", help="Default: png.")] = None,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of a jpg.")] = 95,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> None:
    """Restore photos of your own by any method of the study.

    Orientation, EXIF, colour profile, grey and transparency stay.
    """
    with explained():
        from pipeline import settings
        from pipeline.upscale import command
        from pipeline.upscale.models import Search, find, short
        from pipeline.upscale.places import places

        command.check_tile(tile)
        todo = command.to_make(places(source, target, kind, short(method)), force=force)
        if not todo:
            return
        model = find(method, Search(settings.load(), preset, data, device))
        typer.echo(f"{model.about}, x{model.scale}", err=True)
        if command.upscale(todo, model, tile, quality):
            raise typer.Exit(1)


if __name__ == "__main__":
    app()
