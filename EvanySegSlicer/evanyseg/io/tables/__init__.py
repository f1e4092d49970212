"""Tables of pairs and scores: read whatever a spreadsheet made of them, written so that nothing is changed by one.

layout: encoding and separator, sniffed; reading: columns and rows; cells: numbers and text; writing: CSV, TSV, JSON.
A score that does not exist is an empty cell or null, never a number.
"""

from .cells import coordinate, loose_number, score_number
from .reading import Table, checked_scores, open_table
from .writing import RowWriter, cell, check_table_output, json_text, write_table

__all__ = [
    "RowWriter",
    "Table",
    "cell",
    "check_table_output",
    "checked_scores",
    "coordinate",
    "json_text",
    "loose_number",
    "open_table",
    "score_number",
    "write_table",
]
