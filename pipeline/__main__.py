"""`python -m pipeline <command>`: what a person calls by hand, beside the stages that DVC and Snakemake call."""

from pathlib import Path
from typing import Annotated

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
def store() -> None:
    """Create MLflow's local store unless it exists, and print its URI."""
    from pipeline.tracking import create_store, store_uri

    with explained():
        uri = store_uri()
        if uri.startswith("http"):
            raise UserError(f"MLFLOW_TRACKING_URI names a server. Open {uri} in a browser.")
        create_store(uri)
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


if __name__ == "__main__":
    app()
