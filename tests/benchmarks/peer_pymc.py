"""PyMC's own NUTS.

Seconds: PyMC's own `sampling_time`, which leaves out compiling and the making of the result.
"""

import pymc as pm
from measurement import read_task, since_start, write_result
from pymc_model import pymc_model

# its worker processes import this file again
if __name__ == "__main__":
    task = read_task()
    with pymc_model(task):
        fit = pm.sample(
            draws=task.iter_sampling,
            tune=task.iter_warmup,
            chains=task.chains,
            cores=task.cores,
            target_accept=task.target,
            random_seed=task.seed,
            progressbar=False,
            compute_convergence_checks=False,
            **task.options,
        )
    write_result(
        task,
        {name: fit.posterior[name] for name in task.names},
        seconds=fit.posterior.attrs["sampling_time"],
        cold_seconds=since_start(),
        packages=("pymc", "pytensor", "numpy"),
    )
