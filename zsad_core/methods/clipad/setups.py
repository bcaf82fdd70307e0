"""SDP, which learns nothing, on the demo and on the CLIP of its authors."""

from zsad_core.methods.setup import LAION, untrained, untrained_on_the_demo

SETUPS = (
    *untrained_on_the_demo("clipad"),
    untrained("clipad", "laion400m-b16-240", LAION, "The CLIP of CLIP-AD, at its own 240 px"),
)
