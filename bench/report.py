"""The lines of a measurement: printed as they come, kept as Markdown."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Line:
    """What was measured, its value, and the most it should be (None: reported only)."""

    what: str
    value: float | str
    unit: str = ""
    most: float | None = None

    def cells(self) -> tuple[str, str, str, str]:
        """What, value, aim, and whether it was met; a value in words meets nothing."""
        aim = "" if self.most is None else f"<= {self.most:g} {self.unit}"
        if isinstance(self.value, str):
            return self.what, self.value, aim, "not measured"
        digits = 0 if self.value >= 100 else 2 if self.value < 10 else 1
        met = "" if self.most is None else "met" if self.value <= self.most else "MISSED"
        return self.what, f"{self.value:.{digits}f} {self.unit}", aim, met


@dataclass
class Report:
    """Lines under a heading that names the machine."""

    machine: str
    lines: list[Line] = field(default_factory=list)

    def add(self, line: Line) -> None:
        """Print the line and keep it."""
        self.lines.append(line)
        what, value, aim, met = line.cells()
        print(f"{what:<66}{value:>14}   {aim:<12}{met}", flush=True)

    def write(self, path: Path) -> None:
        """The whole report as a Markdown table."""
        rows = [" | ".join(line.cells()) for line in self.lines]
        table = "\n".join(f"| {row} |" for row in rows)
        head = "| what | value | aim | |\n|---|---:|---|---|"
        path.write_text(f"# Last `make bench`\n\n{self.machine}\n\n{head}\n{table}\n")
