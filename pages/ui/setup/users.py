"""What the Setup page says of its users: what is theirs alone, and what they may do."""

import streamlit as st

from pages.ui.shell import login, visitors

WITH = (
    "Your prompt sets, drafts, history, pins, phrases, setups and uploads are seen by you alone, "
    "until you publish a prompt set, a pin or a setup. Pictures and downloads go to your page and "
    "have no address."
)
WITHOUT = (
    "No login: all who reach this app share one home. They see each other's prompt sets, drafts, "
    "history and pins, not each other's uploads. A file that is downloaded can be read by whoever "
    "knows its address, for as long as the page is open."
)


def users() -> None:
    """A few sentences."""
    st.subheader("Users")
    st.write(WITH if login.required() else WITHOUT)
    role = "an operator" if visitors.may_operate() else "a viewer"
    rights = (
        "You may add data and weights, train, evaluate and delete."
        if visitors.may_operate()
        else "An operator adds data and weights, trains, evaluates and deletes."
    )
    st.caption(f"You are {role}. {rights}")
