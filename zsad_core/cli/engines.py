"""Where the work of an evaluation is done: on this machine, or on a cluster."""

import argparse
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from zsad_core import backbones
from zsad_core.errors import SettingError
from zsad_core.evaluation.run import local
from zsad_core.evaluation.tasks import Work
from zsad_core.inference.engine import Engine

if TYPE_CHECKING:
    from zsad_core.evaluation.on_ray import Cluster


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The choice of an engine, and what a cluster needs."""
    parser.add_argument("--engine", choices=["local", "ray"], default="local")
    ray = parser.add_argument_group(
        "with --engine ray",
        "Workers on this machine or a cluster, with the rows of --engine local. Code, data, --out, "
        "ZSAD_CACHE (features) and ZSAD_HOME must lie on paths that every machine shares.",
    )
    ray.add_argument(
        "--address",
        default="",
        metavar="HOST:PORT|local",
        help="by default that of RAY_ADDRESS, a cluster that runs here, or a new one: local",
    )
    ray.add_argument(
        "--gpus-per-worker", type=float, default=1.0, metavar="GPUS", help="or a share: 0.25"
    )
    ray.add_argument(
        "--cpus-per-worker",
        type=int,
        default=backbones.threads(),
        metavar="CPUS",
        help="also its threads; by default as many as a run here has",
    )


def local_work(parsed: argparse.Namespace, engine: Engine) -> Work:
    """The work of this machine: of the engine, and of one more for each further GPU."""
    others = backbones.devices(parsed.device)[1:]
    return local(engine, *(Engine(device=device) for device in others))


def cluster_of(parsed: argparse.Namespace, out: Path) -> "AbstractContextManager[Cluster]":
    """The cluster of the options, for results in a folder; raises SettingError without Ray."""
    try:
        from zsad_core.evaluation import on_ray
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise SettingError(
            "--engine ray needs Ray, which is not installed here; install it with "
            "pip install 'zsad-explorer[ray]', or leave --engine out."
        ) from error
    if parsed.cpus_per_worker < 1 or parsed.gpus_per_worker < 0:
        raise SettingError(
            f"A worker of {parsed.cpus_per_worker} CPUs and {parsed.gpus_per_worker:g} GPUs is "
            "none; give 1 CPU or more, and 0 GPUs or more."
        )
    gpus = 0.0 if parsed.device == "cpu" else parsed.gpus_per_worker
    share = on_ray.Share(parsed.address, parsed.device, gpus, parsed.cpus_per_worker)
    return on_ray.cluster(share, out)
