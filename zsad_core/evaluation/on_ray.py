"""Tasks on Ray: workers on this machine or on many, each with a GPU, a share of one, or CPUs alone.

A worker is an actor, so that it loads a tower once. It has one task in hand; when it is lost, the
next free worker gets that task, and Ray is asked for another worker. Store and results lie on paths
that every machine sees, so what one worker has done is there for all.
"""

import contextlib
import os
import socket
import tempfile
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import ray
from ray import ObjectRef
from ray.actor import ActorHandle
from ray.exceptions import RayActorError, RayTaskError

from zsad_core.base.paths import cache_root, home
from zsad_core.errors import SettingError
from zsad_core.evaluation.plan import Workload, plan
from zsad_core.evaluation.rows import attempt
from zsad_core.evaluation.run import found
from zsad_core.evaluation.tasks import Cohort, LeftOut, Step, Task
from zsad_core.inference.engine import Engine

CODE = Path(__file__).parents[2]
LOSSES = 3  # of one task, or of new workers in a row
QUIET = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}


@dataclass(frozen=True)
class Share:
    """What each worker gets, and of which cluster.

    `address` "" is the cluster of RAY_ADDRESS, else one that runs on this machine, else a new one;
    "local" is always a new one. `cpus` are also the threads of a worker.
    """

    address: str
    device: str
    gpus: float
    cpus: int


class Worker:
    """One engine in a process of its own, on whichever machine has room."""

    def __init__(self, device: str) -> None:
        self._engine = Engine(device=device)

    def look(self, marks: Sequence[Path]) -> None:
        """Raise SettingError where a folder is another one here than where the command runs."""
        for mark in marks:
            if not mark.exists():
                raise SettingError(
                    f"The worker on {os.uname().nodename} sees another '{mark.parent}' than this "
                    "machine; put ZSAD_CACHE and --out on paths that every machine shares."
                )

    def plan(self, cohort: Cohort) -> Workload:
        """What the cohort takes on one worker."""
        return plan(self._engine, cohort)

    def attempt(self, task: Task) -> str:
        """`rows.attempt` of a task."""
        return attempt(self._engine, task, lambda _: None)


class Cluster:
    """Workers of one share: their plan, and a `Work`."""

    def __init__(self, share: Share, marks: Sequence[Path]) -> None:
        self._share, self._marks, self._room = share, marks, _room(share)
        self._free: list[ActorHandle] = []
        self._busy: dict[ObjectRef, tuple[ActorHandle, Task | None]] = {}  # None: it is new
        self._losses: Counter[Task | None] = Counter()

    def plan(self, cohort: Cohort) -> Workload:
        """What the cohort takes, timed on one worker, with the time of all."""
        self._hire(1)
        while not self._free:
            self._done()
        workload = _answer(self._free[-1].plan.remote(cohort))
        assert isinstance(workload, Workload)
        return replace(workload, seconds=(workload.seconds or 0.0) / self._room)

    def work(self, todo: Sequence[Task], step: Step) -> LeftOut:
        """Do tasks on all workers; one that was lost is done again, by another."""
        self._hire(len(todo))
        waiting, left, attempted = deque(todo), len(todo), list[tuple[Task, str]]()
        while left:
            while waiting and self._free:
                worker, task = self._free.pop(), waiting.popleft()
                self._busy[worker.attempt.remote(task)] = worker, task
            done, lost = self._done()
            waiting.extendleft(lost)
            left -= len(done)
            step(sum(len(task.configurations) for task, _ in done))
            attempted += done
        return found(attempted)

    def _hire(self, most: int) -> None:
        while len(self._free) + len(self._busy) < min(most, self._room):
            given = {"num_cpus": self._share.cpus, "num_gpus": self._share.gpus}
            worker = ray.remote(Worker).options(**given).remote(self._share.device)
            self._busy[worker.look.remote(self._marks)] = worker, None

    def _done(self) -> tuple[list[tuple[Task, str]], list[Task]]:
        """Tasks attempted and tasks lost within a second; raises what a worker raised."""
        done, lost = list[tuple[Task, str]](), list[Task]()
        for answer in ray.wait(list(self._busy), timeout=1.0)[0]:
            worker, task = self._busy.pop(answer)
            try:
                why = _answer(answer)
            except RayActorError as error:
                ray.kill(worker)  # it may be out of reach alone
                self._lose(task, error)
                lost += [task] if task else []
            else:
                del self._losses[task]
                self._free.append(worker)
                done += [(task, str(why))] if task else []
        return done, lost

    def _lose(self, task: Task | None, error: RayActorError) -> None:
        self._losses[task] += 1
        if self._losses[task] >= LOSSES:
            what = f"{task.subject.id} lost its worker" if task else "A new worker was lost"
            raise SettingError(
                f"{what} {LOSSES} times ({str(error).splitlines()[0]}); give a worker more memory: "
                "a smaller --batch, or more --cpus-per-worker or --gpus-per-worker. What was done "
                "is kept."
            ) from error
        self._hire(len(self._free) + len(self._busy) + 1)


@contextlib.contextmanager
def cluster(share: Share, out: Path) -> Iterator[Cluster]:
    """Join or start Ray; its workers end with the block. Raises SettingError where none has room.

    `out` is the folder of the results.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    address = share.address or os.environ.get("RAY_ADDRESS") or None
    try:
        _knock(address)
        ray.init(address, runtime_env={"env_vars": _places(share)}, **QUIET)
    except (OSError, ValueError) as error:
        raise SettingError(
            f"No Ray answers at '{address}' ({error}); start one with ray start --head, set "
            "RAY_AUTH_MODE=token where it asks for a token, or give --address local."
        ) from error
    with contextlib.ExitStack() as stack:
        stack.callback(ray.shutdown)
        marks = []
        for folder in (cache_root().absolute(), out.absolute()):
            folder.mkdir(parents=True, exist_ok=True)
            mark = stack.enter_context(tempfile.NamedTemporaryFile(prefix=".shared-", dir=folder))
            marks.append(Path(mark.name))
        yield Cluster(share, marks)


def _knock(address: str | None) -> None:
    """Raise OSError or ValueError at once where nobody listens; Ray itself tries for minutes."""
    if address and ":" in address and "://" not in address:
        host, _, port = address.rpartition(":")
        socket.create_connection((host, int(port)), timeout=10).close()


def _places(share: Share) -> dict[str, str]:
    """Where the workers find code, store and weights, and how many threads each has."""
    names = ("ZSAD_CACHE_GB", "ZSAD_FEATURES_GB", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE")
    variables = {name: os.environ[name] for name in names if name in os.environ}
    return variables | {
        "PYTHONPATH": os.pathsep.join([str(CODE), os.environ.get("PYTHONPATH", "")]),
        "ZSAD_CACHE": str(cache_root().absolute()),
        "ZSAD_HOME": str(home().absolute()),
        "OMP_NUM_THREADS": str(share.cpus),
    }


def _room(share: Share) -> int:
    """How many workers the machines hold in all; raises SettingError for none."""
    workers = 0
    for node in ray.nodes():
        has = node["Resources"] if node["Alive"] else {}
        room = has.get("CPU", 0) // share.cpus
        workers += int(min(room, has.get("GPU", 0) // share.gpus) if share.gpus else room)
    if not workers:
        whole = ray.cluster_resources()
        raise SettingError(
            f"No machine of the cluster has room for a worker of {share.cpus} CPUs and "
            f"{share.gpus:g} GPUs; it has {whole.get('CPU', 0):g} and {whole.get('GPU', 0):g} in "
            "all. Choose --cpus-per-worker and --gpus-per-worker."
        )
    return workers


def _answer(coming: ObjectRef) -> object:
    """What a worker returned; raises what it raised, and RayActorError where it was lost."""
    try:
        return ray.get(coming)
    except RayTaskError as error:
        raise error.cause from error
