"""Prints the software bill of materials (CycloneDX 1.5): all crates that the program is built from, with their checksums.

    python packaging/sbom.py TARGET

TARGET is a triple such as `x86_64-unknown-linux-gnu`. Dependencies of tests and benchmarks are left out; those of build scripts
and macros are not, because their code decides what is in the program. The same Cargo.lock gives the same bytes.
"""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

root = Path(__file__).resolve().parents[1]
target = sys.argv[1]


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments, "--locked"], cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout


metadata = json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", target))
# `cargo metadata` lists optional crates that are not built, too. Each line here is like `syn v2.0.1 (proc-macro)`.
tree = cargo("tree", "--edges", "normal,build", "--target", target, "--prefix", "none", "--format", "{p}")
built = {tuple(line.split()[:2]) for line in tree.splitlines()}
locked = tomllib.loads((root / "Cargo.lock").read_text())["package"]
checksums = {(package["name"], package["version"]): package.get("checksum") for package in locked}
packages = {package["id"]: package for package in metadata["packages"]}
program = metadata["resolve"]["root"]
included = {id for id, package in packages.items() if (package["name"], f"v{package['version']}") in built}
in_order = sorted(included, key=lambda id: (packages[id]["name"], packages[id]["version"]))
# Of each crate, those that it is built from.
built_from = {
    node["id"]: {
        needed["pkg"]
        for needed in node["deps"]
        if needed["pkg"] in included and any(kind["kind"] != "dev" for kind in needed["dep_kinds"])
    }
    for node in metadata["resolve"]["nodes"]
}


def url(package):
    return f"pkg:cargo/{package['name']}@{package['version'].replace('+', '%2B')}"


def component(id):
    package = packages[id]
    found = {
        "type": "application" if id == program else "library",
        "bom-ref": url(package),
        "name": package["name"],
        "version": package["version"],
        "purl": url(package),
    }
    if checksum := checksums[package["name"], package["version"]]:
        found["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package["license"]:
        # A slash is how old crates spell `OR`.
        found["licenses"] = [{"expression": package["license"].replace(" / ", " OR ").replace("/", " OR ")}]
    return found


document = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "version": 1,
    "metadata": {"component": component(program)},
    "components": [component(id) for id in in_order if id != program],
    "dependencies": [
        {"ref": url(packages[id]), "dependsOn": sorted(url(packages[needed]) for needed in built_from[id])} for id in in_order
    ],
}
print(json.dumps(document, indent=1))
