"""What segments are called across scenes, and the folder of references: seen, exported, damaged, cleared."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from evanyseg.adaptation.store import CORRECTED, Place, read_reference
from evanyseg.errors import EvanySegError, ImageError
from evanyseg.weights.settings import references_folder
from EvanySegSlicerLib.scene.nodes.labels import label_of, labels_of
from scene.learner import builtin, person

__all__ = ["builtin", "person"]  # fixtures


def test_labels_are_codes_or_names_and_unnamed_segments_stay_in_their_volume(person):
    import slicer

    segment = slicer.vtkSegment()
    segment.SetName("  Left   Kidney")
    assert label_of(segment) == "left kidney"
    segment.SetTag("TerminologyEntry", "x~SCT^85756007^Tissue~SCT^85756007^Tissue~^^~~^^~^^")
    assert label_of(segment) == "left kidney", "Slicer calls every new segment tissue"
    segment.SetTag("TerminologyEntry", "x~SCT^123037004^Anatomy~SCT^64033007^Kidney~SCT^7771000^Left~~^^~^^")
    assert label_of(segment) == "Kidney Left [SCT 64033007, SCT 7771000]"
    added = person.review.store.add()
    labels = labels_of(person.review.store, person.review.reader.snapshot())
    assert labels[added].startswith("Segment_")
    assert " of " in labels[added]


def test_export_is_what_adapt_reads_and_clear_deletes_what_was_kept(person, tmp_path):
    from evanyseg.adaptation.table import NEEDED, TableOptions, references_of
    from evanyseg.io.tables import open_table

    for index in range(3):
        person.correct(index)
    person.accept(5)
    person.learn()
    store = person.controller.references
    stray = store.folder / "mine.txt"
    stray.write_text("not of the program")
    assert person.learning.export(tmp_path / "out") == 3
    (table,) = (tmp_path / "out").glob("liver-*/references.csv")
    assert len(list(csv.DictReader(table.open()))) == 3
    given, problems, _ = references_of(open_table(table, NEEDED), TableOptions())
    assert problems == []
    kept = [r for r in store.references("liver")[0] if r.truth is not None]
    for a, b in zip(given, kept, strict=True):
        np.testing.assert_array_equal(a.truth, b.truth)
        np.testing.assert_array_equal(a.predictions[0], b.predictions[0])
    person.learning.clear()
    assert list(store.folder.iterdir()) == [stray]
    assert "deleted" in person.view.last
    with pytest.raises(EvanySegError, match="no corrected slices to export"):
        person.learning.export(tmp_path / "out2")


def test_files_of_references_that_are_damaged_are_said_and_left_out(person):
    for index in range(3):
        person.correct(index)
    person.learn()
    store = person.controller.references
    first, second, _ = (store.folder_of("liver") / p.filename for p in store.places("liver"))
    first.write_bytes(first.read_bytes()[:200])
    np.savez(second, image=np.array([{"a": 1}], object))
    found, problems = store.references("liver")
    assert len(found) == 1
    assert len(problems) == 2
    with pytest.raises(ImageError, match="delete it"):
        read_reference(second, "x")


def test_where_the_folder_is(tmp_path):
    assert references_folder({"EVANYSEG_REFERENCES": str(tmp_path)}) == tmp_path
    assert references_folder({}, "linux", tmp_path) == tmp_path / ".local/share/evanyseg/references"
    assert references_folder({}, "darwin", tmp_path) == tmp_path / "Library/Application Support/evanyseg/references"
    assert Place(CORRECTED, "ab", "cd").filename == "corrected-ab-cd.npz"
