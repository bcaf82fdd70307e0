"""A session of a running app without a browser: its messages written by hand."""

import time
import urllib.request
from contextlib import contextmanager
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileUploaderState, UploadedFileInfo
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from tests.helpers.pages import WAIT


class Session:
    """What a user's session is sent, whatever it says."""

    def __init__(self, socket, url, header):
        self._socket, self._url, self._header = socket, url, header

    def send(self, message):
        """Send it, whatever comes back."""
        self._socket.send(message.SerializeToString())

    def upload(self, name, content):
        """Hand bytes over as a file; the state of the widget that would take it."""
        message = BackMsg()
        message.file_urls_request.request_id = name
        message.file_urls_request.file_names.append(name)
        self.send(message)
        end = time.monotonic() + WAIT
        while (answer := self._answer(end)).WhichOneof("type") != "file_urls_response":
            pass
        (urls,) = answer.file_urls_response.file_urls
        boundary = "a boundary"
        head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = f"--{boundary}\r\n{head}{content}\r\n--{boundary}--\r\n".encode()
        xsrf = self._header.partition("_streamlit_xsrf=")[2].partition(";")[0]
        headers = {
            "Cookie": self._header,
            "X-Xsrftoken": xsrf,
            "Content-Type": f'multipart/form-data; boundary="{boundary}"',
        }
        put = urllib.request.Request(f"{self._url}{urls.upload_url}", body, headers, method="PUT")
        with urllib.request.urlopen(put) as done:
            assert done.status == 204
        file = UploadedFileInfo(name=name, size=len(content), file_id=urls.file_id, file_urls=urls)
        return FileUploaderState(uploaded_file_info=[file])

    def _answer(self, end):
        return ForwardMsg.FromString(self._socket.recv(end - time.monotonic()))

    def run(self, page, query="", **states):
        """Run a page at an address with states of widgets, by id; the elements that it draws.

        A state is True for a click, the texts of a choice, or what `upload` returns.
        """
        message = BackMsg()
        message.rerun_script.page_name = page
        message.rerun_script.query_string = query
        for name, value in states.items():
            state = message.rerun_script.widget_states.widgets.add(id=name)
            if value is True:
                state.trigger_value = True
            elif isinstance(value, FileUploaderState):
                state.file_uploader_state_value.CopyFrom(value)
            else:
                state.string_array_value.data.extend(value)
        self.send(message)
        elements, end = [], time.monotonic() + WAIT
        while True:
            answer = self._answer(end)
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
        yield Session(socket, server.url, header)


def buttons(elements):
    """The buttons among elements: their words by id."""
    return {one.id: one.label for one in elements if type(one).__name__ == "Button"}


def uploader(elements, label):
    """The id of the uploader of that label among elements."""
    (found,) = [one for one in elements if type(one).__name__ == "FileUploader"]
    assert found.label == label
    return found.id


def choice(elements, option):
    """The id of the choice among elements that offers an option."""
    groups = [one for one in elements if type(one).__name__ == "ButtonGroup"]
    (found,) = [one for one in groups if option in [each.content for each in one.options]]
    return found.id
