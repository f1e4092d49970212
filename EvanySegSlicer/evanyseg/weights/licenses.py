"""What a user agrees to before a file is fetched."""

from __future__ import annotations

from importlib.resources import files

from .files import WeightFile

APACHE_FILE = "apache-2.0.txt"
SUMMARIES = {
    "Apache-2.0": "Apache License 2.0: use, change and share, also commercially; keep the notices; no warranty.",
    "none": (
        "No licence was published with these weights: they may be used as far as the law of your country and their "
        "authors allow, and must not be passed on. EvanySeg never ships or fetches them; you bring the file."
    ),
}


def license_text(license: str) -> str:
    """The full text of a licence, or the statement that there is none."""
    if license == "Apache-2.0":
        return files(__package__).joinpath(APACHE_FILE).read_text(encoding="utf-8")
    return SUMMARIES[license]


def consent_text(entry: WeightFile, address: str, folder: str) -> str:
    """What is asked before a download: file, size, address, place, licence, citation."""
    size = f"{entry.size / 2**20:.0f} MB" if entry.size else "size not published"
    return "\n".join(
        (
            f"{entry.title}: {entry.filename}, {size}",
            f"from    {address}",
            f"into    {folder}",
            f"licence {SUMMARIES[entry.license]}",
            f"cite    {entry.citation}",
        )
    )
