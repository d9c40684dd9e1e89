"""What tests ask of a header table: its best stack."""

import pandas as pd

from helpers import slice_table, stack_table


def best_stack(headers: pd.DataFrame) -> pd.DataFrame:
    """The rows of the stack that `stack_table` puts first."""
    slices = slice_table(headers)
    return slices.loc[stack_table(slices).index[0]]
