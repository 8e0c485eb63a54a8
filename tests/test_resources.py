"""Tests of pystan_mix.resources: a source tree and an installed wheel."""

import importlib.util
import shutil

import pytest

from pystan_mix import resources

FILES = {"stan": "normal.stan", "data": "close.dat"}


def import_from(package):
    """Import a copy of the module as if the package stood there."""
    package.mkdir()
    copy = shutil.copy(resources.__file__, package)
    spec = importlib.util.spec_from_file_location("resources_elsewhere", copy)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", FILES)
def test_here(name):
    assert (resources.resource_dir(name) / FILES[name]).is_file()


@pytest.mark.parametrize("name", FILES)
def test_a_wheel_holds_them_inside(tmp_path, name):
    package = tmp_path / "site-packages"
    module = import_from(package)
    (package / name).mkdir()
    # another distribution's folder of that name, in the place where a source tree has it
    (tmp_path / name).mkdir()
    assert module.resource_dir(name) == package / name


@pytest.mark.parametrize("name", FILES)
def test_a_source_tree_holds_them_beside(tmp_path, name):
    module = import_from(tmp_path / "package")
    (tmp_path / name).mkdir()
    assert module.resource_dir(name) == tmp_path / name
