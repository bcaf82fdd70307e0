"""What a user looks at: one slice of a map at a threshold. Pins keep it, exports draw it."""

from dataclasses import dataclass

from zsad_core.types import MapSpec, ReadoutSpec, Threshold


@dataclass(frozen=True)
class View:
    """Slice `index` of a map, from the bottom of its plane, read at a threshold."""

    map: MapSpec
    index: int
    threshold: Threshold
    readout: ReadoutSpec = ReadoutSpec()
