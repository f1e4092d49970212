"""The module as a whole: size, what importing and entering it costs, sample data, the self test."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import types

import slicer

from desktop import module, phantoms
from desktop.user import User

HEAVY = ("torch", "torchvision", "timm", "segment_anything", "monai")


def test_the_module_file_is_a_shell():
    assert len(module.MODULE.read_text().splitlines()) <= 200


def test_every_file_stays_small():
    folder = module.ROOT / "EvanySegSlicer"
    for path in [
        *folder.glob("EvanySegSlicerLib/desktop/**/*.py"),
        *folder.glob("EvanySegSlicerLib/presenters/**/*.py"),
    ]:
        assert len(path.read_text().splitlines()) <= 300, path.name


def test_entering_costs_no_network_and_little_time(host):
    phantoms.show(phantoms.add_volume(host.scene, phantoms.ball()))
    before = set(sys.modules)
    module.enter(host)
    new = {name.split(".")[0] for name in set(sys.modules) - before}
    assert not new & set(HEAVY)
    spent = []
    for _ in range(5):
        host.leave_module()
        start = time.thread_time()
        host.selectModule("EvanySegSlicer")
        spent.append(time.thread_time() - start)
    assert sorted(spent)[2] <= 0.3, spent


def test_importing_the_presenters_needs_neither_qt_nor_torch():
    folder = module.ROOT / "EvanySegSlicer"
    files = (folder / "EvanySegSlicerLib" / "presenters").rglob("*.py")
    names = [".".join(p.relative_to(folder).with_suffix("").parts) for p in files if p.stem != "__init__"]
    assert len(names) >= 16
    code = (
        "import sys, importlib\n"
        f"for name in {names}: importlib.import_module(name)\n"
        f"print([m for m in {(*HEAVY, 'PySide6', 'qt', 'ctk')} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=module.ROOT / "EvanySegSlicer", check=True
    )
    assert done.stdout.strip() == "[]"


def test_sample_data_is_registered_with_checksums(host, monkeypatch):
    calls = []
    logic = types.SimpleNamespace(registerCustomSampleDataSource=lambda **given: calls.append(given))
    fake = types.ModuleType("SampleData")
    fake.SampleDataLogic = logic
    monkeypatch.setitem(sys.modules, "SampleData", fake)
    module.load(host)
    samples = json.loads((module.ROOT / "EvanySegSlicer/Resources/samples.json").read_text())["samples"]
    assert len(calls) == len(samples) >= 2
    for call in calls:
        digest = call["checksums"].removeprefix("SHA256:")
        assert len(digest) == 64
        assert digest in call["uris"], "Slicer's own data is named by its checksum"
        assert call["uris"].startswith("https://github.com/Slicer/")
        assert call["category"] == "EvanySeg"


def test_the_ui_file_names_every_widget_the_code_uses(host):
    import re

    ui = slicer.util.loadUI(str(module.ROOT / "EvanySegSlicer/Resources/UI/EvanySegSlicer.ui"))
    named = vars(slicer.util.childWidgetVariables(ui))
    used = set()
    files = list((module.ROOT / "EvanySegSlicer/EvanySegSlicerLib/desktop").rglob("*.py"))
    assert len(files) > 15
    for path in files:
        used |= set(re.findall(r"\bui\.([A-Za-z]\w+)", path.read_text()))
    assert used - set(named) == set()


def test_every_control_has_a_tooltip(host):
    ui = slicer.util.loadUI(str(module.ROOT / "EvanySegSlicer/Resources/UI/EvanySegSlicer.ui"))
    silent = [
        name
        for name, child in vars(slicer.util.childWidgetVariables(ui)).items()
        if type(child).__name__
        in ("QPushButton", "QToolButton", "QCheckBox", "QComboBox", "QDoubleSpinBox", "QSpinBox")
        and not child.toolTip
        and not name.startswith("Scroll")  # Qt's own, beside the tabs
    ]
    assert silent == []


def test_the_panel_fits_a_small_laptop(host, hands):
    """Also with results in it, and whichever tab is shown."""
    user = User(host, hands)
    widget = user.widget
    user.draw()
    for tab in ("segmentTab", "reviewTab", "compareTab", "exploreTab", "settingsTab"):
        user.tab(tab)
    panel = widget.parent if not callable(widget.parent) else widget.parent()
    assert panel.minimumSizeHint().width() <= 450
    content = user.ui.tabs.parent  # what would scroll sideways
    assert (content() if callable(content) else content).minimumSizeHint().width() <= 450
    assert panel.minimumSizeHint().height() <= 768


def test_the_self_test_that_runs_in_slicer_passes_here(host):
    loaded = module.load(host)
    assert loaded.name == "EvanySegSlicer"
    slicer.util.setSliceViewerLayers = lambda **given: None
    test = sys.modules["EvanySegSlicer"].EvanySegSlicerTest()
    test.delayDisplay = lambda *given: host.app.processEvents()
    test.runTest()


def test_memory_stays_flat_over_many_boxes(host, hands, pytestconfig):
    """60 boxes; 200 with --run-slow."""
    import resource

    user = User(host, hands)
    user.draw(half=20)
    peak = []
    boxes = 200 if pytestconfig.getoption("--run-slow", False) else 60
    for count in range(boxes):
        user.driver.drag(host.view("Red"), *user.corners("Red", 14 + count % 12))
        user.wait("the mask")
        if count in (boxes // 3, boxes - 1):
            peak.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert len(user.rows) == 1
    assert peak[1] - peak[0] < 40_000, peak  # kilobytes; ten undo states and the embedding cache are kept
