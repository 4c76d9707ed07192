"""Every exception and warning that the library raises on purpose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = [
    "ConservationError",
    "ConvergenceWarning",
    "CrmvalueError",
    "CrmvalueWarning",
    "DataWarning",
    "Fault",
    "InputError",
    "MissingExtraError",
]


class CrmvalueError(Exception):
    """Base of every error that crmvalue raises on purpose."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with an input.

    Attributes
    ----------
    fault : str
        Short stable name, such as ``"missing_amount"``.
    column : str
        The column it stands in, or ``""`` for the table as a whole.
    rows : int
        How many rows have it; 0 where it is not a matter of rows.
    examples : str
        Some of the offending rows or values, as text.
    expected : str
        What was expected, and the cure.

    Examples
    --------
    >>> print(Fault("missing_amount", "amount", 2, "rows 3, 8", "expected a number in every row"))
    column 'amount': missing_amount in 2 rows (rows 3, 8); expected a number in every row
    """

    fault: str
    column: str
    rows: int
    examples: str
    expected: str

    def __str__(self) -> str:
        where = f"column {self.column!r}: " if self.column else ""
        rows = f" in {self.rows:,} row{'s' if self.rows != 1 else ''}" if self.rows else ""
        examples = f" ({self.examples})" if self.examples else ""
        return f"{where}{self.fault}{rows}{examples}; {self.expected}"


class InputError(CrmvalueError, ValueError):
    """The input can't be used: what was expected, what came, and the cure.

    Attributes
    ----------
    faults : tuple of Fault
        Every fault that was found, so that all can be mended at once.

    Examples
    --------
    >>> import crmvalue as cv, pandas as pd
    >>> log = pd.DataFrame({"customer_id": [1, None], "date": ["2024-01-05", "2024-13-01"]})
    >>> try:
    ...     cv.check_transactions(log)
    ... except cv.errors.InputError as error:
    ...     [(fault.fault, fault.column, fault.rows) for fault in error.faults]
    [('missing_customer', 'customer_id', 1), ('not_an_iso_date', 'date', 1)]
    """

    def __init__(self, message: str, faults: Iterable[Fault] = ()) -> None:
        self.faults = tuple(faults)
        super().__init__(message)

    def __reduce__(self) -> tuple[type[InputError], tuple[str, tuple[Fault, ...]]]:
        return type(self), (str(self), self.faults)


class FaultList:
    """Gathers the faults of one call, so that its error can name them all at once."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(
        self, fault: str, *, column: str = "", rows: int = 0, examples: str = "", expected: str
    ) -> None:
        """Note one fault."""
        self.append(Fault(fault, column, rows, examples, expected))

    def append(self, fault: Fault) -> None:
        """Note a fault; once, also where a column is read for two purposes."""
        if fault not in self._faults:
            self._faults.append(fault)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def __len__(self) -> int:
        return len(self._faults)

    def raise_if_any(self, what: str) -> None:
        """Raise one `InputError` that lists every fault noted so far."""
        if self._faults:
            lines = "\n".join(f"  - {fault}" for fault in self._faults)
            raise InputError(f"{what} can't be used:\n{lines}", self._faults)


class ConservationError(CrmvalueError):
    """Parts that must add up to a whole do not: a bug, or a table changed under way."""


class MissingExtraError(CrmvalueError, ImportError):
    """An optional dependency is needed and not installed; the message names the extra."""


class CrmvalueWarning(UserWarning):
    """Base of every warning that crmvalue raises on purpose."""


class ConvergenceWarning(CrmvalueWarning):
    """An estimate did not converge or is not identified; `Fit.messages` says why."""


class DataWarning(CrmvalueWarning):
    """The data can be used, but something in it limits what can be said."""
