"""Builds what the plugin links: the core with its transport, gRPC and protobuf, as one static library.

    python build.py --platform Linux --engine /path/to/UE_5.4
    python build.py --platform Win64 --engine "C:/Program Files/Epic Games/UE_5.4"   (in a developer command prompt)
    python build.py --platform Mac --engine "/Users/Shared/Epic Games/UE_5.4"
    python build.py --platform Linux --engine /path/to/UE_5.4 --dry-run              only prints the commands

Needs git, CMake 3.22 or later, ninja, and the engine with its sources of third-party libraries (an installed build has
them). gRPC is fetched at a fixed tag and built for the engine: on Linux with the engine's own clang and its libc++ (a
library for another C++ library does not link), everywhere against the engine's OpenSSL and zlib. Then the core is built
against it, and all of it becomes one archive in which only the core's own symbols can be seen: protobuf of another
plugin, or of the engine, does not meet this one's.

The result, `include/strut` and `lib/<platform>`, is for StrutGrpc.Build.cs and is not kept in version control.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

GRPC_TAG = "v1.60.2"
GRPC_URL = "https://github.com/grpc/grpc"
HERE = Path(__file__).resolve().parent
MODULES = ("third_party/abseil-cpp", "third_party/cares/cares", "third_party/protobuf", "third_party/re2")
# What the core says to the plugin: its namespace, as the compilers write it.
VISIBLE = {"Linux": "_ZN*5strut*", "Mac": "__ZN*5strut*"}


class BuildError(Exception):
    """What is missing on this machine, and where it was looked for."""


@dataclass
class Engine:
    """The engine's compilers and libraries for a platform."""

    root: Path
    platform: str
    options: list[str] = field(default_factory=list)
    """For CMake: compilers, flags, OpenSSL and zlib."""

    @property
    def third_party(self) -> Path:
        """The folder of the engine's third-party libraries."""
        return self.root / "Engine" / "Source" / "ThirdParty"

    def newest(self, library: str, below: str) -> Path:
        """The newest version of a library that has a folder inside it; its name is its version."""
        found = sorted(path for path in (self.third_party / library).glob("*") if (path / below).is_dir())
        if not found:
            raise BuildError(f"no {library} with {below} in {self.third_party / library}")
        return found[-1]


def linux(engine: Engine) -> None:
    """The engine's clang, its sysroot and its libc++."""
    target = "x86_64-unknown-linux-gnu"
    chain = os.environ.get("LINUX_MULTIARCH_ROOT")
    sdk = engine.root / "Engine" / "Extras" / "ThirdPartyNotUE" / "SDKs" / "HostLinux" / "Linux_x64"
    folders = [Path(chain) / target] if chain else sorted(sdk.glob(f"*/{target}"))
    if not folders:
        raise BuildError(f"no toolchain in {sdk}; LINUX_MULTIARCH_ROOT may name another")
    root = folders[-1]
    libcxx = engine.third_party / "Unix" / "LibCxx"
    ssl = engine.newest("OpenSSL", f"lib/Unix/{target}")
    zlib = engine.newest("zlib", f"lib/Unix/{target}")
    flags = f"-fPIC -fvisibility=hidden -fvisibility-inlines-hidden -nostdinc++ -isystem {libcxx}/include/c++/v1"
    engine.options += [
        f"-DCMAKE_C_COMPILER={root}/bin/clang",
        f"-DCMAKE_CXX_COMPILER={root}/bin/clang++",
        f"-DCMAKE_SYSROOT={root}",
        f"-DCMAKE_CXX_FLAGS={flags}",
        "-DCMAKE_C_FLAGS=-fPIC -fvisibility=hidden",
        f"-DCMAKE_EXE_LINKER_FLAGS=-nodefaultlibs -L{libcxx}/lib/Unix/{target} -lc++ -lc++abi -lm -lc -lgcc_s -lgcc",
        f"-DOPENSSL_INCLUDE_DIR={ssl}/include/Unix/{target}",
        f"-DOPENSSL_SSL_LIBRARY={ssl}/lib/Unix/{target}/libssl.a",
        f"-DOPENSSL_CRYPTO_LIBRARY={ssl}/lib/Unix/{target}/libcrypto.a",
        f"-DZLIB_INCLUDE_DIR={zlib}/include/Unix/{target}",
        f"-DZLIB_LIBRARY={zlib}/lib/Unix/{target}/Release/libz.a",
    ]


def mac(engine: Engine) -> None:
    """Xcode's clang, both processors."""
    ssl = engine.newest("OpenSSL", "lib/Mac")
    engine.options += [
        "-DCMAKE_OSX_ARCHITECTURES=arm64;x86_64",
        "-DCMAKE_OSX_DEPLOYMENT_TARGET=12.0",
        "-DCMAKE_CXX_FLAGS=-fvisibility=hidden -fvisibility-inlines-hidden",
        "-DCMAKE_C_FLAGS=-fvisibility=hidden",
        f"-DOPENSSL_INCLUDE_DIR={ssl}/include/Mac",
        f"-DOPENSSL_SSL_LIBRARY={ssl}/lib/Mac/libssl.a",
        f"-DOPENSSL_CRYPTO_LIBRARY={ssl}/lib/Mac/libcrypto.a",
    ]


def windows(engine: Engine) -> None:
    """Visual Studio's compiler, with the runtime that the engine has."""
    ssl = engine.newest("OpenSSL", "lib/Win64/VS2015")
    zlib = engine.newest("zlib", "lib/Win64")
    engine.options += [
        "-DCMAKE_MSVC_RUNTIME_LIBRARY=MultiThreadedDLL",
        "-DCMAKE_C_COMPILER=cl",
        "-DCMAKE_CXX_COMPILER=cl",
        f"-DOPENSSL_INCLUDE_DIR={ssl}/include/Win64/VS2015",
        f"-DOPENSSL_SSL_LIBRARY={ssl}/lib/Win64/VS2015/Release/libssl.lib",
        f"-DOPENSSL_CRYPTO_LIBRARY={ssl}/lib/Win64/VS2015/Release/libcrypto.lib",
        f"-DZLIB_INCLUDE_DIR={zlib}/include",
        f"-DZLIB_LIBRARY={zlib}/lib/Win64/Release/zlibstatic.lib",
    ]


PLATFORMS = {"Linux": linux, "Mac": mac, "Win64": windows}


class Build:
    """The steps, each a command.

    Args:
        engine: for which platform.
        core: folder of the core's CMakeLists.txt.
        work: folder for sources and intermediate files.
        dry_run: only print the commands.
    """

    def __init__(self, engine: Engine, core: Path, work: Path, dry_run: bool) -> None:
        self._engine = engine
        self._core = core
        self._work = work
        self._dry_run = dry_run
        self._prefix = work / "installed"

    def run(self, *command: str | Path, environment: dict[str, str] | None = None) -> None:
        """Runs a command, or prints it alone."""
        print("$", shlex.join(map(str, command)), flush=True)
        if not self._dry_run:
            subprocess.run([str(part) for part in command], check=True, env={**os.environ, **(environment or {})})

    def build(self) -> None:
        """All of it."""
        self._fetch()
        self._grpc()
        self._strut()
        self._join()

    def _fetch(self) -> None:
        source = self._work / "grpc"
        if not source.is_dir():
            self.run("git", "clone", "--depth", "1", "--branch", GRPC_TAG, GRPC_URL, source)
        self.run("git", "-C", source, "submodule", "update", "--init", "--depth", "1", "--recursive", *MODULES)

    def _cmake(self, source: Path, build: Path, *options: str, environment: dict[str, str] | None = None) -> None:
        common = ("-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_STANDARD=17")
        prefix = f"-DCMAKE_INSTALL_PREFIX={self._prefix}"
        self.run(
            "cmake",
            "-S",
            source,
            "-B",
            build,
            *common,
            prefix,
            *self._engine.options,
            *options,
            environment=environment,
        )
        self.run("cmake", "--build", build)

    def _grpc(self) -> None:
        build = self._work / "grpc-build"
        plugins = [
            f"-DgRPC_BUILD_GRPC_{name}_PLUGIN=OFF"
            for name in ("CSHARP", "NODE", "OBJECTIVE_C", "PHP", "PYTHON", "RUBY")
        ]
        self._cmake(
            self._work / "grpc",
            build,
            "-DABSL_ENABLE_INSTALL=ON",
            "-DABSL_PROPAGATE_CXX_STD=ON",
            "-DgRPC_BUILD_TESTS=OFF",
            "-DgRPC_INSTALL=ON",
            "-DgRPC_SSL_PROVIDER=package",
            "-DgRPC_ZLIB_PROVIDER=package",
            "-Dprotobuf_BUILD_TESTS=OFF",
            *plugins,
        )
        self.run("cmake", "--install", build)

    def _strut(self) -> None:
        packages = os.pathsep.join(str(self._prefix / name / "pkgconfig") for name in ("lib", "lib64"))
        self._cmake(
            self._core,
            self._work / "core-build",
            "-DSTRUT_TESTS=OFF",
            "-DSTRUT_LOAD=OFF",
            f"-DCMAKE_PREFIX_PATH={self._prefix}",
            environment={"PKG_CONFIG_PATH": packages},
        )

    def _archives(self) -> list[Path]:
        built = self._work / "core-build"
        name = "strut_{}.lib" if self._engine.platform == "Win64" else "libstrut_{}.a"
        own = [built / name.format(part) for part in ("core", "grpc", "stubs")]
        pattern = "*.lib" if self._engine.platform == "Win64" else "*.a"
        libraries = sorted(path for folder in ("lib", "lib64") for path in (self._prefix / folder).glob(pattern))
        # Of protobuf's and gRPC's libraries those for compilers are no use in a game.
        return own + [
            path for path in libraries if not any(word in path.name for word in ("protoc", "_plugin_support"))
        ]

    def _join(self) -> None:
        """One archive; in it everything but the core's own symbols is local."""
        folder = HERE / "lib" / self._engine.platform
        if not self._dry_run:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copytree(self._core / "include" / "strut", HERE / "include" / "strut", dirs_exist_ok=True)
        archives = self._archives()
        whole = self._work / "strut.o"
        if self._engine.platform == "Win64":
            # Nothing of a static library leaves the module's DLL.
            self.run("lib", "/NOLOGO", f"/OUT:{folder / 'strut.lib'}", *archives)
            return
        if self._engine.platform == "Mac":
            shown = ("-Wl,-exported_symbol," + VISIBLE["Mac"],)
            for processor in ("arm64", "x86_64"):
                part = self._work / f"strut-{processor}.o"
                self.run(
                    "clang++", "-arch", processor, "-nostdlib", "-r", *shown, "-Wl,-all_load", *archives, "-o", part
                )
            parts = [self._work / f"strut-{processor}.o" for processor in ("arm64", "x86_64")]
            self.run("lipo", "-create", *parts, "-output", whole)
        else:
            linker = next(option.split("=", 1)[1] for option in self._engine.options if "CXX_COMPILER" in option)
            group: tuple[str | Path, ...] = ("-Wl,--whole-archive", *archives, "-Wl,--no-whole-archive")
            self.run(linker, "-fuse-ld=lld", "-nostdlib", "-r", *group, "-o", whole)
            objcopy = Path(linker).parent / "llvm-objcopy"
            self.run(objcopy, "--wildcard", f"--keep-global-symbol={VISIBLE['Linux']}", whole)
        self.run("ar", "rcs", folder / "libstrut.a", whole)


def find_core(given: Path | None) -> Path:
    """The folder of the core's sources: given, or beside the plugin as in Strut's repository."""
    core = given or HERE.parents[3] / "core"
    if not (core / "CMakeLists.txt").is_file():
        raise BuildError(
            f"no CMakeLists.txt in {core}; --core names the folder unreal_client/core of Strut's repository"
        )
    return core


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--platform", choices=sorted(PLATFORMS), required=True, help="for which platform")
    parser.add_argument("--engine", type=Path, required=True, help="folder of the engine, which has the folder Engine")
    parser.add_argument("--core", type=Path, help="folder of the core's sources (default: as in Strut's repository)")
    parser.add_argument("--work", type=Path, default=HERE / "build", help="folder for sources and intermediate files")
    parser.add_argument("--dry-run", action="store_true", help="print the commands and do nothing")
    options = parser.parse_args(arguments)
    engine = Engine(options.engine.resolve(), options.platform)
    try:
        core = find_core(options.core)
        PLATFORMS[options.platform](engine)
        Build(engine, core, options.work / options.platform, options.dry_run).build()
    except (BuildError, subprocess.CalledProcessError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
