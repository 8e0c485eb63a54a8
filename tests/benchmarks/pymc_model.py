"""The posteriors in PyMC, for PyMC's own NUTS and for nutpie.

The floor under the weights is an affine map and the order of the means a transform. The notebook
writes both as potentials of minus infinity, into which a sampler runs and is turned back: this form
is kinder to PyMC.
"""

import numpy as np
import pymc as pm
from measurement import Task
from pymc.distributions.transforms import ordered


def pymc_model(task: Task) -> pm.Model:
    """Return the model; the weights, means and deviations are `theta`, `mu` and `sigma`."""
    alpha = np.array(task.alpha)
    with pm.Model() as model:
        if task.min_weight > 0:
            # uniform, and an affine map needs no Jacobian: the potential is the prior of theta
            theta_raw = pm.Dirichlet("theta_raw", a=np.ones(task.n_components))
            theta = pm.Deterministic(
                "theta", task.min_weight + (1 - task.n_components * task.min_weight) * theta_raw
            )
            pm.Potential("theta_prior", pm.math.sum((alpha - 1) * pm.math.log(theta)))
        else:
            theta = pm.Dirichlet("theta", a=alpha)
        mu = pm.Normal(
            "mu",
            mu=np.array(task.mu_loc),
            sigma=np.array(task.mu_scale),
            shape=task.n_components,
            transform=ordered,
            initval=np.array(task.start_mu),
        )
        if task.sigma_scale is None:
            sigma = np.array(task.sigma)
        else:
            sigma = pm.HalfCauchy("sigma", beta=np.array(task.sigma_scale), shape=task.n_components)
        pm.NormalMixture("obs", w=theta, mu=mu, sigma=sigma, observed=np.array(task.y))
    return model
