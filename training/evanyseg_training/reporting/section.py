"""A page of one experiment as a section of RESULTS.md."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from evanyseg.io.write import write_text


def write_section(results: Path, page: Path, beside: str) -> None:
    """The page (its first line is the section's title) as a section of RESULTS.md, in the place of an earlier one; the
    plots in the page's folder go to results/`beside`, the rows themselves do not."""
    text = page.read_text(encoding="utf-8")
    title = text.partition("\n")[0]
    plots = results.parent / "results" / beside
    for file in sorted(page.parent.glob("*.png")):
        plots.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, plots / file.name)
    section = re.sub(r"\]\((\w+\.png)\)", rf"](results/{beside}/\1)", text)
    there = results.read_text(encoding="utf-8") if results.is_file() else "# Results\n"
    before, found, after = there.partition(title)
    rest = after.partition("\n## ")
    tail = f"\n{rest[1].lstrip()}{rest[2]}" if found and rest[1] else ""
    write_text(results, f"{before.rstrip()}\n\n{section.rstrip()}\n{tail}")
