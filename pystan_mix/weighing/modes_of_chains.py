"""Modes that chains stayed in, each integrated by a bridge: where there are too many dimensions.

Importance sampling of the whole posterior fails at some dozens of dimensions. Where
each chain has explored one mode, integrals of the modes are enough to weigh them.
"""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pystan_mix.arviz_compat import az
from pystan_mix.fits.draws import Draws, evenly_spaced
from pystan_mix.mixtures.target import Target
from pystan_mix.mixtures.vectors.relabelling import relabelled
from pystan_mix.numerics import FloatArray, log_sum_exp
from pystan_mix.stats.bridge import Bridge, bridge_sample
from pystan_mix.weighing.labelled import labelled
from pystan_mix.weighing.moments import judged

# R-hat up to which two chains are of one mode, and of one mode its chains have explored it
_LARGEST_R_HAT = 1.1
_LARGEST_R_HAT_WITHIN = 1.05
_LEAST_ESS = 100
# draws of a mode that a bridge takes
_DRAWS_OF_BRIDGE = 6000
_LEAST_DRAWS, _LEAST_DRAWS_PER_DIMENSION = 400, 10
# of the shares of modes
_LARGEST_ERROR = 0.05
# a mode with less does not count, by so many nats and errors where it is not explored
_LEAST_SHARE = 1e-3
_NATS_UNEXPLORED = 5.0
_ERRORS = 3.0


@dataclasses.dataclass(frozen=True)
class Mode:
    """A mode that some chains stayed in.

    Parameters
    ----------
    chains : tuple of int
        Which chains.
    draws : Draws
        Their draws, components called the same in all.
    bridge : Bridge
        Its integral, over components in one order.
    ess, r_hat : float
        The least effective draws, and the largest R-hat, of a parameter.
    """

    chains: tuple[int, ...]
    draws: Draws
    bridge: Bridge
    ess: float
    r_hat: float


@dataclasses.dataclass(frozen=True)
class Stayed:
    """Modes that chains stayed in.

    Parameters
    ----------
    target : Target
        The model and its observations.
    each : tuple of Mode
        The modes.
    """

    target: Target
    each: tuple[Mode, ...]

    @property
    def log_integral(self) -> float:
        """Log of the sum of the modes' integrals."""
        return float(log_sum_exp(self._log_integrals))

    @property
    def mcse(self) -> float:
        """Its Monte Carlo error."""
        return float(np.sqrt((self.shares**2) @ (self._errors**2)))

    @property
    def _log_integrals(self) -> FloatArray:
        return np.array([mode.bridge.log_integral for mode in self.each])

    @property
    def _errors(self) -> FloatArray:
        return np.array([mode.bridge.mcse for mode in self.each])

    @functools.cached_property
    def shares(self) -> FloatArray:
        """The share of each mode."""
        return np.asarray(np.exp(self._log_integrals - self.log_integral))

    @property
    def share_error(self) -> float:
        """The largest Monte Carlo error of a share, by the delta method."""
        p, errors = self.shares, self._errors
        # d p_i / d log z_j = p_i (1[i = j] - p_j)
        slopes = p[:, None] * (np.eye(len(p)) - p)
        return float(np.sqrt((slopes**2) @ errors**2).max())

    @property
    def ess(self) -> float:
        """How many draws the modes' chains are worth, those of each by its share."""
        there = self.shares > _LEAST_SHARE
        least = [mode.ess / share for mode, share in zip(self.each, self.shares, strict=True)]
        return float(np.array(least)[there].min())

    @property
    def is_sound(self) -> bool:
        """Whether chains have explored the modes that count, and shares are known."""
        most = self._log_integrals + _NATS_UNEXPLORED + _ERRORS * self._errors
        counts = ~(most < self.log_integral + math.log(_LEAST_SHARE))
        explored = all(
            mode.r_hat <= _LARGEST_R_HAT_WITHIN and mode.ess >= _LEAST_ESS
            for mode, it_counts in zip(self.each, counts, strict=True)
            if it_counts
        )
        return explored and self.share_error <= _LARGEST_ERROR

    def __str__(self) -> str:
        shares = [f"{100 * share:.0f}" for share in sorted(self.shares, reverse=True)]
        if len(shares) == 1:
            return "1 mode"
        return f"{len(shares)} modes, {', '.join(shares[:-1])} and {shares[-1]} %"

    def drawn(self, chains: int, length: int) -> Draws:
        """Return chains of which each mode has its share, in turn, its draws in their order.

        So draws that follow each other depend on each other as in the chains, and effective ones
        are counted rightly.
        """
        whose = _in_turn(self.shares, chains * length).reshape(chains, length)
        names = list(self.each[0].draws.variables)
        found: dict[str, FloatArray] = {}
        for mode_number, mode in enumerate(self.each):
            flat, wanted = mode.draws.flat(), int((whose == mode_number).sum())
            total = mode.draws.chains * mode.draws.length
            places = np.arange(wanted) * total // max(1, wanted)
            for name in names:
                if name not in found:
                    found[name] = np.empty((chains, length, *flat[name].shape[1:]))
                found[name][whose == mode_number] = flat[name][places]
        variables = {name: x.reshape(chains * length, *x.shape[2:]) for name, x in found.items()}
        return Draws(found).with_flat(relabelled(self.target, variables))


def _in_turn(shares: FloatArray, size: int) -> NDArray[np.intp]:
    """Return whose turn it is, so that each always has had its share, but for one turn."""
    # ends of turns, spread evenly: the first half a turn in
    ends = [
        ((np.arange(round(share * size)) + 0.5) / (share * size), np.full(round(share * size), i))
        for i, share in enumerate(shares)
        if round(share * size) > 0
    ]
    when, who = (np.concatenate(each) for each in zip(*ends, strict=True))
    order = who[np.argsort(when, kind="stable")]
    # rounding may leave one too few, or too many
    return np.asarray(np.resize(order, size) if len(order) < size else order[:size], dtype=np.intp)


def modes_of_chains(target: Target, draws: Draws, *, rng: np.random.Generator) -> Stayed:
    """Find the modes that chains stayed in, and integrate each.

    Chains are of one mode if R-hat says that they agree, once their components are
    called the same. The integral of a mode is found by bridge sampling (Meng
    and Wong, 1996) from its chains.

    Parameters
    ----------
    target : Target
        The model and its observations.
    draws : Draws
        The chains.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    Stayed
        The modes; `is_sound` says whether to trust their shares.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the draws of a mode are too few, or have no covariance.
    """
    groups: list[list[int]] = []
    for chain in range(draws.chains):
        for group in groups:
            _, r_hat = _mixing(target, _of_chains(target, draws, [group[0], chain]))
            if r_hat <= _LARGEST_R_HAT:
                group.append(chain)
                break
        else:
            groups.append([chain])
    each = [_mode(target, draws, group, rng=rng) for group in groups]
    return Stayed(target, tuple(each))


def _of_chains(target: Target, draws: Draws, chains: Sequence[int]) -> Draws:
    """Return some chains, relabelled together."""
    some = Draws({name: x[list(chains)] for name, x in draws.variables.items()})
    return some.with_flat(relabelled(target, some.flat()))


def _mixing(target: Target, draws: Draws) -> tuple[float, float]:
    """Return the least effective draws and the largest R-hat of what varies.

    R-hat is that of half chains, so that a single one has one too.
    """
    half, ess, r_hat = draws.length // 2, math.inf, 1.0
    variables: Mapping[str, FloatArray] = judged(target, draws.variables)
    for x in variables.values():
        for each in np.moveaxis(x[:, : 2 * half], -1, 0):
            if np.ptp(each) > 0.0:
                halves = each.reshape(2 * draws.chains, half)
                ess = min(ess, float(az.ess(halves, method="bulk")))
                r_hat = max(r_hat, float(az.rhat(halves)))
    return ess, r_hat


def _mode(target: Target, draws: Draws, chains: Sequence[int], *, rng: np.random.Generator) -> Mode:
    """Integrate the mode of some chains."""
    own = _of_chains(target, draws, chains)
    least = max(_LEAST_DRAWS, _LEAST_DRAWS_PER_DIMENSION * target.dimensions)
    if own.chains * own.length < least:
        raise np.linalg.LinAlgError("A mode has too few draws.")
    posterior = labelled(target, own.flat())
    some = own.picked(evenly_spaced(own.length, max(2, _DRAWS_OF_BRIDGE // own.chains)))
    z = posterior.to_coordinates(posterior.relabelled(some.flat()))
    bridge = bridge_sample(
        posterior.log_density, z.reshape(some.chains, some.length, z.shape[-1]), rng=rng
    )
    if math.isnan(bridge.log_integral):
        raise np.linalg.LinAlgError("A mode has no integral.")
    ess, r_hat = _mixing(target, own)
    return Mode(tuple(chains), own, bridge, ess, r_hat)
