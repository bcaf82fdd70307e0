"""The Explore page below the viewer: the numbers of the volume, its surfaces, and its files."""

import plotly.graph_objects as go
import streamlit as st

from pages.ui.figures.solid import solid_figure
from pages.ui.shell import compute
from pages.ui.shell.markdown import escape
from pages.ui.shell.sidebar import EMPTY_SLICES, UserChoice
from zsad_core.base.wording import counted, decimals
from zsad_core.imaging import slicing
from zsad_core.inference.views import View
from zsad_core.metrics.readout import Readout
from zsad_core.metrics.scoring import predicted_mask
from zsad_core.types import MapSpec, ReadoutSpec


def numbers(choice: UserChoice, result: Readout) -> None:
    """The volume's numbers, each with its rule."""
    columns = st.columns(6)
    if result.dice_3d is not None and result.mean_dice is not None:
        columns[0].metric("3D Dice", decimals(result.dice_3d))
        label = f"2D Dice, {counted(result.mean_dice.slices_counted, 'slice')}"
        rule = f"Mean over slices. Empty slices: {EMPTY_SLICES[choice.readout.empty_slices]}."
        columns[1].metric(label, decimals(result.mean_dice.value), help=rule)
        if result.auroc is not None:  # a mask ranks nothing
            columns[2].metric(f"Voxel AUROC ({escape(choice.data.region)})", decimals(result.auroc))
            columns[3].metric("Best Dice (oracle)", decimals(result.best_dice))
        columns[4].metric("Truth", f"{result.truth_ml:.1f} ml")
    columns[5].metric("Predicted", f"{result.predicted_ml:.1f} ml")
    for note in result.notes:
        st.info(note)


def offer_solid(choice: UserChoice, spec: ReadoutSpec) -> None:
    """The 3D view, made when it is asked for."""
    region = choice.data.region
    if st.toggle(f"3D view of {escape(region)}, truth and prediction", key="solid"):
        with st.spinner("Making surfaces …"):
            figure = _solid(choice.map, spec, region)
        alt = f"Surfaces of {region}, truth and prediction."
        st.plotly_chart(figure, alt=alt, key="solid-figure")


@st.cache_resource(max_entries=3, show_spinner=False)
def _solid(spec: MapSpec, read: ReadoutSpec, region: str) -> go.Figure:
    slices = spec.features.slices
    mask = predicted_mask(compute.whole_map(spec).values, compute.stack(spec).brain, read)
    volume, predicted = compute.engine().volume(slices), slicing.to_voxels(mask, slices.plane)
    return solid_figure(volume.brain, volume.truth, predicted, volume.affine, region)


def offer_files(view: View) -> None:
    """What the export draws with takes a second to import, which the first page does without."""
    from pages.ui.explore import export

    export.offer(view)
