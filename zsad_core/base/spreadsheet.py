"""Tables as CSV that a spreadsheet opens with its letters and without running what it holds."""

import re

import pandas as pd

BOM = "\ufeff"  # tells Excel that the file is UTF-8
FORMULA = r"^[=+\-@\t\r]"
"""How a text begins that a spreadsheet takes for a formula; an apostrophe keeps it a text."""
LATER_FORMULA = re.compile(r'([,;]"*)(?=[=+\-@])')
"""Within a line that is not quoted, where a spreadsheet begins another cell with a formula."""


def as_csv(table: pd.DataFrame, *remarks: str) -> str:
    """A table as CSV without its index, below a line `# …` for each remark.

    >>> table = pd.DataFrame({"name": ["=1+1", "a"], "dice": [-0.5, 1]})
    >>> print(as_csv(table, "of a,=1+1").removeprefix(BOM))
    # of a,'=1+1
    name,dice
    '=1+1,-0.5
    a,1.0
    <BLANKLINE>
    """
    safe = table.rename(columns=_text).map(_text)
    lines = "".join(
        LATER_FORMULA.sub(r"\1'", f"# {' '.join(remark.split())}\n") for remark in remarks
    )
    return f"{BOM}{lines}{safe.to_csv(index=False)}"


def _text(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and re.match(FORMULA, value) else value
