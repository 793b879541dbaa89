"""Zips each function's program reproducibly and fails if a package is too large.

    python3 package.py target/lambda summary info
"""

import hashlib
import pathlib
import sys
import zipfile

LARGEST = 4_000_000  # bytes; larger packages have longer cold starts

folder, functions = pathlib.Path(sys.argv[1]), sys.argv[2:]
too_large = []
for name in functions:
    program = folder / name / "bootstrap"
    package = folder / f"{name}.zip"
    # A fixed date and no owner, so that the bytes depend only on the program.
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system = 3
    entry.external_attr = 0o755 << 16
    with zipfile.ZipFile(package, "w") as zipped:
        zipped.writestr(entry, program.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=9)
    size = package.stat().st_size
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    print(f"{package}  {size:>9,} bytes  sha256 {digest}")
    if size > LARGEST:
        too_large.append(name)
if too_large:
    sys.exit(f"larger than {LARGEST:,} bytes: {', '.join(too_large)}")
