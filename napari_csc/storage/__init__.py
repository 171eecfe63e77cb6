"""Bytes in and out, safely: files, arrays, numbers as text. Knows nothing of scans."""
