"""Two commits side by side: the demo's numbers, one scan stored in four ways, the benchmarks that both have, in turn.

    cd Testing && python -m benchmarks.before_after OLD NEW [--parts demo scan bench] [--groups volume ...] [--rounds 3]

Both are checked out into a temporary folder and run with this environment's packages. Prints Markdown.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("demo", "scan", "bench")
LAYOUTS = ("RAS", "LPS", "PIR", "ASL")
TILT_DEGREES = 20.0
NEW_EACH_TIME = {"segment_id"}
"""Columns of the demo's table that are drawn by chance."""


@dataclass(frozen=True)
class Checkout:
    """A commit's files in a folder of their own."""

    commit: str
    folder: Path

    @classmethod
    def of(cls, commit: str, parent: Path) -> Checkout:
        folder = parent / commit
        subprocess.run(["git", "clone", "--quiet", "--shared", "--no-checkout", str(ROOT), str(folder)], check=True)
        subprocess.run(["git", "-C", str(folder), "checkout", "--quiet", commit], check=True)
        return cls(commit, folder)

    def run(self, *arguments: str | Path) -> None:
        """`python -m ARGUMENTS`. Raises RuntimeError with the last of what it said."""
        paths = os.pathsep.join(str(self.folder / name) for name in ("EvanySegSlicer", "training", "Testing"))
        environment = os.environ | {"PYTHONPATH": paths, "QT_QPA_PLATFORM": "offscreen", "PYTHONUTF8": "1"}
        command = [sys.executable, "-m", *map(str, arguments)]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{self.commit}: {' '.join(command[1:])} failed:\n{(done.stdout + done.stderr)[-2000:]}")

    def demo(self) -> dict[tuple[str, ...], dict[str, str]]:
        """The demo's score table: (segment, plane, slice) -> row."""
        has_its_own = (self.folder / "EvanySegSlicer/EvanySegSlicerLib/demo/__main__.py").exists()
        out = self.folder / "demo-out"
        self.run(*(["EvanySegSlicerLib.demo"] if has_its_own else ["evanyseg", "demo"]), "--out", out)
        return {(r["segment"], r["plane"], r["index"]): r for r in rows_of(out / "scores.csv")}

    def figures(self, group: str) -> dict[str, float]:
        """The medians of a group of `dev.py bench`."""
        out = self.folder / "figures.json"
        self.run("benchmarks", group, "--quick", "--json", out)
        return {row["name"]: row["median"] for row in json.loads(out.read_text())}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def compared_demos(old: Checkout, new: Checkout) -> list[str]:
    """What differs between the two tables, a column a line."""
    before, after = old.demo(), new.demo()
    common = before.keys() & after.keys()
    columns = [c for c in next(iter(before.values())) if c in next(iter(after.values())) and c not in NEW_EACH_TIME]
    lines = [f"demo: {len(before)} and {len(after)} rows, {len(common)} in both; {len(columns)} columns in both"]
    for column in columns:
        pairs = [(before[key][column], after[key][column]) for key in common]
        different = [(a, b) for a, b in pairs if a != b]
        if different:
            lines.append(f"- {column}: {len(different)} rows differ, for example {' and '.join(different[0])}")
    return lines if len(lines) > 1 else [f"{lines[0]}: all equal, to the last digit"]


def stored_in_four_ways(folder: Path, tilt: float) -> dict[str, tuple[Path, Path, np.ndarray]]:
    """The brain template with its white matter, 2 mm: layout -> (image, mask, height in mm of its axial slices)."""
    import nibabel
    from nibabel import orientations as to
    from nilearn import datasets

    angle = np.deg2rad(tilt)
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    pair = (datasets.load_mni152_template(resolution=2), datasets.load_mni152_wm_mask(resolution=2))
    found = {}
    for layout in LAYOUTS:
        paths = []
        for name, image in zip(("image", "mask"), pair, strict=True):
            change = to.ornt_transform(to.io_orientation(image.affine), to.axcodes2ornt(layout))
            turned = image.as_reoriented(change)
            values = np.asarray(turned.dataobj, np.uint8 if name == "mask" else np.float32)
            paths.append(folder / f"{name}-{tilt:g}-{layout}.nii.gz")
            nibabel.Nifti1Image(values, turn @ turned.affine).to_filename(paths[-1])
        axis = next(i for i, letter in enumerate(layout) if letter in "SI")
        center = (np.array(turned.shape) - 1) / 2
        places = np.ones((turned.shape[axis], 4))
        places[:, :3] = center
        places[:, axis] = np.arange(turned.shape[axis])
        found[layout] = (paths[0], paths[1], (places @ (turn @ turned.affine).T)[:, 2])
    return found


def one_scan(checkout: Checkout, folder: Path, tilt: float) -> str:
    """How far apart the command line's scores and positions of the same axial slices are, for the four layouts."""
    scores, positions = [], []
    for image, mask, heights in stored_in_four_ways(folder, tilt).values():
        out = folder / "scores.csv"
        checkout.run("evanyseg", "score", image, mask, "--axis", "axial", "--out", out)
        rows = {round(heights[int(row["index"])], 2): row for row in rows_of(out)}
        scores.append({height: float(row["pred_dice"]) for height, row in rows.items()})
        positions.append({height: float(row["position_mm"]) for height, row in rows.items()})
    common = sorted(set.intersection(*map(set, scores)))
    apart = np.ptp([[s[height] for height in common] for s in scores], axis=0)
    middle = common[len(common) // 2]
    places = ", ".join(f"{p[middle]:.2f}" for p in positions)
    return f"| {checkout.commit} | {tilt:g}° | {len(common)} | {apart.max():.4f} | {apart.mean():.4f} | {places} |"


def compared_benchmarks(old: Checkout, new: Checkout, groups: list[str], rounds: int) -> list[str]:
    """Medians of `rounds` runs of either side, made in turn, and the ratio pair by pair."""
    lines = [f"| figure | {old.commit} | {new.commit} | new / old, pairs in turn |", "|---|---|---|---|"]
    for group in groups:
        pairs = [(old.figures(group), new.figures(group)) for _ in range(rounds)]
        for name in pairs[0][0].keys() & pairs[0][1].keys():
            before, after = (np.array([pair[side][name] for pair in pairs]) for side in (0, 1))
            ratio = after / before
            lines.append(
                f"| {name} | {np.median(before):.3g} | {np.median(after):.3g} "
                f"| {np.median(ratio):.2f} ({ratio.min():.2f} to {ratio.max():.2f}, {rounds}) |"
            )
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--parts", nargs="*", default=PARTS, choices=PARTS)
    parser.add_argument("--groups", nargs="*", default=[], help="of dev.py bench --quick that both have")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        old, new = (Checkout.of(commit, Path(name)) for commit in (options.old, options.new))
        if "demo" in options.parts:
            print("\n".join(compared_demos(old, new)), flush=True)
        if "scan" in options.parts:
            print("| commit | tilt | slices | scores apart, most | mean | one position in RAS, LPS, PIR, ASL |")
            print("|---|---|---|---|---|---|")
            for checkout in (old, new):
                for tilt in (0.0, TILT_DEGREES):
                    print(one_scan(checkout, Path(name), tilt), flush=True)
        if "bench" in options.parts:
            print("\n".join(compared_benchmarks(old, new, options.groups, options.rounds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
