"""The commands of `evanyseg`, one file each; imported by `evanyseg.cli.main` only, for they need typer and rich."""
