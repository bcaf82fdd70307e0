"""What every store of arrays offers, on the disk or in memory."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

from zsad_core.base.part_files import ArrayRow


class Arrays(Protocol):
    """A store of arrays by key and name.

    `exact` is whether features are stored as computed, not rounded to float16.
    """

    exact: bool

    def holds(self, key: str) -> bool:
        """Whether there is such an entry."""

    def names(self, key: str) -> set[str]:
        """Names of the arrays that an entry holds, those of rows left out."""

    def read(self, key: str, name: str) -> NDArray[Any] | None:
        """The array, read-only, or None where it is missing."""

    def write(self, key: str, name: str, array: NDArray[Any], label: object) -> NDArray[Any]:
        """Keep the array under its key and return it read-only; `label` is the spec to show."""

    def write_all(self, key: str, arrays: Mapping[str, NDArray[Any]], label: object) -> None:
        """`write` for many arrays of a key."""

    def row_names(self, key: str, parts: Iterable[str]) -> set[str]:
        """Names of the rows of an entry that have all of the parts."""

    def read_row(self, key: str, name: str, parts: Iterable[str]) -> ArrayRow | None:
        """Those parts of a row, read-only, or None where one is missing."""

    def append(self, key: str, rows: Mapping[str, ArrayRow], label: object) -> None:
        """Keep rows, many of a key, each with an array of every part; one that is there stays."""

    def remove(self, key: str, prefix: str = "") -> None:
        """Remove an entry, or its arrays whose names begin so."""

    def trim_when_due(self) -> int:
        """Remove what is over the limit; returns how many entries went."""
