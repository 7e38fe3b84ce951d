"""Writes the .meta files that Unity wants beside every file of a package, or checks that none is missing.

    python tests/unity/package_metas.py            # writes what is missing, removes what belongs to nothing
    python tests/unity/package_metas.py --check    # exits with 1 and names them

An installed package is read-only: Unity ignores a file there that has no .meta. The identifiers are made of the paths,
so they are the same wherever they are made. What exists is left as it is.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "unity_client"
IMPORTERS = {".cs": "MonoImporter", ".asmdef": "AssemblyDefinitionImporter", ".json": "PackageManifestImporter"}


def assets(package: Path = PACKAGE) -> list[Path]:
    """Files and folders that Unity imports; it skips names that begin with a dot or end with a tilde."""

    def hidden(path: Path) -> bool:
        return any(part.startswith(".") or part.endswith("~") for part in path.relative_to(package).parts)

    return sorted(path for path in package.rglob("*") if path.suffix != ".meta" and not hidden(path))


def meta_of(asset: Path) -> Path:
    """The .meta file of an asset."""
    return asset.with_name(asset.name + ".meta")


def text_of(asset: Path, package: Path = PACKAGE) -> str:
    """A new .meta file."""
    name = asset.relative_to(package).as_posix()
    identifier = hashlib.md5(f"com.strut.motion/{name}".encode(), usedforsecurity=False).hexdigest()
    importer = "DefaultImporter" if asset.is_dir() else IMPORTERS.get(asset.suffix, "TextScriptImporter")
    if asset.suffix == ".xml":
        importer = "TextScriptImporter"
    folder = "folderAsset: yes\n" if asset.is_dir() else ""
    return (
        f"fileFormatVersion: 2\nguid: {identifier}\n{folder}{importer}:\n  externalObjects: {{}}\n"
        "  userData: \n  assetBundleName: \n  assetBundleVariant: \n"
    )


def main() -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(description="Write the .meta files of the Unity package.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail where one is missing or left over")
    check = parser.parse_args().check
    wanted = {meta_of(asset): asset for asset in assets()}
    present = {path for path in PACKAGE.rglob("*.meta") if not any(part.endswith("~") for part in path.parts)}
    for path in sorted(present ^ wanted.keys()):
        if check:
            print(f"{'missing' if path in wanted else 'left over'}: {path.relative_to(PACKAGE)}", file=sys.stderr)
        elif path in wanted:
            path.write_text(text_of(wanted[path]), encoding="utf-8", newline="\n")
        else:
            path.unlink()
    return 1 if check and present != wanted.keys() else 0


if __name__ == "__main__":
    sys.exit(main())
