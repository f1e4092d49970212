"""`evanyseg models`: which there are, what they may be used for, and how their files come and go."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from .. import models
from ..errors import CancelledError, EvanySegError, OutputError, UnknownModelError, WeightsError
from ..models.importing import Imported, import_file, import_folder
from ..weights.download import address, download
from ..weights.files import WeightFile
from ..weights.licenses import consent_text, license_text
from ..weights.settings import DownloadSettings
from ..weights.store import WeightStore
from .support.console import out, print_json, progress_bar, say, say_error, shown, table

app = typer.Typer(
    help="Segmenters and quality estimators, and their weight files: list, download, import, check.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Agree without being asked.")]


def _entry(name: str) -> WeightFile:
    known = models.weight_files()
    if name in known:
        return known[name]
    if any(spec.name == name for _, spec in models.specs_by_kind()):
        raise WeightsError(f"'{name}' ships with EvanySeg: there is no file to fetch, check or delete.")
    raise UnknownModelError(f"Unknown model '{name}'. Known: {', '.join(known)}.")


def _size(size: int | None) -> str:
    return f"{size / 2**20:,.0f} MB" if size else "?"


def _state(entry: WeightFile | None, store: WeightStore) -> str:
    if entry is None:
        return "built in"
    if store.has(entry):
        return "here"
    return "to download" if entry.url else "bring the file"


@app.command("list")
def list_models(json_: JsonOption = False) -> None:
    """Every segmenter and estimator, and whether its weights are on this computer."""
    store = WeightStore.default()
    rows = []
    for kind, spec in models.specs_by_kind():
        rows.append((kind, spec, spec.weights, _state(spec.weights, store)))
    if json_:
        print_json(
            {
                "models": [
                    {
                        "kind": kind,
                        "name": spec.name,
                        "title": spec.title,
                        "weights": state,
                        "bytes": entry.size if entry else None,
                        "licence": spec.license,
                        "note": spec.note,
                    }
                    for kind, spec, entry, state in rows
                ]
            }
        )
        return
    for kind in ("segmenter", "estimator"):
        out().print(
            table(
                f"{kind.capitalize()}s",
                ("name", "weights", ">size", "licence", "what it is"),
                [
                    (spec.name, state, _size(entry.size) if entry else "", spec.license, shown(spec.note))
                    for found, spec, entry, state in rows
                    if found == kind
                ],
            )
        )


@app.command()
def info(
    name: Annotated[str, typer.Argument(help="Name of a model or of its weight file.")],
    license: Annotated[bool, typer.Option("--licence", help="Print the full licence text as well.")] = False,
) -> None:
    """What a model is, where its file comes from, its licence, how to cite it."""
    specs = [(kind, spec) for kind, spec in models.specs_by_kind() if spec.name == name]
    if not specs:
        _entry(name)
    entry, store = models.weight_files().get(name), WeightStore.default()
    lines = [f"{kind} {spec.name}: {spec.title}. {spec.note}" for kind, spec in specs]
    if entry is None:
        lines.append(f"licence  {specs[0][1].license}")
    else:
        lines += [
            f"file     {entry.filename} ({_size(entry.size)}), {_state(entry, store)}",
            f"from     {entry.url or entry.page}",
            f"page     {entry.page}",
            f"sha256   {entry.sha256 or 'not published: remembered on first use'}",
            f"licence  {entry.license}",
            f"cite     {entry.citation}",
        ]
        if store.has(entry):
            lines.append(f"path     {store.path(entry)}")
        lines += [f"also     {e.filename}: {e.title}, {_state(e, store)}" for _, s in specs for e in s.companions]
        if license:
            lines += ["", license_text(entry.license)]
    for line in lines:
        typer.echo(line)


@app.command("download")
def download_models(
    names: Annotated[list[str], typer.Argument(help="Names of models.")],
    yes: YesOption = False,
    mirror: Annotated[
        str | None, typer.Option("--mirror", metavar="URL", help="Folder that holds the files. [env: EVANYSEG_MIRROR]")
    ] = None,
    proxy: Annotated[str | None, typer.Option("--proxy", metavar="URL", help="Default: the system's.")] = None,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds without a byte before a new attempt.")] = 30.0,
) -> None:
    """Fetch weight files; interrupted downloads go on where they stopped."""
    settings = replace(DownloadSettings.from_environment(), timeout=timeout)
    if mirror is not None:
        settings = replace(settings, mirror=mirror)
    if proxy is not None:
        settings = replace(settings, proxy=proxy)
    store = WeightStore.default()
    entries = [_entry(name) for name in names]
    addresses = [address(entry, settings) for entry in entries]  # said before anything is fetched
    for entry, url in zip(entries, addresses, strict=True):
        # asked before the bar is drawn, which would overwrite the question
        if not store.has(entry) and not _agree(entry, url, store, yes):
            raise CancelledError(f"{entry.title} was not downloaded: not agreed to.")
        with progress_bar(f"Downloading {entry.title}") as progress:
            path = download(entry, store, lambda *_: True, settings, progress)
        typer.echo(str(path))


def _agree(entry: WeightFile, url: str, store: WeightStore, yes: bool) -> bool:
    say(shown(consent_text(entry, url, str(store.folder))))
    if yes:
        return True
    if not typer.get_text_stream("stdin").isatty():
        raise WeightsError("Nobody is there to agree to the licence: add --yes if you do.")
    return typer.confirm("Agree and download?", default=False, err=True)


@app.command("import")
def import_weights(
    source: Annotated[Path, typer.Argument(metavar="FILE|FOLDER", help="A weight file, or a folder with several.")],
    as_name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="What it is, where the file alone cannot tell.")
    ] = None,
) -> None:
    """Bring files that you have: they are recognised and copied into the weights folder."""
    store = WeightStore.default()
    if not source.is_dir():
        with progress_bar(f"Importing {source.name}") as progress:
            found = import_file(source, store, as_name, progress)
        _tell(source, found)
        return
    if as_name is not None:
        raise WeightsError("--as names one file; import the files of a folder one by one to use it.")
    with progress_bar(f"Importing {source}") as progress:
        results = import_folder(source, store, progress)
    if not results:
        raise WeightsError(f"There are no weight files in {source}.")
    for path, result in results:
        _tell(path, result)
    if any(isinstance(result, EvanySegError) for _, result in results):
        raise typer.Exit(1)


def _tell(source: Path, result: Imported | EvanySegError) -> None:
    if isinstance(result, EvanySegError):
        say_error(str(result))
        return
    typer.echo(f"{source.name} -> {result.entry.name} ({result.path})")
    if result.note:
        say(f"[yellow]Note:[/] {shown(result.note)}")


@app.command()
def verify(names: Annotated[list[str] | None, typer.Argument(help="Default: every file that is here.")] = None) -> None:
    """Hash the files again and compare; exit code 1 when one changed or differs from the published hash."""
    store = WeightStore.default()
    entries = [_entry(name) for name in names] if names else store.present(models.weight_files().values())
    if not entries:
        typer.echo(f"No weight files in {store.folder}.")
        return
    doubtful = False
    for entry in entries:
        if not store.has(entry):
            raise WeightsError(f"{entry.filename} is not in {store.folder}; there is nothing to check.")
        with progress_bar(f"Checking {entry.filename}") as progress:
            verdict = store.verify(entry, progress)
        doubtful |= verdict.state in {"changed", "differs"}
        if verdict.state == "new":
            store.remember(entry, verdict.sha256, "found in the folder")
        typer.echo(f"{verdict.state:8} {entry.name:24} {verdict.note}")
    if doubtful:
        raise typer.Exit(1)


@app.command()
def clear(
    names: Annotated[list[str] | None, typer.Argument(help="Default: all of them.")] = None, yes: YesOption = False
) -> None:
    """Delete downloaded and imported files; the originals of imported ones stay where they are."""
    store = WeightStore.default()
    entries = [_entry(name) for name in names] if names else list(models.weight_files().values())
    if not yes:
        if not typer.get_text_stream("stdin").isatty():
            raise OutputError("Nobody is there to agree to the deletion: add --yes if you do.")
        which = ", ".join(e.filename for e in entries) if names else f"every weight file in {store.folder}"
        typer.confirm(f"Delete {which}?", abort=True, err=True)
    typer.echo(f"{store.clear(entries) / 2**20:.0f} MB freed")


@app.command()
def where() -> None:
    """The folder of the weight files (change it with EVANYSEG_CACHE)."""
    typer.echo(str(WeightStore.default().folder))
