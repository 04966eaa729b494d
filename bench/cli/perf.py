"""The verb `perf` of the command line."""

from typing import Annotated

import typer

from bench.cli.flags import NAMES_OF_BACKBONES, DataRoot, Device, Likelihood, Plugin


def perf(
    method: Annotated[str, typer.Option(help="The method whose module is trained.")] = "vae",
    dataset: Annotated[str, typer.Option(help="The data set.")] = "mnist",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="An option of the method, as in latent=8.", metavar="OPTION=VALUE"),
    ] = None,
    data_root: DataRoot = None,
    device: Device = "auto",
    batch: Annotated[int, typer.Option(help="Batch size.", min=1)] = 128,
    threads: Annotated[int, typer.Option(help="CPU threads of a loop [all cores].", min=0)] = 0,
    repeats: Annotated[int, typer.Option(help="Timed epochs of each loop, in turn.", min=1)] = 3,
    suite: Annotated[
        bool,
        typer.Option(
            "--suite", help="Cells side by side on one thread each, against a plain loop's one after another."
        ),
    ] = False,
    scoring: Annotated[
        bool,
        typer.Option(
            "--scoring", help="Our scoring of the trained method against the plain way, on the same evidence."
        ),
    ] = False,
    backbone: Annotated[
        str | None,
        typer.Option(help="One shared network [every one that the images allow].", metavar=NAMES_OF_BACKBONES),
    ] = None,
    likelihood: Likelihood = None,
    plugin: Plugin = None,
) -> None:
    """Time our loop against a plain DataLoader loop, one by hand, and pythae's where installed, of the same module; losses must agree.

    A method other than the VAE is also set beside the VAE of its size on the same network: how many times as long a step takes.
    """
    from bench.perf.compare import PerfSettings, compare

    settings = PerfSettings(method, dataset, tuple(set_ or ()), batch, backbone, likelihood)
    raise typer.Exit(compare(settings, data_root, device, threads, repeats, suite, scoring, plugin or []))
