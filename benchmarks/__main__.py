"""`python -m benchmarks <topic>`: a topic's ways side by side, as a table. It measures; it passes no judgement."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.errors import explained


class Variant(StrEnum):
    """Settings of `run` in params.yaml that a step is also timed under."""

    channels_last = "channels_last"
    compile = "compile"
    bf16 = "bf16"


app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

Rounds = Annotated[int, typer.Option(min=1, help="How often every way is timed.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write every round here, as JSON.")]
Markdown = Annotated[Path | None, typer.Option(help="Write the table here, as Markdown.")]


@app.callback()
def topics() -> None:
    """Benchmarks of the study, a topic a command."""


@app.command()
def loading(
    rounds: Rounds = 9,
    images: Annotated[int, typer.Option(min=1, help="How many pairs of 600x840 (HR) the data have.")] = 20,
    batches: Annotated[int, typer.Option(min=1, help="Batches a round from PNG files; packs get 50 times.")] = 4,
    json: Json = None,
    markdown: Markdown = None,
) -> None:
    """Random aligned x4 crops, from a pack and from a folder of PNG files."""
    from benchmarks import loading as topic
    from benchmarks.rounds import report

    with explained():
        report(topic.measure(topic.Setup(images=images, batches=batches), rounds), json, markdown)


@app.command()
def preparation(
    rounds: Rounds = 9,
    images: Annotated[int, typer.Option(min=1, help="How many pairs of 600x840 (HR) a round prepares.")] = 5,
    json: Json = None,
    markdown: Markdown = None,
) -> None:
    """What training reads, made of a folder of PNG files: a pack, and sub-images."""
    from benchmarks import preparation as topic
    from benchmarks.rounds import report

    with explained():
        report(topic.measure(topic.Setup(images=images), rounds), json, markdown)


@app.command()
def scoring(
    metrics: Annotated[str, typer.Argument(help="Of the protocol, with commas between.")] = "psnr,ssim,lpips",
    rounds: Rounds = 9,
    images: Annotated[int, typer.Option(min=1, help="How many images of 600x840 were restored.")] = 2,
    methods: Annotated[int, typer.Option(min=1, max=4, help="How many methods restored them.")] = 4,
    in_memory: Annotated[bool, typer.Option(help="Read every file once, and time the metrics alone.")] = False,
    threads: Annotated[int, typer.Option(min=1, help="That every way may use; over 1, elapsed time.")] = 1,
    json: Json = None,
    markdown: Markdown = None,
) -> None:
    """Metrics of restored images: the study's, the authors' script, pyiqa."""
    from benchmarks import scoring as topic
    from benchmarks.rounds import report

    with explained():
        setup = topic.Setup(images=images, methods=methods, in_memory=in_memory, threads=threads)
        report(topic.measure(setup, topic.known(metrics), rounds), json, markdown)


@app.command()
def step(
    size: Annotated[Literal["S", "M", "paper"], typer.Option(help="Networks, batch and crops.")] = "S",
    discriminator: Annotated[
        Literal["vgg128", "unet", "patchgan"], typer.Option(help="vgg128 judges crops of 128 px: M and paper.")
    ] = "patchgan",
    rounds: Rounds = 9,
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where the steps are taken.")] = "auto",
    also: Annotated[
        list[Variant] | None,
        typer.Option(help="The study's steps under a setting of `run` too; may be given again."),
    ] = None,
    json: Json = None,
    markdown: Markdown = None,
) -> None:
    """Training steps: ESRGAN's as usually written, Cria-CL's naively, both as the study takes them."""
    import torch

    from benchmarks import step as topic
    from benchmarks.rounds import report
    from pipeline.networks.devices import device_named

    with explained():
        where = torch.device(device_named(device, "--device"))
        report(topic.measure(size, discriminator, where, rounds, also or []), json, markdown)


@app.command()
def scale(
    plots: Annotated[Path, typer.Option(help="The folder of the plots.")] = Path("docs/benchmarks"),
    repeats: Annotated[int, typer.Option(min=1, help="Of each measurement; the least counts.")] = 2,
    json: Json = None,
    markdown: Markdown = None,
) -> None:
    """How costs grow: steps, restoration, evaluation, and the start of each stage; on the CPU, with plots."""
    from dataclasses import asdict

    from benchmarks import curves
    from benchmarks import scale as topic
    from pipeline.files import write_json, write_text

    with explained():
        found = topic.measure(topic.Setup(repeats=repeats))
        text = "\n".join(curves.table(curve) for part in found.values() for curve in part)
        typer.echo(text, nl=False)
        for name, part in found.items():
            curves.draw(part, plots / f"{name}.png")
        if json:
            write_json(json, {name: [asdict(curve) for curve in part] for name, part in found.items()})
        if markdown:
            write_text(markdown, text)


if __name__ == "__main__":
    app()
