"""nutpie on PyMC's model.

Seconds: the whole call of `nutpie.sample`; the model is compiled before.
"""

import time

import arviz  # noqa: F401  (nutpie would import it while it is timed)
import nutpie
from measurement import read_task, since_start, write_result
from pymc_model import pymc_model

task = read_task()
compiled = nutpie.compile_pymc_model(pymc_model(task))
begun = time.perf_counter()
fit = nutpie.sample(
    compiled,
    draws=task.iter_sampling,
    tune=task.iter_warmup,
    chains=task.chains,
    cores=task.cores,
    target_accept=task.target,
    seed=task.seed,
    save_warmup=False,
    progress_bar=False,
    **task.options,
)
seconds = time.perf_counter() - begun
cold_seconds = since_start()
write_result(
    task,
    {name: fit.posterior[name] for name in task.names},
    seconds=seconds,
    cold_seconds=cold_seconds,
    packages=("nutpie", "pymc", "pytensor", "numba", "numpy"),
)
