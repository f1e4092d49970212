"""DICOM pixels: every encoding gives the stored values, what is cut or no image is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.uid import JPEGLSLossless, RLELossless

from engine import dicom_files, phantom
from evanyseg.errors import ImageError
from evanyseg.io.read import read_image

PIXELS = (phantom.volume((1, 40, 48)).array[0] * 10 - 300).astype(np.int16)


def cut_points(size: int, header: int) -> list[int]:
    return [header + int((size - header) * share) for share in (0.0, 0.3, 0.7, 0.95)]


def one(path: Path, syntax: str | None = None, pixels: np.ndarray = PIXELS, bits: int = 16, **values: object) -> Path:
    dicom_files.write_slice(path, pixels, bits, **values)
    if syntax is not None:
        made = pydicom.dcmread(path)
        made.compress(syntax, generate_instance_uid=False)
        made.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("syntax", [None, RLELossless, JPEGLSLossless])
def test_lossless_encodings_give_the_stored_values_and_cut_ones_are_refused(tmp_path: Path, syntax: str | None) -> None:
    path = one(tmp_path / "a.dcm", syntax)
    assert np.array_equal(read_image(path).array[0], PIXELS)
    whole = path.read_bytes()
    start = whole.index(b"\xe0\x7f\x10\x00")
    for size in cut_points(len(whole), start + 16):
        path.write_bytes(whole[:size])
        with pytest.raises(ImageError, match=r"a\.dcm"):
            read_image(path)


@pytest.mark.parametrize("pixels", [PIXELS, PIXELS.astype(np.uint16) & 4095])
@pytest.mark.parametrize(("compressor", "syntax"), [("JPEG", "JPEG Lossless"), ("JPEG2000", "JPEG 2000")])
def test_what_gdcm_compressed_comes_back(tmp_path: Path, pixels: np.ndarray, compressor: str, syntax: str) -> None:
    path = tmp_path / "j.dcm"
    writer = sitk.ImageFileWriter()
    writer.SetImageIO("GDCMImageIO")
    writer.SetFileName(str(path))
    writer.UseCompressionOn()
    writer.SetCompressor(compressor)
    writer.Execute(sitk.GetImageFromArray(pixels[None]))
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID.name.startswith(syntax)
    assert np.array_equal(read_image(path).array[0], pixels)
    header = pydicom.dcmread(path)
    header.RescaleSlope, header.RescaleIntercept = 2, -1000
    header.save_as(path)
    assert np.array_equal(read_image(path).array[0], pixels.astype(int) * 2 - 1000)
    whole = path.read_bytes()
    for size in cut_points(len(whole), whole.index(b"\xe0\x7f\x10\x00") + 60):
        path.write_bytes(whole[:size])
        with pytest.raises(ImageError, match=r"j\.dcm"):
            read_image(path)


@pytest.mark.parametrize(("bits", "signed"), [(8, False), (12, False), (12, True), (16, False), (16, True)])
def test_monochrome1_is_the_negative_of_monochrome2(tmp_path: Path, bits: int, signed: bool) -> None:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    seen = np.linspace(low, high, 12 * 16).astype(int).reshape(12, 16)
    kind = np.int16 if signed else np.uint16
    for name, stored in {"MONOCHROME1": low + high - seen, "MONOCHROME2": seen}.items():
        path = one(tmp_path / f"{name}.dcm", None, stored.astype(kind), bits, PhotometricInterpretation=name)
        assert np.array_equal(read_image(path).array[0], seen), name


def test_padding_of_a_negative_is_turned_with_it(tmp_path: Path) -> None:
    pixels = np.full((12, 16), 3000, np.uint16)
    pixels[:, :4] = 4095
    path = one(tmp_path / "m.dcm", None, pixels, 12, PhotometricInterpretation="MONOCHROME1", PixelPaddingValue=4095)
    got = read_image(path)
    assert got.source.padding == (0, 0)
    assert (got.array[0][:, :4] == 0).all()
    assert (got.array[0][:, 4:] == 1095).all()


def test_bits_that_are_not_stored_are_no_part_of_a_value(tmp_path: Path) -> None:
    pixels = np.arange(12 * 16, dtype=np.uint16).reshape(12, 16) * 20
    overlaid = pixels.copy()
    overlaid[3:6] |= 0x8000  # an overlay plane in bit 15, as scanners once wrote
    path = one(tmp_path / "o.dcm", None, overlaid, 12)
    assert np.array_equal(read_image(path).array[0], pixels)


def test_a_palette_gives_its_colors(tmp_path: Path) -> None:
    index = np.arange(64, dtype=np.uint8).reshape(8, 8) % 4
    table = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [10, 20, 255]], np.uint16)
    values: dict[str, object] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for n, color in enumerate(("Red", "Green", "Blue")):
        values[f"{color}PaletteColorLookupTableDescriptor"] = [4, 0, 16]
        values[f"{color}PaletteColorLookupTableData"] = (table[:, n] * 257).astype("<u2").tobytes()
    got = read_image(one(tmp_path / "p.dcm", None, index, 8, **values))
    assert np.array_equal(got.array[0], table.astype(np.uint8)[index])


@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette_of_8_bits_in_words_is_not_black(tmp_path: Path, bits: int) -> None:
    index = np.arange(64, dtype=np.uint8).reshape(8, 8) % 4
    values: dict[str, object] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for color, entries in (("Red", [0, 255, 9, 7]), ("Green", [0, 1, 200, 7]), ("Blue", [0, 0, 30, 255])):
        values[f"{color}PaletteColorLookupTableDescriptor"] = [4, 0, bits]
        values[f"{color}PaletteColorLookupTableData"] = np.array(entries, "<u2").tobytes()
    got = read_image(one(tmp_path / "p.dcm", None, index, 8, **values)).array[0]
    wanted = np.array([[0, 0, 0], [255, 1, 0], [9, 200, 30], [7, 7, 255]], np.uint8)
    assert np.array_equal(got, wanted[index])


@pytest.mark.parametrize("signed", [False, True])
def test_values_that_lie_in_the_upper_bits_are_brought_down(tmp_path: Path, signed: bool) -> None:
    seen = np.linspace(-2048 if signed else 0, 2047 if signed else 4095, 12 * 16).astype(int).reshape(12, 16)
    for part in (seen, np.clip(seen, -100, 100)):
        path = one(tmp_path / "h.dcm", None, (part << 4).astype(np.int16 if signed else np.uint16), 16)
        header = pydicom.dcmread(path)
        header.BitsStored, header.HighBit = 12, 15
        header.save_as(path)
        assert np.array_equal(read_image(path).array[0], part)


def with_table(path: Path, stored: np.ndarray, table: np.ndarray, first: int, as_bytes: bool, **values: object) -> Path:
    item = pydicom.Dataset()
    item.add_new("LUTDescriptor", "US", [len(table), first, 12])
    item.add_new("LUTData", "OW" if as_bytes else "US", table.astype("<u2").tobytes() if as_bytes else table.tolist())
    return one(path, None, stored, 12, ModalityLUTSequence=[item], Modality="CR", **values)


@pytest.mark.parametrize("as_bytes", [False, True])
@pytest.mark.parametrize("name", ["MONOCHROME1", "MONOCHROME2"])
def test_a_table_of_12_bits_gives_its_values(tmp_path: Path, as_bytes: bool, name: str) -> None:
    stored = np.arange(12 * 16).reshape(12, 16) * 20
    table = (np.arange(3000) ** 2 // 2200).astype(np.uint16)
    path = with_table(
        tmp_path / "t.dcm", stored.astype(np.uint16), table, 100, as_bytes, PhotometricInterpretation=name
    )
    values = table[np.clip(stored - 100, 0, 2999)].astype(int)
    assert np.array_equal(read_image(path).array[0], table.max() - values if name == "MONOCHROME1" else values)
    with_table(path, stored.astype(np.uint16), table[:2999], 100, as_bytes, PhotometricInterpretation=name)
    made = pydicom.dcmread(path)
    made.ModalityLUTSequence[0].LUTDescriptor[0] = 3500
    made.save_as(path)
    if not as_bytes:
        with pytest.raises(ImageError, match=r"t\.dcm .*its lookup table tells of 3500 entries and has 2999"):
            read_image(path)


def test_a_radiograph_has_its_pixel_size_and_no_place(tmp_path: Path) -> None:
    place = {"ImagePositionPatient": None, "ImageOrientationPatient": None, "PixelSpacing": None}
    got = read_image(one(tmp_path / "r.dcm", Modality="DX", ImagerPixelSpacing=[0.2, 0.1], **place))
    assert (got.planar, got.has_geometry, got.spacing) == (True, False, (0.1, 0.2, 1.0))
    assert read_image(one(tmp_path / "s.dcm", Modality="OT", **place)).spacing == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("uid", "modality", "what"),
    [
        ("1.2.840.10008.5.1.4.1.1.88.11", "SR", "a structured report"),
        ("1.2.840.10008.5.1.4.1.1.88.33", "SR", "a structured report"),
        ("1.2.840.10008.5.1.4.1.1.88.59", "KO", "a key object selection"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "DOC", "a PDF document"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "PR", "a presentation state"),
        ("1.2.840.10008.5.1.4.1.1.481.5", "RTPLAN", "a treatment plan"),
        ("1.2.840.10008.5.1.4.1.1.481.2", "RTDOSE", "a dose distribution"),
        ("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT", "a structure set"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "SEG", "a segmentation (DICOM SEG)"),
        ("1.2.840.10008.5.1.4.1.1.66", "MR", "raw data"),
        ("1.2.840.10008.5.1.4.1.1.9.1.1", "ECG", "a waveform"),
        ("1.2.840.10008.1.3.10", "", "a DICOMDIR"),
        ("1.2.3.4", "OT", "a DICOM object without pixels"),
    ],
)
def test_what_is_no_image_is_named(evanyseg, tmp_path: Path, uid: str, modality: str, what: str) -> None:
    path = tmp_path / "x.dcm"
    pydicom.dcmwrite(path, dicom_files.dataset(uid, Modality=modality), enforce_file_format=True)
    with pytest.raises(ImageError) as caught:
        read_image(path)
    assert f"x.dcm cannot be read as an image: it is {what}" in str(caught.value)
    assert "; " in str(caught.value)
    code, _, err = evanyseg("score", path, path, "--estimator", "nowhere.pth")
    assert (code, what in " ".join(err.split())) == (2, True)


def test_a_report_given_as_a_mask_is_named_too(evanyseg, picture, tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    pydicom.dcmwrite(path, dicom_files.dataset("1.2.840.10008.5.1.4.1.1.88.11", Modality="SR"),
                     enforce_file_format=True)  # fmt: skip
    code, _, err = evanyseg("score", picture[0], path, "--estimator", "nowhere.pth")
    assert (code, "a structured report (SR)" in " ".join(err.split())) == (2, True)


def test_a_file_without_preamble_is_read_and_one_that_lost_its_encoding_is_not(tmp_path: Path) -> None:
    path = one(tmp_path / "a.dcm")
    header = pydicom.dcmread(path)
    bare = pydicom.Dataset(header)
    for implicit in (True, False):
        bare.save_as(tmp_path / "bare.dcm", implicit_vr=implicit, little_endian=True, enforce_file_format=False)
        assert (tmp_path / "bare.dcm").read_bytes()[128:132] != b"DICM"
        assert np.array_equal(read_image(tmp_path / "bare.dcm").array[0], PIXELS)
    data = path.read_bytes()
    at = data.index(b"\x02\x00\x10\x00UI")
    path.write_bytes(data[:at] + b"\x02\x00\x11\x00UI" + data[at + 6 :])
    with pytest.raises(ImageError, match="does not say how the pixels are encoded"):
        read_image(path)
