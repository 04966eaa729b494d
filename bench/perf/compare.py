"""Speed against peers: the same module trained by our loop and by a plain DataLoader loop. A claim that anyone can run again."""

import multiprocessing
import time
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

import torch

import methods
from bench.config.choices import Precision
from bench.config.options import find, shared_options
from bench.config.plugins import load_plugin
from bench.config.rows import settings_of
from bench.datasets import load
from bench.perf.peers import SLICE, VAE, Setting, Slices, by_hand, epochs_in_turn, in_turn, ours, plain
from bench.perf.scoring import compare_scoring
from bench.perf.table import OF_VAE, OURS, tell
from bench.records.record import BERNOULLI
from bench.runtime import environment
from bench.runtime.errors import UsageError, nearest
from bench.runtime.paths import data_root
from bench.runtime.seeds import deterministic
from methods.backbones import BACKBONES
from methods.base import AbstractVAE, Images, ImageSpec, TrainingData


@dataclass(frozen=True)
class PerfSettings:
    """What is to be trained, as the command line says it. changes: options of the method, as in latent=8."""

    method: str
    dataset: str
    changes: tuple[str, ...]
    batch: int
    backbone: str | None
    likelihood: str | None = None


def compare(
    settings: PerfSettings,
    root: str | None,
    device_name: str,
    threads: int,
    repeats: int,
    suite: bool,
    scoring: bool,
    plugins: list[str],
) -> int:
    """Print the times, for every backbone that the method and the images take where none is named.

    Exit status 1 where the losses don't agree: a ratio of different work is worth nothing.
    """
    if suite and scoring:
        raise UsageError("perf: --suite and --scoring are two comparisons: give one")
    methods.load()
    for plugin in plugins:
        load_plugin(plugin)
    shared = shared_options(find(settings.method))  # an unknown method is said before data are fetched
    if settings.likelihood and "likelihood" not in shared:
        raise UsageError(f"perf: {settings.method} has no option `likelihood`: leave --likelihood out")
    deterministic()
    device = environment.choose_device(device_name)
    torch.set_num_threads(threads or environment.cores())
    data = load(settings.dataset, data_root(root))
    images = Images(data.x_train.to(device), data.y_train.to(device))
    setting = Setting(
        settings.method,
        TrainingData(images, images, data.n_classes),
        ImageSpec(*data.shape, data.n_classes),
        device,
        settings.batch,
        options=settings_of(settings.method, settings.changes),
        likelihood=settings.likelihood or BERNOULLI,
    )
    setting.resolved()  # an option that doesn't fit is no matter of the backbone
    setting.check()
    options = setting.options | ({} if setting.likelihood == BERNOULLI else {"likelihood": setting.likelihood})
    status = 0
    for name in backbones(setting, settings.backbone)[: 1 if scoring else None]:
        what = ", ".join([f"{settings.method}{name and f' ({name})'}", *(f"{k}={v}" for k, v in options.items())])
        where = f"{what} on {settings.dataset}, {len(images)} images, batch {settings.batch}, {environment.device_name(device)}"
        print(f"{where}, torch {torch.__version__}", flush=True)
        measure = partial(compare_scoring, data) if scoring else compare_suite if suite else compare_loops
        status = max(status, measure(replace(setting, backbone=name), repeats))
    return status


def backbones(setting: Setting, chosen: str | None) -> list[str]:
    """The chosen one, else those that can take the images, with a line on each that can't; [""] for a network of the method's own."""
    if "backbone" not in shared_options(find(setting.method)):
        if chosen:
            raise UsageError(f"perf: {setting.method} has a network of its own: leave --backbone out")
        return [""]
    if chosen:
        if chosen not in BACKBONES:
            raise UsageError("--backbone: " + nearest(chosen, BACKBONES, "backbone"))
        return [chosen]
    fit, last = [], None
    for name in BACKBONES:
        try:
            with torch.device("meta"):
                replace(setting, backbone=name).module()
            fit.append(name)
        except UsageError as problem:
            last = problem
            print(f"left out: {problem}")
    if last is not None and not fit:
        raise last
    return fit


def compare_loops(setting: Setting, repeats: int) -> int:
    """Our loop, at each precision that the device has, its peers, and our loop of the VAE beside another method."""
    print(
        f"{torch.get_num_threads()} threads; a warm-up epoch, then {repeats} epochs of each loop, {SLICE} steps at a time in turn",
        flush=True,
    )
    loops = {
        "plain DataLoader, fp32": plain(setting),
        "by hand, fp32": by_hand(setting),
        OURS: ours(setting, "fp32"),
    }
    if setting.device.type == "cuda" or environment.cpu_has_bf16():
        loops["ours, bf16"] = ours(setting, "bf16")
    else:
        print("bf16 left out: this processor does not multiply bfloat16 by itself")
    for name, peer in ((OF_VAE, vae_loop(setting)), ("pythae, fp32", pythae_loop(setting))):
        if peer is not None:
            loops[name] = peer
    return tell(in_turn(loops, repeats))


def vae_loop(setting: Setting) -> Slices | None:
    """Our loop of the VAE of the same size, where the method is another one and the VAE can have its size."""
    if setting.method == VAE:
        return None
    vae = setting.of_vae()
    try:
        vae.resolved()
    except UsageError as problem:
        print(f"the vae beside it is left out: {problem}")
        return None
    return ours(vae, "fp32")


def pythae_loop(setting: Setting) -> Slices | None:
    """pythae's VAE and trainer's step over its own data set class, where pythae is installed and the method is the VAE.

    Its epoch can't be paused: it is one slice.
    """
    if setting.method != VAE:
        return None
    if setting.likelihood != BERNOULLI:
        print(f"pythae's loop is left out: it has no likelihood {setting.likelihood}")
        return None
    try:
        from bench.perf import pythae_peer
    except ImportError:
        print("pythae is not installed (pip install 'latentbench[compare]'): its loop is left out")
        return None
    module, _ = setting.fresh()
    assert isinstance(module, AbstractVAE)
    return pythae_peer.loop(module, setting.data.train, setting.spec, setting.batch)


# Cells side by side.


def _worker(setting: Setting, precision: Precision, epochs: int, turn: Barrier, losses: "Queue[float]") -> None:
    torch.set_num_threads(1)
    deterministic()
    methods.load()
    loop = {"ours": ours(setting, precision)}
    for _ in range(epochs):
        turn.wait()
        loss = epochs_in_turn(loop)["ours"][1]
        turn.wait()
        losses.put(loss)


def side_by_side(setting: Setting, precision: Precision, cells: int, epochs: int) -> Slices:
    """Cells in a process and a thread each, which start every epoch together: seconds of an epoch of all, by cell."""
    context = multiprocessing.get_context("spawn")
    turn, losses = context.Barrier(cells + 1), context.Queue()
    workers = [context.Process(target=_worker, args=(setting, precision, epochs, turn, losses)) for _ in range(cells)]
    for worker in workers:
        worker.start()
    for _ in range(epochs):
        turn.wait()
        began = time.perf_counter()
        turn.wait()
        seconds = time.perf_counter() - began
        yield seconds / cells, sum(losses.get() for _ in workers) / cells
    for worker in workers:
        worker.join()


def compare_suite(setting: Setting, repeats: int) -> int:
    """Throughput of cells side by side with one thread each, against a plain loop's cells one after another with all threads."""
    if setting.device.type != "cpu":
        raise UsageError("perf --suite compares cells on a CPU: add --device cpu")
    cells = environment.cores()
    print(
        f"seconds a cell's epoch, {repeats} epochs in turn; plain: {torch.get_num_threads()} threads, one cell after another"
    )
    loops = {"plain DataLoader, fp32": plain(setting)}
    precisions: list[Precision] = ["fp32", "bf16"] if environment.cpu_has_bf16() else ["fp32"]
    for precision in precisions:
        loops[f"ours, {precision}, {cells} side by side"] = side_by_side(setting, precision, cells, repeats + 1)
    return tell(in_turn(loops, repeats))
