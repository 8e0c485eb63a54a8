"""Small Stan programs that include from two folders, for tests of what is compiled when."""

from pathlib import Path

from pystan_mix.cmdstan.program import Program

MAIN = """\
functions {
  #include scale.stanfunctions
}
parameters {
  real mu;
}
model {
  mu ~ normal(0, scale());
}
"""


def write_programs(folder: Path) -> Path:
    """Write three programs, what they include, twice, and a header; return the folder."""
    for name, text in {
        "first.stan": MAIN,
        "second.stan": MAIN,
        "third.stan": MAIN,
        "near/scale.stanfunctions": "#include ten.stanfunctions\nreal scale() { return ten(); }\n",
        "far/scale.stanfunctions": "real scale() { return 1; }\n",
        "far/ten.stanfunctions": "real ten() { return 10; }\n",
        "far/unused.stanfunctions": "real five() { return 5; }\n",
        "fast.hpp": "// nothing\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def program(stan: Path, name: str = "first", *, header: bool = True) -> Program:
    """Return one of the folder's programs, for which what is near goes before what is far."""
    return Program(
        path=stan / f"{name}.stan",
        include_dirs=(stan / "near", stan / "far"),
        header=stan / "fast.hpp" if header else None,
    )


def bring_compiled(*programs: Program, folder: Path, text: str = "#!/bin/sh\n") -> list[Path]:
    """Put executables of programs where a wheel would bring them; return them."""
    folder.mkdir(exist_ok=True)
    executables = [folder / program.keyed_name() for program in programs]
    for executable in executables:
        executable.write_text(text)
        executable.chmod(0o755)
    return executables
