"""Thousands of rows in the review table: the user's thread never builds them all at once."""

from __future__ import annotations

from dataclasses import replace

from desktop.user import User


def test_five_thousand_rows_are_filled_in_portions(host, hands):
    """No step of the user's thread builds more than a portion (how long one takes: `dev.py bench responsive`)."""
    from EvanySegSlicerLib.desktop.tabs.review_table import PORTION, ReviewTable

    user = User(host, hands)
    user.draw()
    template = user.rows[0]
    rows = [
        replace(template, segment_id=f"S{n % 25}", segment=f"S{n % 25}", index=n // 25, dice=(n * 37 % 100) / 100)
        for n in range(5000)
    ]
    table = ReviewTable(user.ui.reviewTable, lambda key: None)
    user.tab("reviewTab")
    hands.settle()
    model = user.ui.reviewTable.model()
    portions = []
    add = table._add_portion

    def counted() -> None:
        before = model.rowCount()
        add()
        portions.append(model.rowCount() - before)

    table._timer.disconnect("timeout()", add)
    table._add_portion = counted
    table._timer.connect("timeout()", counted)
    table.show(rows)
    assert (model.rowCount(), table.complete) == (PORTION, False)
    hands.wait_until(lambda: table.complete, what="all rows")
    assert max(portions) == PORTION
    for step in range(10):
        user.ui.reviewTable.verticalScrollBar().setValue(step * 490)
        hands.settle()
    table.show([row for row in rows if row.segment == "S3"])
    assert model.rowCount() == PORTION
    hands.wait_until(lambda: table.complete, what="the filtered rows")
    assert model.rowCount() == 200
    assert max(portions) == PORTION
    table.close()
