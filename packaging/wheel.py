"""Writes a wheel that installs the binary as a script, so that `uvx ecs-audit` and `pip install ecs-audit` work.

    python packaging/wheel.py BINARY PLATFORM LEVEL FOLDER

PLATFORM is a platform tag such as `manylinux_2_35_x86_64`, LEVEL that of the compression. The wheel has no Python code; its
metadata is that of Cargo.toml. A build tool for wheels would compile the program a second time.
"""

import base64
import hashlib
import os
import sys
import time
import tomllib
import zipfile
from pathlib import Path

binary, platform, level, folder = sys.argv[1:]
root = Path(__file__).resolve().parents[1]
package = tomllib.loads((root / "Cargo.toml").read_text())["package"]
# The spelling of Python: 1.0.0-rc.1 is 1.0.0rc1.
version, _, candidate = package["version"].partition("-")
version += candidate.replace("alpha.", "a").replace("beta.", "b").replace("rc.", "rc")

metadata = f"""\
Metadata-Version: 2.4
Name: {package["name"]}
Version: {version}
Summary: {package["description"]}
Keywords: {",".join(package["keywords"])}
License-Expression: {package["license"]}
License-File: LICENSE
Classifier: Environment :: Console
Classifier: Programming Language :: Rust
Classifier: Topic :: System :: Monitoring
Requires-Python: >=3.8
Description-Content-Type: text/markdown

{(root / package["readme"]).read_text()}"""
wheel = f"""\
Wheel-Version: 1.0
Generator: ecs-audit
Root-Is-Purelib: false
Tag: py3-none-{platform}
"""

name = f"{package['name'].replace('-', '_')}-{version}"
files = {
    f"{name}.data/scripts/ecs-audit": Path(binary).read_bytes(),
    f"{name}.dist-info/METADATA": metadata.encode(),
    f"{name}.dist-info/WHEEL": wheel.encode(),
    f"{name}.dist-info/licenses/LICENSE": (root / "LICENSE").read_bytes(),
}
record = f"{name}.dist-info/RECORD"
lines = []
for path, content in files.items():
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    lines.append(f"{path},sha256={digest},{len(content)}\n")
files[record] = "".join([*lines, f"{record},,\n"]).encode()

written = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))[:6]
with zipfile.ZipFile(Path(folder) / f"{name}-py3-none-{platform}.whl", "w") as archive:
    for path, content in files.items():
        entry = zipfile.ZipInfo(path, written)
        entry.create_system = 3
        entry.external_attr = (0o100755 if "/scripts/" in path else 0o100644) << 16
        archive.writestr(entry, content, zipfile.ZIP_DEFLATED, int(level))
