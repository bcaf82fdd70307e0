"""The steps of `deploy/Dockerfile` without Docker: each stage in a root of its own.

A root has this machine's programs, Python at /usr/local, its packages at /deps, and nothing of the
project. Run as root by `unshare --mount --net`: mounts end with the process, and no network is
reached but the root's own. Prints what the image's health check says once its app runs.
"""

import glob
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).parents[2]
WAIT = 120  # seconds until the app is healthy
BASE = {
    "PATH": "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin",
    "LD_LIBRARY_PATH": "/usr/local/lib",
}
DEPS = "deps/site-packages"  # Streamlit takes another folder for its own checkout


@dataclass
class Stage:
    """A stage of the image while its steps are run."""

    root: Path
    folder: str = "/"
    user: str = "0"
    environment: dict[str, str] = field(default_factory=lambda: {**BASE})

    def begin(self) -> None:
        """Mount what the base image has; nothing of the project is among it."""
        for name in ("proc", "dev", "usr", DEPS, "etc"):
            (self.root / name).mkdir(parents=True)
        (self.root / "tmp").mkdir(mode=0o1777)
        for name in ("bin", "sbin", "lib", "lib64"):
            (self.root / name).symlink_to(f"usr/{name}")
        for name in ("passwd", "group", "shadow"):
            lines = (Path("/etc") / name).read_text().splitlines(keepends=True)
            (self.root / "etc" / name).write_text("".join(x for x in lines if x[:5] == "root:"))
        mount("-t", "proc", "proc", self.root / "proc")
        mount("--rbind", "/dev", self.root / "dev")
        mount("--bind", "/usr", self.root / "usr")
        upper = self.overlay(Path(sys.base_prefix), "usr/local")
        site = upper / Path(sysconfig.get_path("purelib", vars={"base": ""})).relative_to("/")
        site.mkdir(parents=True)
        os.setxattr(site, "trusted.overlay.opaque", b"y")  # what lies there below is not seen
        (site / "dependencies.pth").write_text(f"/{DEPS}\n")
        self.overlay(Path(sysconfig.get_path("purelib")), DEPS)
        for path in (self.root / DEPS).glob("*zsad_explorer*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def overlay(self, lower: Path, name: str) -> Path:
        """A folder of the machine in the root; returns where its changes there go."""
        upper, work = (self.root.parent / f"{self.root.name} {name[:3]} {x}" for x in "uw")
        upper.mkdir()
        work.mkdir()
        options = f"lowerdir={lower},upperdir={upper},workdir={work}"
        mount("-t", "overlay", "overlay", "-o", options, self.root / name)
        return upper

    def command(self, words: list[str]) -> list[str]:
        """The command that runs the words in the root, as its user, in its folder."""
        put = [f"{name}={value}" for name, value in self.environment.items()]
        inside = ["sh", "-c", 'cd "$0" && exec "$@"', self.folder, *words]
        return [
            "chroot",
            f"--userspec={self.user}:{self.user}",
            self.root,
            "env",
            "-i",
            *put,
            *inside,
        ]


def mount(*words: object) -> None:
    subprocess.run(["mount", *map(str, words)], check=True)


def instructions(target: str) -> list[tuple[str, str]]:
    """The instructions that make a stage of the Dockerfile, in order, each with what it takes."""
    text = (PROJECT / "deploy" / "Dockerfile").read_text()
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    lines = re.sub(r"\\\n", " ", kept).splitlines()
    stages: dict[str, list[tuple[str, str]]] = {}
    for name, _, rest in (line.partition(" ") for line in lines if line):
        if name == "FROM":
            stage = stages[rest.partition(" AS ")[2]] = []
        stage.append((name, rest))
    needed, left = {target}, [target]
    while left:
        steps = [rest for name, rest in stages[left.pop()] if name in ("FROM", "COPY")]
        words = {word for rest in steps for word in re.split("[ =]", rest)}
        left += [word for word in words if word in stages and word not in needed]
        needed |= {*left}
    return [step for name, steps in stages.items() if name in needed for step in steps]


def context(folder: Path) -> Path:
    """The files that .dockerignore lets through, which names what is let through."""
    lines = (PROJECT / ".dockerignore").read_text().split()
    for pattern in (line[1:] for line in lines if line[0] == "!"):
        for name in glob.glob(pattern, root_dir=PROJECT):
            source, target = PROJECT / name, folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                ignored = shutil.ignore_patterns(*(line[3:] for line in lines if line[:3] == "**/"))
                shutil.copytree(source, target, ignore=ignored)
            else:
                shutil.copy(source, target)
    return folder


def copy(source: Path, stage: Stage, target: str) -> None:
    into = stage.root / (Path(stage.folder) / target).relative_to("/")
    shutil.copytree(source, into, dirs_exist_ok=True)


def main(folder: Path, target: str) -> None:
    """Build a stage and those it needs, start its entry point and ask for its health."""
    stages, start, health = {}, [], []
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for name, rest in instructions(target):
        words = shlex.split(rest) if name != "RUN" else []
        if name == "FROM" and words[0] in stages:
            stage = stages[words[2]] = stages[words[0]]  # nothing else goes on from there
        elif name == "FROM":
            stage = stages[words[2]] = Stage(folder / f"stage{len(stages)}")
            stage.begin()
        elif name == "WORKDIR":
            stage.folder = rest
            (stage.root / rest[1:]).mkdir(parents=True, exist_ok=True)
        elif name in ("ARG", "ENV"):
            stage.environment |= dict(word.split("=", 1) for word in words)
        elif name == "COPY" and words[0].startswith("--from="):
            source = stages[words[0].partition("=")[2]].root / words[1][1:]
            copy(source, stage, words[2])
        elif name == "COPY":
            copy(context(folder / "context"), stage, words[1])
        elif name == "RUN":
            subprocess.run(stage.command(["sh", "-ec", rest]), check=True, stdout=sys.stderr)
        elif name == "USER":
            stage.user = rest
        elif name == "ENTRYPOINT":
            start = json.loads(rest)
        elif name == "HEALTHCHECK":
            health = json.loads(rest.partition("CMD ")[2])
        elif name not in ("VOLUME", "EXPOSE"):
            raise ValueError(f"no step is known for {name}")
    app = subprocess.Popen(stage.command(start), stdout=sys.stderr)
    try:
        end = time.monotonic() + WAIT
        while subprocess.run(stage.command(health), capture_output=True).returncode:
            if app.poll() is not None or time.monotonic() > end:
                raise SystemExit("the app is not healthy")
            time.sleep(0.2)
        print("healthy", *sorted(path.name for path in stage.root.iterdir()))
    finally:
        app.terminate()
        app.wait(10)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
