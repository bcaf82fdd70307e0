"""Evaluate many subjects and configurations, and see the paper's figures and tables of them."""

import streamlit as st

from pages.ui.shell.frame import page

with page("Cohort"):
    from pages.ui.cohort import deletion, figures, overview, rows
    from pages.ui.cohort.compare import compare
    from pages.ui.cohort.run import evaluation
    from pages.ui.cohort.thresholds import thresholds
    from pages.ui.shell import visitors
    from pages.ui.shell.markdown import escape
    from pages.ui.shell.sidebar import cohort_sidebar
    from zsad_core.results import parquet as results

    choice = cohort_sidebar()
    above = st.container()  # the sections, the first of which depends on the folder
    root = rows.folder(choice.data)
    source = (str(root), results.stamp(root))
    groups = rows.comparison_groups(*source)
    deletion.notice()
    draw = {
        "Figures": figures.figures,
        "Tables": figures.tables,
        "Subjects": overview.subjects,
        "Compare": compare,
        "Thresholds": thresholds,
    }
    sections = [*draw, "Evaluate"] if visitors.may_operate() else [*draw]
    first = sections[0 if groups else -1]
    section = above.segmented_control(
        "Section",
        sections,
        default=first,
        key="cohort-section",
        required=True,
        label_visibility="collapsed",
    )
    if section == "Evaluate":
        evaluation(choice, root)
    elif not groups:
        choose = ": choose Evaluate" if visitors.may_operate() else ""
        st.info(f"No results in {escape(str(root))} yet{choose}.")
    else:
        chosen = figures.choose_rows(choice, source, groups)
        overview.headline(choice, source, chosen)
        draw[section](choice, source, chosen)
        rows.seen(source, chosen)
