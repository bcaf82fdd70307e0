"""Words of sentences: numbers, and the problems of files; and numbers that users typed."""

import re
from collections.abc import Iterable

import pydantic

NAMED = 8  # names of a list; the others are counted


def counted(number: int, noun: str) -> str:
    """A number with its noun, in the plural unless it is 1.

    >>> counted(1, "run"), counted(2, "run"), counted(0, "match"), counted(3, "study")
    ('1 run', '2 runs', '0 matches', '3 studies')
    """
    if number == 1:
        return f"1 {noun}"
    if noun[-1] == "y" and noun[-2] not in "aeiou":
        return f"{number} {noun[:-1]}ies"
    return f"{number} {noun}{'es' if noun.endswith(('s', 'x', 'ch', 'sh')) else 's'}"


def listed(names: Iterable[str], most: int = NAMED) -> str:
    """The first names, and how many more there are.

    >>> listed(["a", "b", "c"], 2), listed(["a", "b"], 2)
    ('a, b and 1 more', 'a, b')
    """
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def ordinal(number: int) -> str:
    """A number as an ordinal.

    >>> [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 21, 102)]
    ['1st', '2nd', '3rd', '4th', '11th', '12th', '21st', '102nd']
    """
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"


def whole_number(text: str) -> int | None:
    """The number of a text of one to nine digits; None for any other text.

    >>> [whole_number(text) for text in ("61", "-1", "²", "1.5", "", "9" * 5000)]
    [61, None, None, None, None, None]
    """
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else None


def problem_of(error: pydantic.ValidationError) -> str:
    """The first problem of a file that is not valid, and where in the file it is.

    >>> try:
    ...     pydantic.TypeAdapter(dict[str, int]).validate_json('{"a": "x"}')
    ... except pydantic.ValidationError as error:
    ...     problem_of(error)
    'a: Input should be a valid integer, unable to parse string as an integer'
    """
    first = error.errors(include_url=False, include_input=False)[0]
    return ": ".join(filter(None, (".".join(map(str, first["loc"]))[:80], first["msg"])))


def percent(share: float) -> str:
    """A share, 0 to 1, in whole percent; 0 % and 100 % only where it is exactly that.

    >>> [percent(share) for share in (0, 0.001, 0.25, 0.999, 1)]
    ['0 %', '<1 %', '25 %', '>99 %', '100 %']
    """
    if 0 < share < 0.01:
        return "<1 %"
    if 0.99 < share < 1:
        return ">99 %"
    return f"{share:.0%}".replace("%", " %")


def decimals(value: float | None) -> str:
    """A number to three decimals, where 1.000 is 1: just below it something is missed.

    >>> decimals(0.5), decimals(0.9998), decimals(1.0), decimals(float("nan"))
    ('0.500', '>0.999', '1.000', '–')
    """
    if value is None or value != value:
        return "–"
    return ">0.999" if 0.9995 <= value < 1 else f"{value:.3f}"
