"""slicer.i18n of the stand-in: no translation is installed, so texts stay as they are."""

from __future__ import annotations


def tr(text: str) -> str:
    return text


def translate(context: str, text: str) -> str:
    return text
