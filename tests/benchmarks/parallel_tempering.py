"""Posteriors of normal mixtures by parallel tempering in NumPy: a reference of its own.

Nothing in it is the package's: components have no order and the weights are normalised gamma
variables, so that the posterior is symmetric; draws are sorted by their means afterwards. Many
walkers at each of 20 temperatures, from the posterior to the prior, take random-walk Metropolis
steps of one component at a time, over three orders of magnitude; neighbouring temperatures swap
(Swendsen and Wang, 1986; Geyer, 1991). The prior itself is drawn from anew, so that what is found
there, every mode, comes down. Stepping stones (Xie et al., 2011) give the log evidence.

    python tests/benchmarks/parallel_tempering.py

runs it on the data of ../shared/data/real, and sets it beside the reference there.
"""

import dataclasses
import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from pystan_mix.numerics import FloatArray

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "real"
TEMPERATURES = 20
# so small that it is of no account, but its logarithm is finite
_NO_DENSITY = 1e-300
_STEPS_BETWEEN_SWAPS = 5
_BURN_IN = 0.2


@dataclasses.dataclass(frozen=True)
class Posed:
    """Observations, and a mixture whose components have the same priors.

    Parameters
    ----------
    y : ndarray, shape (N,)
        Observations.
    K : int
        Number of components.
    alpha : float
        Dirichlet concentration of each weight.
    loc, scale : float
        Normal prior of each mean.
    sigma_scale : float
        Half-normal prior of each standard deviation, cut off at `min_sigma`.
    min_sigma : float
        The least standard deviation.
    """

    y: FloatArray
    K: int
    alpha: float
    loc: float
    scale: float
    sigma_scale: float
    min_sigma: float = 0.0


@dataclasses.dataclass(frozen=True)
class Tempered:
    """Draws from a posterior, in the order of their means.

    Parameters
    ----------
    draws : dict of str to ndarray, shape (walkers, draws, K)
        `theta`, `mu` and `sigma`.
    log_evidence : float
        Log marginal likelihood, the prior normalised above `min_sigma`.
    swaps : ndarray, shape (temperatures - 1,)
        The share of swaps that were made, the coldest first.
    """

    draws: dict[str, FloatArray]
    log_evidence: float
    swaps: FloatArray


class _Walkers:
    """The state of all walkers: rows are walkers within temperatures, the coldest first."""

    def __init__(self, posed: Posed, walkers: int, rng: np.random.Generator) -> None:
        self.posed, self.rng = posed, rng
        self.y, count = np.unique(posed.y, return_counts=True)
        self.count = count.astype(np.float64)
        # of the fourth power: near the posterior they differ by a fifth
        self.powers = np.linspace(1.0, 0.0, TEMPERATURES) ** 4
        self.beta = np.repeat(self.powers, walkers)
        self.walkers = walkers
        self.spread = float(posed.y.std())
        # mean, log sd and log of the weight before it is normalised, (3, K, R)
        self.x = self._from_prior(self.beta.size)
        self.parts = self._density(self.x[0], self.x[1])
        self.add_up()

    def _from_prior(self, size: int) -> FloatArray:
        posed, rng = self.posed, self.rng
        shape = (posed.K, size)
        least = stats.norm.sf(posed.min_sigma / posed.sigma_scale)
        sigma = posed.sigma_scale * stats.norm.isf(least * rng.random(shape))
        return np.stack(
            [
                rng.normal(posed.loc, posed.scale, shape),
                np.log(np.maximum(sigma, 1e-12 * posed.sigma_scale)),
                np.log(rng.gamma(posed.alpha, size=shape)),
            ]
        )

    def _density(self, mu: FloatArray, log_sigma: FloatArray) -> FloatArray:
        z = (self.y - mu[..., None]) * np.exp(-log_sigma)[..., None]
        np.square(z, out=z)
        z *= -0.5
        np.exp(z, out=z)
        z *= np.exp(-log_sigma - 0.5 * math.log(2.0 * math.pi))[..., None]
        return z

    def add_up(self) -> None:
        """Find weights, densities and likelihoods afresh, so that rounding does not add up."""
        g = np.exp(self.x[2])
        self.weight = g.sum(axis=0)
        self.total = np.einsum("kr,krn->rn", g, self.parts)
        self.log_lik = self._log_lik(self.total, self.weight)

    def _log_lik(self, total: FloatArray, weight: FloatArray) -> FloatArray:
        # what is left of a difference may be below zero by rounding
        density = np.maximum(total, 0.0)
        density /= weight[:, None]
        density += _NO_DENSITY
        return np.log(density, out=density) @ self.count

    def _log_prior(self, x: FloatArray) -> FloatArray:
        """Return the log prior density of one component in (mean, log sd, log gamma)."""
        posed, sigma = self.posed, np.exp(x[1])
        total = -0.5 * ((x[0] - posed.loc) / posed.scale) ** 2
        total += x[1] - 0.5 * (sigma / posed.sigma_scale) ** 2
        total += posed.alpha * x[2] - np.exp(x[2])
        return np.where(sigma > posed.min_sigma, total, -np.inf)

    def step(self) -> None:
        """Move one component of every walker, or what of it a coin chooses."""
        rng, R, k = self.rng, self.beta.size, self.rng.integers(self.posed.K)
        now = self.x[:, k]
        sizes = 10.0 ** rng.uniform(-2.5, 0.3, size=(3, R))
        sizes[0] *= self.spread
        sizes[2] *= 2.0
        chosen = rng.random((3, R)) < 0.5
        proposed = now + sizes * chosen * rng.normal(size=(3, R))
        g, new_g = np.exp(now[2]), np.exp(proposed[2])
        part = self._density(proposed[0], proposed[1])
        total = self.total - g[:, None] * self.parts[k] + new_g[:, None] * part
        weight = self.weight - g + new_g
        log_lik = self._log_lik(total, weight)
        log_ratio = self._log_prior(proposed) - self._log_prior(now)
        log_ratio += self.beta * (log_lik - self.log_lik)
        taken = np.log(rng.random(R)) < log_ratio
        self.x[:, k, taken] = proposed[:, taken]
        self.parts[k, taken], self.total[taken] = part[taken], total[taken]
        self.weight[taken], self.log_lik[taken] = weight[taken], log_lik[taken]

    def refresh(self) -> None:
        """Draw the hottest, which are of the prior, anew."""
        self.x[..., -self.walkers :] = self._from_prior(self.walkers)
        x = self.x[..., -self.walkers :]
        self.parts[:, -self.walkers :] = self._density(x[0], x[1])
        self.add_up()

    def swap(self, odd: int) -> FloatArray:
        """Let every second pair of temperatures swap; return the share that did, NaN of others."""
        shares = np.full(TEMPERATURES - 1, np.nan)
        for t in range(odd, TEMPERATURES - 1, 2):
            cold = np.arange(t * self.walkers, (t + 1) * self.walkers)
            hot = self.rng.permutation(cold) + self.walkers
            gain = (self.powers[t] - self.powers[t + 1]) * (self.log_lik[hot] - self.log_lik[cold])
            made = np.log(self.rng.random(cold.size)) < gain
            one, other = cold[made], hot[made]
            for values in (self.weight, self.total, self.log_lik):
                values[one], values[other] = values[other], values[one].copy()
            self.x[..., one], self.x[..., other] = self.x[..., other], self.x[..., one].copy()
            swapped = self.parts[:, one].copy()
            self.parts[:, one], self.parts[:, other] = self.parts[:, other], swapped
            shares[t] = made.mean()
        return shares


def temper(posed: Posed, *, seed: int, walkers: int = 16, steps: int = 15_000) -> Tempered:
    """Draw from a posterior by parallel tempering.

    Parameters
    ----------
    posed : Posed
        The model and its observations.
    seed : int
        Seed.
    walkers : int, default 16
        Walkers at each temperature.
    steps : int, default 15000
        Steps of each; the first fifth is left out.

    Returns
    -------
    Tempered
        Draws, every tenth step one.
    """
    state = _Walkers(posed, walkers, np.random.default_rng(seed))
    kept: list[FloatArray] = []
    log_liks, swaps = [], []
    for i in range(steps):
        state.step()
        if i % _STEPS_BETWEEN_SWAPS == 0:
            state.refresh()
            swaps.append(state.swap((i // _STEPS_BETWEEN_SWAPS) % 2))
        if i >= _BURN_IN * steps and i % 10 == 0:
            kept.append(state.x[..., :walkers].copy())
            log_liks.append(state.log_lik.copy())
    # (draw, 3, K, walker) before
    mu, log_sigma, log_g = np.array(kept).transpose(1, 3, 0, 2)
    order = np.argsort(mu, axis=-1)
    g = np.exp(log_g)
    unsorted = {"theta": g / g.sum(axis=-1, keepdims=True), "mu": mu, "sigma": np.exp(log_sigma)}
    draws = {name: np.take_along_axis(x, order, axis=-1) for name, x in unsorted.items()}
    by_power = np.array(log_liks).reshape(len(log_liks), TEMPERATURES, walkers)
    log_evidence = 0.0
    for t in range(TEMPERATURES - 1):
        # from the hotter to the colder
        terms = (state.powers[t] - state.powers[t + 1]) * by_power[:, t + 1].ravel()
        log_evidence += math.log(np.mean(np.exp(terms - terms.max()))) + terms.max()
    return Tempered(draws, log_evidence, np.nanmean(np.array(swaps), axis=0))


def disagreement(one: Tempered, other: Tempered) -> float:
    """Return by how many standard deviations the means of two runs differ at most."""
    return max(
        float(
            np.abs(
                (one.draws[name].mean((0, 1)) - other.draws[name].mean((0, 1)))
                / one.draws[name].std((0, 1))
            ).max()
        )
        for name in one.draws
    )


def posed_of(reference: Mapping[str, Any]) -> Posed:
    """Return what an entry of references.json is about."""
    priors = reference["priors"]
    loc, scale = priors["means"]
    return Posed(
        y=np.loadtxt(REAL / reference["data"]),
        K=reference["K"],
        alpha=priors["weights"],
        loc=loc,
        scale=scale,
        sigma_scale=priors["sigma_half_normal"],
        min_sigma=reference["min_sigma"],
    )


def main() -> None:
    """Set this beside the references that others made."""
    for name, reference in json.loads((REAL / "references.json").read_text()).items():
        if reference["half_width"] is not None:
            continue  # of observations that are intervals
        one, other = (temper(posed_of(reference), seed=seed) for seed in (1, 2))
        worst = 0.0
        for variable, draws in one.draws.items():
            for k in range(draws.shape[-1]):
                theirs = reference["posterior"][f"{variable}[{k + 1}]"]
                both = np.concatenate([draws[..., k], other.draws[variable][..., k]])
                worst = max(worst, abs(both.mean() - theirs["mean"]) / theirs["sd"])
        print(
            f"{name}: a mean is off by {worst:.3f} sd at most, the two runs differ by "
            f"{disagreement(one, other):.3f}; log evidence {one.log_evidence:.3f} and "
            f"{other.log_evidence:.3f}, there {np.round(reference['log_evidence'], 3)}; "
            f"least share of swaps {one.swaps.min():.2f}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
