"""The lines of a measurement: printed at once and written as Markdown, a section for each part."""

from dataclasses import dataclass, field
from pathlib import Path

TITLE = """# Last `make bench`

Each part as it was last measured; `make bench ARGS="browser core"` measures just those anew.
"""
TABLE = "| what | value | aim | |\n|---|---:|---|---|"


@dataclass(frozen=True)
class Line:
    """A measured quantity, its value, and its aim, the most it should be (None: reported only)."""

    what: str
    value: float | str
    unit: str = ""
    most: float | None = None

    def cells(self) -> tuple[str, str, str, str]:
        """What, value, aim, and whether it was met; a text has no aim."""
        aim = "" if self.most is None else f"<= {self.most:g} {self.unit}"
        if isinstance(self.value, str):
            return self.what, self.value, aim, "not measured"
        digits = 0 if self.value >= 100 else 2 if self.value < 10 else 1
        met = "" if self.most is None else "met" if self.value <= self.most else "MISSED"
        return self.what, f"{self.value:.{digits}f} {self.unit}", aim, met


@dataclass
class Section:
    """The lines of one part of the bench, and the machine that they were measured on."""

    part: str
    machine: str
    lines: list[Line] = field(default_factory=list)

    def add(self, line: Line) -> None:
        """Print the line and keep it."""
        self.lines.append(line)
        what, value, aim, met = line.cells()
        print(f"{what:<66}{value:>14}   {aim:<12}{met}", flush=True)

    def keep(self, path: Path) -> None:
        """Put the section into the report in place of the part's last one; the others stay."""
        head, *sections = path.read_text().split("\n## ") if path.exists() else [TITLE]
        texts = {part: text for part, _, text in (section.partition("\n") for section in sections)}
        rows = "\n".join(f"| {' | '.join(line.cells())} |" for line in self.lines)
        texts[self.part] = f"\n{self.machine}\n\n{TABLE}\n{rows}\n"
        path.write_text("\n## ".join([head, *map("\n".join, texts.items())]))
