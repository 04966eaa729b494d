"""What the fork server imports and computes once for all workers, so that one starts in milliseconds; and a dry run, which prices them."""

import filelock  # noqa: F401
import matplotlib.backends.backend_agg
import matplotlib.figure  # noqa: F401
import safetensors.torch  # noqa: F401
import sklearn.datasets
import sklearn.metrics
import sklearn.model_selection  # noqa: F401
import torch
import torch_fidelity  # noqa: F401
import torchvision.datasets  # noqa: F401

import bench.pictures.draw  # noqa: F401
import methods
import metrics
from bench.datasets.registry import registry as datasets
from bench.runner.launchers import worker  # noqa: F401
from bench.runtime import environment
from bench.scoring.selection import code_of_score
from metrics.base import registry

methods.load()
metrics.load()
datasets.load_ours()
environment.describe(torch.device("cpu"))  # asks another program for the processor's name
for metric in registry.values():  # parses the code behind evidence that is kept by its digest
    code_of_score(metric)
# The first optimiser of a process imports a second's worth of modules; this one starts no thread and runs no step.
torch.optim.Adam([torch.zeros(1, requires_grad=True)], fused=True)
