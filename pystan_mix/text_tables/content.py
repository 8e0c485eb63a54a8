"""What a file holds: read, unpacked and decoded, or refused with what it is."""

import codecs
import gzip
import sys
import zlib
from pathlib import Path

from pystan_mix.errors import DataError

_GZIP = b"\x1f\x8b"
# how files begin that are no text, and what is to be done
_OTHERS = {
    b"PK\x03\x04": "a spreadsheet or a zip archive. Save the sheet as CSV, or unzip it",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook. Save the sheet as CSV",
    b"BZh": "packed by bzip2. Unpack it: bunzip2",
    b"\xfd7zXZ": "packed by xz. Unpack it: unxz",
    b"\x28\xb5\x2f\xfd": "packed by Zstandard. Unpack it: unzstd",
    b"\x93NUMPY": "NumPy's. Write it as text: numpy.savetxt('y.txt', numpy.load('y.npy'))",
    b"\x89HDF": "HDF5. Write one of its variables as text",
    b"ARROW1": "a Feather file. Write it as Parquet or CSV",
}


def file_content(path: str | Path, file: str) -> bytes:
    """Return what a file holds, unpacked, or say why it cannot be had."""
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else Path(path).read_bytes()
    except FileNotFoundError:
        raise DataError(f"There is no file {file}. Check its name and folder.") from None
    except IsADirectoryError:
        raise DataError(f"{file} is a folder; name a file in it.") from None
    except PermissionError:
        raise DataError(f"{file} cannot be read: permission denied. Change its mode.") from None
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}.") from None
    if content.startswith(_GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{file} is no whole gzip file ({error}). Pack it again.") from None
    for beginning, what in _OTHERS.items():
        if content.startswith(beginning):
            raise DataError(f"{file} is no text; it is {what}.")
    return content


def decoded(content: bytes, file: str) -> str:
    """Return text, or say which encoding it may have."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        raise DataError(
            f"{file} is not UTF-8 text (byte {error.start} is 0x{content[error.start]:02x}). "
            f"Convert it, for example: iconv -f {'utf-16' if utf16 else 'latin1'} -t utf-8 "
            f"{Path(file).name}"
        ) from None
