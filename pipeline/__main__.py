"""`python -m pipeline <command>`: what a person calls by hand, beside the stages that DVC and Snakemake call."""

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


if __name__ == "__main__":
    app()
