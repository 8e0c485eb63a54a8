"""Importance sampling from several sources at once: fixed ones, the draws at hand, an adapted one.

Each draw is weighted against the blend of all (the balance heuristic of Veach and Guibas, 1995):
a region that one source reaches well is weighed well, however thin the others are there.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pystan_mix.numerics import FloatArray, log_sum_exp
from pystan_mix.stats.importance.adaptive import adapted_proposal
from pystan_mix.stats.importance.student_proposals import Blend, Source, Students
from pystan_mix.stats.importance.weighted_draws import (
    Density,
    WeightedDraws,
    judged,
    total_density,
    weighted,
)
from pystan_mix.stats.importance.weights import pareto_smoothed

# powers of what is flattened, a round each: the draws at hand may all be in one mode
_POWERS = (0.25, 0.5, 1.0, 1.0)
# least share of draws that a source has in the end
_LEAST_SHARE = 0.1
# how often the shares are moved to what the weights say
_SHARE_STEPS = 2


class Adaptation:
    """Rounds of draws from sources, and the blend that they lead to.

    Population Monte Carlo with fixed sources beside the adapted one: in each
    round a mixture of Student-t is fitted to the weighted draws of all rounds
    (`adapted_proposal`), the first rounds to a flattened target. In the end the
    shares of the sources are what the weights say (Douc, Guillin, Marin and
    Robert, 2007, "Convergence of adaptive mixtures of importance sampling
    schemes"), and the adapted source is fitted to what is not the others'.

    Parameters
    ----------
    log_density : callable
        Points of shape (S, d) to two parts of the log density: one that stays
        as it is, and one that the first rounds flatten.
    z : ndarray, shape (S, d)
        Draws at hand, such as those of chains, in no proportion that matters;
        those that are not finite are left out.
    fixed : tuple of Source
        Further sources, for what the draws at hand may not have reached.
    round_draws : int
        Number of draws of each round.
    rng : numpy.random.Generator
        Source of the draws.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the draws have no covariance, or none has a density.
    """

    def __init__(
        self,
        log_density: Density,
        z: FloatArray,
        fixed: tuple[Source, ...],
        *,
        round_draws: int,
        rng: np.random.Generator,
    ) -> None:
        self._log_density, self._rng = log_density, rng
        self._rounds: list[_Round] = []
        self._at_hand = z[np.isfinite(z).all(axis=1)]
        if len(self._at_hand) <= z.shape[1]:
            raise np.linalg.LinAlgError("There are fewer draws than dimensions.")
        near, log_w = self._at_hand, np.full(len(self._at_hand), -math.log(len(self._at_hand)))
        covariance = np.cov(near.T).reshape(z.shape[1], z.shape[1])
        first, _ = adapted_proposal(near, log_w, covariance, rng=rng)
        self._fixed = (Students(first), *fixed)
        for source in self._fixed:
            self._draw(source, round_draws)
        self._round_draws, self._covariance = round_draws, covariance / _POWERS[0]
        self._near, self._log_w = near, log_w
        self.adapt(_POWERS)

    def adapt(self, powers: Sequence[float]) -> None:
        """Draw a round for each power that the target is flattened by, and blend anew.

        Parameters
        ----------
        powers : sequence of float
            One at least; the blend is for the target itself whatever they are.
        """
        for power in (*powers[1:], 1.0):  # of the next round
            mixture, self._covariance = adapted_proposal(
                self._near, self._log_w, self._covariance, rng=self._rng
            )
            self._draw(Students(mixture), self._round_draws)
            there, self._log_w = self._weighed(power)
            self._near = np.concatenate([one.z for one in self._rounds])[there]
        self.blend = self._blend(self._near, there, self._log_w, self._covariance)

    def _draw(self, source: Source, draws: int) -> None:
        """Add a round, and its source's density to the draws of all others."""
        z = source.draw(draws, rng=self._rng)
        z = z[np.isfinite(z).all(axis=1)]
        log_g = [one.source.log_density(z) for one in self._rounds] + [source.log_density(z)]
        for one in self._rounds:
            one.log_g.append(source.log_density(one.z))
        self._rounds.append(_Round(source, draws, z, *self._log_density(z), log_g))

    def _weighed(self, power: float) -> tuple[NDArray[np.bool_], FloatArray]:
        """Return which draws of all rounds have a density, and their log weights."""
        counts = np.array([one.draws for one in self._rounds])
        log_shares = np.log(counts / counts.sum())[:, None]
        log_p = np.concatenate(
            [total_density(one.kept, power * one.flattened) for one in self._rounds]
        )
        log_g = np.concatenate(
            [log_sum_exp(np.stack(one.log_g) + log_shares, axis=0) for one in self._rounds]
        )
        there = np.isfinite(log_p) & np.isfinite(log_g)
        if not there.any():
            raise np.linalg.LinAlgError("No draw has a density.")
        return there, pareto_smoothed((log_p - log_g)[there])[0]

    def _blend(
        self,
        near: FloatArray,
        there: NDArray[np.bool_],
        log_w: FloatArray,
        covariance: FloatArray,
    ) -> Blend:
        """Return the sources with the shares that the weights say."""
        others = np.stack(
            [
                np.concatenate([one.log_g[i] for one in self._rounds])[there]
                for i in range(len(self._fixed))
            ]
        )
        own = self._rounds[-1].source
        shares = np.full(1 + len(others), 1.0 / (1 + len(others)))
        for _ in range(_SHARE_STEPS):
            log_terms = np.log(shares)[:, None] + np.concatenate(
                [own.log_density(near)[None], others]
            )
            log_part = log_terms - log_sum_exp(log_terms, axis=0)
            shares = np.maximum(np.exp(log_part) @ np.exp(log_w), _LEAST_SHARE)
            shares /= shares.sum()
            left = log_w + log_part[0]
            mixture, _ = adapted_proposal(near, left - log_sum_exp(left), covariance, rng=self._rng)
            own = Students(mixture)
        return Blend((own, *self._fixed), shares)

    def sample(self, draws: int, *, judges: Sequence[FloatArray]) -> WeightedDraws:
        """Draw from the blend, and use once more what was drawn from the fixed sources.

        Parameters
        ----------
        draws : int
            Number of draws; more where a fixed source already has more than its share.
        judges : sequence of ndarray, each of shape (S, d)
            Draws to judge the blend by, best not those that it was fitted to; of
            several sets each judges by itself.

        Returns
        -------
        WeightedDraws
            The draws, each weighted against the blend of all.
        """
        # not those of the draws at hand: what was adapted to their weights is too dense at them
        first = self._rounds[1 : len(self._fixed)]
        had = np.array([0, 0, *(one.draws for one in first)])
        more = np.maximum(np.rint(self.blend.shares * draws).astype(int) - had, 0)
        fresh = self.blend.draw_counts(more, rng=self._rng)
        fresh = fresh[np.isfinite(fresh).all(axis=1)]
        log_p = [total_density(*self._log_density(fresh))]
        log_p += [total_density(one.kept, one.flattened) for one in first]
        z, counts = np.concatenate([fresh, *(one.z for one in first)]), had + more
        blend = Blend(self.blend.sources, counts / counts.sum())
        drawn = int(counts.sum())
        found = weighted(z, np.concatenate(log_p), blend.log_density(z), draws=drawn)
        return judged(found, self._log_density, blend.log_density, draws=drawn, judges=judges)


def sample_near(
    log_density: Density,
    z: FloatArray,
    draws: int,
    *,
    judges: Sequence[FloatArray],
    rng: np.random.Generator,
) -> WeightedDraws:
    """Draw from one mixture of Student-t, fitted to draws that are the target's own.

    Parameters
    ----------
    log_density, z, rng
        As in `Adaptation`; `z` is in the target's proportions.
    draws, judges
        As in `Adaptation.sample`.

    Returns
    -------
    WeightedDraws
        The weighted draws: of all that `z` has reached.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the draws have no covariance, or none has a density.
    """
    near = z[np.isfinite(z).all(axis=1)]
    if len(near) <= z.shape[1]:
        raise np.linalg.LinAlgError("There are fewer draws than dimensions.")
    covariance = np.cov(near.T).reshape(z.shape[1], z.shape[1])
    equal = np.full(len(near), -math.log(len(near)))
    mixture, _ = adapted_proposal(near, equal, covariance, rng=rng)
    source = Students(mixture)
    fresh = source.draw(draws, rng=rng)
    fresh = fresh[np.isfinite(fresh).all(axis=1)]
    log_p = total_density(*log_density(fresh))
    found = weighted(fresh, log_p, source.log_density(fresh), draws=draws)
    return judged(found, log_density, source.log_density, draws=draws, judges=judges)


@dataclasses.dataclass
class _Round:
    """A source, its draws, their log densities: two of the target, one of each round's source."""

    source: Source
    draws: int
    z: FloatArray
    kept: FloatArray
    flattened: FloatArray
    log_g: list[FloatArray]
