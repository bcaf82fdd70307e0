"""YAML files of users: text alone, of a bounded size, so that no file hangs or fills memory."""

from typing import Any

import yaml

LARGEST = 256 * 1024  # bytes
VALUES = 20_000  # each counted as often as an alias repeats it


def mapping(content: bytes) -> dict[str, Any]:
    """The mapping of a file, every scalar as text; raises ValueError.

    The error's message is the end of a sentence that begins with the file's name.

    >>> mapping(b"a: [1, no]")
    {'a': ['1', 'no']}
    """
    if len(content) > LARGEST:
        raise ValueError(f"has more than {LARGEST} bytes; shorten it.")
    try:
        values = yaml.load(content.decode("utf-8"), yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("is not readable YAML; correct it.") from error
    if not isinstance(values, dict):
        raise ValueError("holds no names with values; write lines of the form name: value.")
    waiting, count = [values], 0
    while waiting and count <= VALUES:
        value = waiting.pop()
        inside = [*value, *value.values()] if isinstance(value, dict) else value
        waiting += [part for part in inside if not isinstance(part, str)]
        count += len(inside)
    if count > VALUES:
        raise ValueError(f"holds more than {VALUES} values; shorten it.")
    return values
