"""Slices with truth and prediction, and the numbers of the volume."""

import streamlit as st

from pages.ui.shell.frame import page

with page("Explore"):
    from dataclasses import replace

    from pages.ui.explore import command, compare, pinning, shown, tour, volume_numbers
    from pages.ui.explore.slice_view import slice_view, visible_slice
    from pages.ui.explore.title import title
    from pages.ui.shell import compute, last_view, thresholds
    from pages.ui.shell.sidebar import sidebar
    from zsad_core.inference.views import View
    from zsad_core.metrics.readout import readout

    choice = sidebar()
    tour.tour(has_patches=choice.map.features.recipe is not None)
    stack = compute.stack(choice.map)
    index = visible_slice(stack)
    actions, viewer_place = title(choice), st.container()
    others = compare.compared(choice)

    # The slice that is looked at has a map at once; the whole one follows when a job has it.
    anomaly, key, encoding = shown.map_of(choice.map, index)
    whole = anomaly if encoding is None else None
    threshold, validating = thresholds.threshold_of(choice, stack, whole)
    thresholds.remember(choice, threshold)
    threshold = thresholds.with_origin(threshold, choice, stack, whole)
    cut = shown.thresholds_of(choice.map, anomaly, key, (threshold.value,))
    maps = [shown.viewer_map(choice.map, anomaly, key, cut, choice.title)]
    view = View(choice.map, index, threshold, choice.readout)
    beside, jobs = compare.maps_beside(others, view, cut)

    with viewer_place:
        view = replace(view, index=slice_view(choice, view, maps + beside))
    with actions:
        pinning.offer(view)
    for job in (encoding, validating, *jobs):
        if job is not None:
            compute.show_job(job)
    if whole is not None:
        read = replace(choice.readout, threshold=threshold.value)
        volume_numbers.numbers(choice, readout(stack, whole, read))
        volume_numbers.offer_solid(choice, read)
        volume_numbers.offer_files(view)
        compute.make_rest_of_demo(choice.data)
    shown.captions(view, {compare.title(name): spec for name, spec in others.items()})
    with actions:
        command.offer(view)
    last_view.keep(choice)
