"""A session of a running app without a browser: its messages written by hand."""

import time
from contextlib import contextmanager
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from tests.helpers.pages import WAIT


class Session:
    """What a user's session is sent, whatever it says."""

    def __init__(self, socket):
        self._socket = socket

    def run(self, page, **states):
        """Run a page with states of widgets, by id; the elements that it draws.

        A state is True for a click, or the texts of a choice.
        """
        message = BackMsg()
        message.rerun_script.page_name = page
        for name, value in states.items():
            state = message.rerun_script.widget_states.widgets.add(id=name)
            if value is True:
                state.trigger_value = True
            else:
                state.string_array_value.data.extend(value)
        self._socket.send(message.SerializeToString())
        elements, end = [], time.monotonic() + WAIT
        while True:
            answer = ForwardMsg.FromString(self._socket.recv(end - time.monotonic()))
            if answer.WhichOneof("type") == "delta" and answer.delta.HasField("new_element"):
                element = answer.delta.new_element
                elements.append(getattr(element, element.WhichOneof("type")))
            if answer.WhichOneof("type") == "script_finished":
                if answer.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    return elements
                elements = []


@contextmanager
def session(server, context):
    """A session as the user of a browser's context, with its cookies."""
    cookies = {one["name"]: one["value"] for one in context.cookies(server.url)}
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    with connect(
        f"ws://{urlsplit(server.url).netloc}/_stcore/stream",
        origin=server.url,
        subprotocols=["streamlit", cookies["_streamlit_xsrf"]],
        additional_headers={"Cookie": header},
        max_size=None,
    ) as socket:
        yield Session(socket)


def buttons(elements):
    """The buttons among elements: their words by id."""
    return {one.id: one.label for one in elements if type(one).__name__ == "Button"}


def choice(elements, option):
    """The id of the choice among elements that offers an option."""
    groups = [one for one in elements if type(one).__name__ == "ButtonGroup"]
    (found,) = [one for one in groups if option in [each.content for each in one.options]]
    return found.id
