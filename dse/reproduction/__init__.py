"""The paper's tables and figures again, measured: a grid of runs, and what follows from them."""

from dse.reproduction.cells import PARTS, Cell, choose_cells
from dse.reproduction.figures import difference
from dse.reproduction.measurement import measure_cell, run_cells
from dse.reproduction.summary import read_paper, read_records, summarise, write_summary

__all__ = [
    "PARTS",
    "Cell",
    "choose_cells",
    "difference",
    "measure_cell",
    "read_paper",
    "read_records",
    "run_cells",
    "summarise",
    "write_summary",
]
