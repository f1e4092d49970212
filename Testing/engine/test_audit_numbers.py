"""What an audit says of labels, groups and names, on rows whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from evanyseg.audit.case import AuditRow
from evanyseg.audit.classes import summaries, wilson
from evanyseg.audit.groups import compared
from evanyseg.audit.suspicions import side_of, suspicions


def row(
    case: int, label: str = "liver", dice: float = 0.9, size: float = 1000.0, center=(0.3, 0.5, 0.5), **more
) -> AuditRow:
    metadata = {k: v for k, v in more.items() if k not in ("subject", "truth")}
    return AuditRow(
        f"c{case}", more.get("subject", f"s{case}"), label, label, "i", "m", 5, 5, size, center, dice, dice, dice,
        truth=more.get("truth", math.nan), metadata=metadata,
    )  # fmt: skip


def test_labels_by_hand() -> None:
    found = summaries([row(n, dice=d) for n, d in enumerate((0.7, 0.9, 0.95, math.nan))] + [row(9, "spleen", 0.5)])
    spleen, liver = found
    assert (liver.cases, liver.scored, liver.poor) == (4, 3, pytest.approx(1 / 3))
    assert liver.mean.value == pytest.approx(0.85)
    assert [r.dice for r in liver.worst] == [0.7, 0.9, 0.95]
    assert all(math.isnan(v) for v in (spleen.mean.low, spleen.mean.high))  # one subject says nothing of others


def test_wilson_by_hand() -> None:
    # Newcombe, Stat. Med. 1998, 17:857: 81 of 263 and 0 of 20
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert all(math.isnan(v) for v in wilson(0, 0))


def test_the_interval_counts_subjects_not_masks() -> None:
    rng = np.random.default_rng(0)
    people = rng.normal(0.8, 0.1, 10)
    rows = [row(n * 10 + k, dice=float(people[n]), subject=f"p{n}") for n in range(10) for k in range(10)]
    mean = summaries(rows)[0].mean
    low, high = mean.low, mean.high
    by_hand = 2 * 1.96 * people.std() / math.sqrt(10)
    assert high - low == pytest.approx(by_hand, rel=0.15)


def test_a_group_that_is_worse_is_found_and_holm_counts_the_others() -> None:
    rng = np.random.default_rng(1)
    sites, sexes = ["a", "b"] * 20, ["F", "M", "M", "F"] * 10
    rows = [
        row(n, dice=float(0.9 - 0.15 * (site == "b") + rng.normal(0, 0.02)), site=site, sex=sex, scanner="one")
        for n, (site, sex) in enumerate(zip(sites, sexes, strict=True))
    ]
    found = {d.column: d for d in compared(rows).differences}
    assert set(found) == {"site", "sex"}
    assert found["site"].notable
    assert not found["sex"].notable
    assert [g.name for g in found["site"].groups] == ["b", "a"]
    assert found["site"].difference.value == pytest.approx(0.15, abs=0.02)
    assert found["site"].difference.low > 0.12
    values = {s: [r.dice for r in rows if r.metadata["site"] == s] for s in "ab"}
    assert found["site"].p == pytest.approx(stats.kruskal(values["a"], values["b"]).pvalue)
    assert found["site"].corrected == pytest.approx(2 * found["site"].p)


def test_no_difference_is_rarely_called_one() -> None:
    rng = np.random.default_rng(2)
    alarms = 0
    for _ in range(60):
        rows = [
            row(n, dice=float(rng.normal(0.8, 0.05)), a=str(rng.integers(2)), b=str(rng.integers(3))) for n in range(40)
        ]
        alarms += any(d.notable for d in compared(rows).differences)
    assert alarms <= 8  # 5 % of 60 are 3


def test_numbers_become_thirds_and_missing_values_are_counted() -> None:
    rows = [row(n, dice=0.5 + n / 100, age=str(20 + n)) for n in range(30)] + [row(99, dice=0.6, age="")]
    (found,) = compared(rows).differences
    assert len(found.groups) == 3
    assert sum(g.subjects for g in found.groups) == 30
    assert found.missing == 1
    assert found.groups[0].name.startswith("up to")


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("site", lambda n: "a", "site: it has one value, a."),
        ("site", lambda n: "", "site: it has no value."),
        ("site", lambda n: "a" if n else "b", "site: fewer than two of its groups have 3 subjects."),
        ("name", lambda n: f"n{n}", "name: it has 20 different values that are not all numbers (groups: 12 at most)."),
    ],
)
def test_what_cannot_be_compared_is_left_out_in_words(column: str, value, why: str) -> None:
    found = compared([row(n, **{column: value(n)}) for n in range(20)])
    assert (list(found.differences), list(found.left_out)) == ([], [why])


def test_a_column_may_be_compared_for_some_labels_alone() -> None:
    rows = [row(n, site="ab"[n % 2]) for n in range(20)] + [row(n, "spleen", site="a") for n in range(20)]
    found = compared(rows)
    assert [(d.label, d.p) for d in found.differences] == [("liver", 1.0)], "no difference at all"
    assert list(found.left_out) == ["site (spleen): it has one value, a."]
    assert not compared([]).left_out


@pytest.mark.parametrize(
    ("label", "side", "organ"),
    [
        ("kidney_left", "left", "kidney"), ("Left Kidney", "left", "kidney"), ("femur-r", "right", "femur"),
        ("lung_upper_lobe_right", "right", "lung upper lobe"), ("liver", "", "liver"), ("cerebellum", "", "cerebellum"),
        ("L kidney", "left", "kidney"),
    ],
)  # fmt: skip
def test_sides_of_names(label: str, side: str, organ: str) -> None:
    assert side_of(label) == (side, organ)


def test_an_exchanged_pair_and_an_exchanged_label_are_found() -> None:
    rows = []
    for n in range(12):
        swapped = n == 4
        left, right = ((0.7, 0.5, 0.5), (0.3, 0.5, 0.5)) if swapped else ((0.3, 0.5, 0.5), (0.7, 0.5, 0.5))
        rows += [row(n, "kidney_left", center=left), row(n, "kidney_right", center=right)]
        liver, spleen = (1500.0, (0.75, 0.6, 0.8)), (200.0, (0.2, 0.4, 0.8))
        if n == 7:
            liver, spleen = spleen, liver
        rows += [row(n, "liver", size=liver[0], center=liver[1]), row(n, "spleen", size=spleen[0], center=spleen[1])]
    found = {(s.row.case, s.row.label): s.why for s in suspicions(rows)}
    assert set(found) == {("c4", "kidney_left"), ("c4", "kidney_right"), ("c7", "liver"), ("c7", "spleen")}
    assert "exchanged" in found["c4", "kidney_left"]
    assert "'spleen' usually has" in found["c7", "liver"]


def test_ordinary_variation_is_not_suspected() -> None:
    rng = np.random.default_rng(0)
    rows = [
        row(n, label, size=float(size * rng.lognormal(0, 0.3)), center=tuple(np.array(at) + rng.normal(0, 0.04, 3)))
        for n in range(200)
        for label, size, at in (("liver", 1500, (0.7, 0.6, 0.7)), ("spleen", 200, (0.2, 0.4, 0.7)))
    ]
    assert len(suspicions(rows)) <= 2
