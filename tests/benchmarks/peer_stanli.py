"""stanli, an interpreter of Stan, on this project's program with the likelihood in Stan.

Seconds: the whole call of `Model.sample`; the model is made, and so compiled, before.
"""

import time

import numpy as np
import stanli
from measurement import read_task, since_start, write_result

task = read_task()
stan = task.options.pop("stan")
y, count = np.unique(task.y, return_counts=True)
data = {
    "K": task.n_components,
    "N": y.size,
    "y": y,
    "count": count,
    "alpha": task.alpha,
    "min_weight": task.min_weight,
    "mu_loc": task.mu_loc,
    "mu_scale": task.mu_scale,
    "n_sigma": 0 if task.sigma_scale is None else task.n_components,
    "sigma_known": task.sigma or [],
    "sigma_df": 1.0,
    "sigma_scale": task.sigma_scale or [],
    "N_rep": 0,
    "save_log_lik": 0,
}
start = {"theta_raw": [1 / task.n_components] * task.n_components, "mu_raw": task.start_mu}
start["sigma"] = task.sigma_scale or []
model = stanli.Model(
    stan_file=f"{stan}/normal.stan", data=data, include_paths=[f"{stan}/parts", f"{stan}/plain"]
)
centre = np.asarray(model.unconstrain(start))
jitter = np.random.default_rng(task.seed).uniform(-1, 1, size=(task.chains, centre.size))
begun = time.perf_counter()
fit = model.sample(
    chains=task.chains,
    parallel_chains=task.cores,
    warmup=task.iter_warmup,
    samples=task.iter_sampling,
    delta=task.target,
    seed=task.seed,
    inits=centre + jitter,
    refresh=0,
    **task.options,
)
seconds = time.perf_counter() - begun
cold_seconds = since_start()
write_result(
    task,
    {
        name: np.stack([fit.draws(f"{name}[{k + 1}]") for k in range(task.n_components)], axis=-1)
        for name in task.names
    },
    seconds=seconds,
    cold_seconds=cold_seconds,
    packages=("stanli", "numpy"),
)
