"""`evanyseg-train class-table`: class names as vectors of a text model, for the estimator that is told the class."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def class_table(
    names: Annotated[Path, typer.Argument(help="Text file, one class name a line.")],
    model: Annotated[Path, typer.Argument(help="Folder of a sentence model in transformers' format.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The table (.safetensors).")],
    told: Annotated[str, typer.Option(help="Name and license of the model, kept in the table.")] = "",
) -> None:
    """Embed names once; the table then needs no text model."""
    from ...errors import OptionError
    from ...estimator.conditioned.embed_names import embedded, write_class_table

    try:
        lines = names.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"{names} cannot be read as a text file of names: {error}.") from None
    wanted = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not wanted:
        raise OptionError(f"{names} names no class.")
    write_class_table(out, wanted, embedded(wanted, model), told or model.name)
    typer.echo(f"{len(wanted)} names in {out}")
