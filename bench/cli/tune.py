"""The verb `tune` of the command line."""

import typer

from bench.cli import flags


def tune(
    method: flags.TunedMethod,
    trials: flags.Trials,
    suite: flags.SuiteOption = "digits",
    options: flags.TunedOptions = None,
    metric: flags.TunedMetric = None,
    sampler: flags.Sampler = "tpe",
    seeds: flags.TrialSeeds = None,
    epochs: flags.TrialEpochs = None,
    dataset: flags.DatasetOption = None,
    set_: flags.RowSettings = None,
    data_root: flags.DataRoot = None,
    results: flags.Results = None,
    device: flags.Devices = "auto",
    jobs: flags.Jobs = None,
    inception: flags.Inception = "auto",
    plugin: flags.Plugin = None,
    tracking_uri: flags.TrackingUri = None,
    out: flags.Out = None,
    fresh: flags.Fresh = False,
) -> None:
    """Search a method's options by a metric on held-out training images. Give the same command again to go on after a crash."""
    from bench.runner.launchers import forkserver as server

    server.start()
    from bench.config.overrides import SuiteOverrides
    from bench.runner.plan import RunSettings
    from bench.tuning.target import TuneSettings
    from bench.tuning.tune import tune as search

    overrides = SuiteOverrides(suite, seeds=seeds, epochs=epochs, dataset=dataset)
    run_settings = RunSettings(data_root, results, device, jobs, inception, tuple(plugin or ()))
    settings = TuneSettings(method, trials, options, metric, tuple(set_ or ()), sampler, out, fresh)
    raise typer.Exit(search(overrides, run_settings, settings, tracking_uri))
