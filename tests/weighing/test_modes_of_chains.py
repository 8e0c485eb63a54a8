"""Modes that chains stayed in: their shares by symmetry, and by annealing."""

import math

import numpy as np
import pytest
from two_modes import in_left_mode, mirrored_target

import pystan_mix as pmix
from pystan_mix.arviz_compat import group_names
from pystan_mix.cmdstan.locate import CmdStan
from pystan_mix.fits.attributes import WeighingFindings, read_attributes
from pystan_mix.fits.draws import Draws
from pystan_mix.fits.groups import CHAINS, variables
from pystan_mix.mixtures.target import Target, target_of
from pystan_mix.weighing.annealing.anneal import anneal
from pystan_mix.weighing.modes_of_chains import Stayed, _in_turn, modes_of_chains

pytestmark = pytest.mark.arviz


@pytest.fixture(scope="module")
def target() -> Target:
    """Two modes that mirror each other, of vectors of one coordinate."""
    numbers = mirrored_target()
    model = pmix.MultivariateNormalMixture(
        n_components=2, means=pmix.Normal(0, 5), scales=pmix.HalfNormal(3), order_by=0
    )
    return target_of(model, numbers.observed.y[:, None])


@pytest.fixture(scope="module")
def of_both(target) -> tuple[Draws, float, float]:
    """Draws of both modes, and the log integral with its error, by annealing."""
    found = anneal(target, rng=np.random.default_rng(1), parallel=2)
    draws = found.draws(1, 8000, rng=np.random.default_rng(2))
    # in any order, so that chains of them are stationary
    return (
        draws.picked(np.random.default_rng(3).permutation(8000)),
        found.log_integral,
        found.mcse,
    )


def chains_of(draws: Draws, left: list[list[bool]], *, length=800) -> Draws:
    """Return chains whose parts are of the left mode or not."""
    flat = draws.flat()
    is_left = in_left_mode(flat["mu"][..., 0])
    places = {side: list(np.flatnonzero(is_left == side)) for side in (True, False)}
    picks = [
        [places[side].pop() for side in sides for _ in range(length // len(sides))]
        for sides in left
    ]
    return Draws({name: x[np.array(picks)] for name, x in flat.items()})


@pytest.fixture(scope="module")
def stayed(target, of_both) -> Stayed:
    chains = chains_of(of_both[0], [[True], [False], [True], [False]])
    return modes_of_chains(target, chains, rng=np.random.default_rng(1))


def test_chains_of_one_mode_are_together_and_modes_have_their_shares(stayed, of_both):
    """By symmetry one half; the integral of both is that of annealing."""
    assert [mode.chains for mode in stayed.each] == [(0, 2), (1, 3)]
    assert stayed.is_sound
    assert stayed.share_error < 0.03
    assert abs(stayed.shares[0] - 0.5) < 4.5 * stayed.share_error
    _, log_integral, mcse = of_both
    assert abs(stayed.log_integral - log_integral) < 4.5 * math.hypot(mcse, stayed.mcse)
    assert "2 modes, 5" in str(stayed)
    assert stayed.ess > 1000


def test_draws_have_both_modes_in_each_chain(stayed):
    draws = stayed.drawn(4, 500)
    assert {n: x.shape[:3] for n, x in draws.variables.items()} == dict.fromkeys(
        ("theta", "mu", "sigma", "corr"), (4, 500, 2)
    )
    left = in_left_mode(draws.variables["mu"][..., 0]).mean(axis=1)
    np.testing.assert_allclose(left, stayed.shares[0], atol=0.005)


def test_a_chain_that_crossed_has_no_mode(target, of_both):
    """Nor have chains of few effective draws, or of few at all."""
    crossed = chains_of(of_both[0], [[True, False], [True]])
    assert not modes_of_chains(target, crossed, rng=np.random.default_rng(1)).is_sound
    few = chains_of(of_both[0], [[True], [False]], length=60)
    slow = few.picked(np.repeat(np.arange(60), 10))
    assert not modes_of_chains(target, slow, rng=np.random.default_rng(1)).is_sound
    with pytest.raises(np.linalg.LinAlgError, match="too few draws"):
        modes_of_chains(target, few, rng=np.random.default_rng(1))


@pytest.mark.parametrize("shares", [[1.0], [0.5, 0.5], [0.7, 0.2, 0.1], [0.99996, 0.00004]])
def test_each_has_always_had_its_share(shares):
    turns = _in_turn(np.array(shares), 1000)
    assert turns.shape == (1000,)
    for i, share in enumerate(shares):
        so_far = (turns == i).cumsum()
        assert np.abs(so_far - share * np.arange(1, 1001)).max() < 2.0


def test_chains_of_many_dimensions_that_stayed_are_weighed(cmdstan: CmdStan):
    """Three groups of which the middle one is with the left or the right: one half each."""
    rng = np.random.default_rng(3)
    half = rng.normal(size=(60, 4)) + np.repeat([[0.0], [6.0]], [20, 40], axis=0) * np.eye(4)[0]
    y = np.concatenate([half, half * [-1.0, 1.0, 1.0, 1.0]])
    fit = pmix.sample(
        pmix.MultivariateNormalMixture(n_components=2), y, seed=1, show_progress=False
    )
    found = read_attributes(WeighingFindings, fit)
    assert (found.bridged, found.trusted, found.modes) == (True, True, 2)
    assert CHAINS in group_names(fit)
    mu = variables(fit)["mu"][..., 0].min(axis=-1)
    left_alone = float((mu < -4.5).mean())
    # draws are of the modes in turn, so that nothing but the error of shares is left
    assert abs(left_alone - 0.5) < 4.5 * found.share_error + 1e-3
    verdict = pmix.diagnose(fit)
    assert verdict.use == "fine"
    assert "weighed by the integral of each" in str(verdict)
    assert "A mode that no chain has found would be missing" in str(verdict)
