"""Mixtures of vectors in PyMC, for PyMC's own NUTS and for nutpie.

Either what `to_pymc` makes, or one by hand that is kinder to PyMC: correlations are partial
correlations in an unconstrained space, as in Stan, and all components' densities are written out
over coordinates. PyMC 5's own LKJCorr has intervals for its space, and a matrix in them need not be
one of correlations.
"""

import sys
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from vector_measurement import VectorTask


def pymc_vector_model(task: VectorTask, *, package: str, by_hand: bool) -> pm.Model:
    """Return the model: `theta`, `mu` and `sigma`, and `corr` as they are drawn.

    Parameters
    ----------
    task : VectorTask
        The posterior.
    package : str
        The folder in which pystan_mix lies.
    by_hand : bool
        Whether it is the model by hand.

    Returns
    -------
    pymc.Model
        Its initial values are the task's.
    """
    if by_hand:
        return _by_hand(task)
    sys.path.append(package)
    from pystan_mix.mixtures.vectors.data_block import model_of_vector_data
    from pystan_mix.with_pymc.build import to_pymc

    start = task.start
    above = np.triu_indices(task.block["D"], 1)
    model = to_pymc(model_of_vector_data(task.block), task.y)
    for variable in model.free_RVs:
        name, _, k = variable.name.partition("_")
        value = start[name] if name != "corr" else start[name][int(k)][above]
        model.set_initval(variable, value)
    return model


def _by_hand(task: VectorTask) -> pm.Model:
    task.refuse_other_priors()
    K, D = task.block["K"], task.block["D"]
    start, y, least = task.start, task.y, np.array(task.block["min_sigma"])
    with pm.Model() as model:
        theta = pm.Dirichlet("theta", a=np.array(task.block["alpha"]), initval=start["theta"])
        location, scale = (np.array(task.block[name]) for name in ("mu_loc", "mu_scale"))
        mu = pm.Normal("mu", location, scale, shape=(K, D), initval=start["mu"])
        above = pm.Flat("above", shape=(K, D), initval=np.log(start["sigma"] - least))
        sigma = pm.Deterministic("sigma", least + pt.exp(above))
        prior = pm.HalfNormal.dist(np.array(task.block["sigma_scale"]), shape=(K, D))
        pm.Potential("sigma_prior", pt.sum(pm.logp(prior, sigma) + above))
        begin = np.array([_free(corr) for corr in start["corr"]])
        free = pm.Flat("free", shape=begin.shape, initval=begin)
        root, log_prior = _roots(free, task.block["corr_eta"], K=K, D=D)
        pm.Potential("corr_prior", log_prior)
        pm.Deterministic("corr", pt.stack([_product(each) for each in root]))
        terms = [_term(y, theta[k], mu[k], sigma[k], root[k]) for k in range(K)]
        pm.Potential("y", pt.sum(pt.logsumexp(pt.stack(terms), axis=0)))
    return model


def _free(corr: np.ndarray) -> list[float]:
    """Return the unconstrained partial correlations, row by row, of which `_roots` makes these."""
    root = np.linalg.cholesky(corr)
    left = np.sqrt(1.0 - np.cumsum(root**2, axis=1) + root**2)
    return [float(np.arctanh(root[i, j] / left[i, j])) for i in range(len(corr)) for j in range(i)]


def _roots(free: Any, eta: float, *, K: int, D: int) -> tuple[list[list[list[Any]]], Any]:
    """Return Cholesky factors of correlations by partial ones, and LKJ's density with Jacobian."""
    partial = pt.tanh(free)
    log_left = pt.log1p(-(partial**2))
    log_prior, roots = pt.sum(log_left), []
    for k in range(K):
        root, at = [[1.0]], 0
        for i in range(1, D):
            row, log_rest = [], 0.0
            for _ in range(i):
                # of what the entries before leave of the row's length, half a log each
                log_prior += 0.5 * log_rest
                row.append(partial[k, at] * pt.exp(0.5 * log_rest))
                log_rest = log_rest + log_left[k, at]
                at += 1
            root.append([*row, pt.exp(0.5 * log_rest)])
            # LKJ's density of a Cholesky factor
            log_prior += 0.5 * (D - i - 1 + 2 * eta - 2) * log_rest
        roots.append(root)
    return roots, log_prior


def _product(root: list[list[Any]]) -> Any:
    """Return the matrix of which this is the Cholesky factor."""
    rows = [[*row, *[0.0] * (len(root) - len(row))] for row in root]
    lower = pt.stack([pt.stack([pt.as_tensor(x) for x in row]) for row in rows])
    return lower @ lower.T


def _term(y: np.ndarray, theta: Any, mu: Any, sigma: Any, root: list[list[Any]]) -> Any:
    """Return the log of weight times density of all observations under a component."""
    z: list[Any] = []
    total = pt.log(theta)
    for i, row in enumerate(root):
        left = (y[:, i] - mu[i]) / sigma[i]
        for entry, before in zip(row[:-1], z, strict=True):
            left = left - entry * before
        z.append(left / row[-1])
        total = total - 0.5 * z[-1] ** 2 - pt.log(sigma[i]) - pt.log(row[-1])
    return total - 0.5 * len(root) * np.log(2 * np.pi)
