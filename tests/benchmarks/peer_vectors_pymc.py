"""PyMC's own NUTS on vectors.

Seconds: PyMC's own `sampling_time`, which leaves out compiling and the making of the result.
"""

import pymc as pm
from pymc_vector_model import pymc_vector_model
from vector_measurement import NAMES, Progress, read_vector_task, write_vectors

# its worker processes import this file again
if __name__ == "__main__":
    task = read_vector_task()
    progress = Progress(task)
    with pymc_vector_model(task, **task.options):
        fit = pm.sample(
            draws=task.iter_sampling,
            tune=task.iter_warmup,
            chains=task.chains,
            cores=task.cores,
            target_accept=task.target,
            random_seed=task.seed,
            progressbar=False,
            compute_convergence_checks=False,
            callback=lambda **_: progress.add(),
        )
    write_vectors(
        task,
        {name: fit.posterior[name] for name in NAMES},
        seconds=fit.posterior.attrs["sampling_time"],
        gradients=float(fit.sample_stats["n_steps"].sum()),
        packages=("pymc", "pytensor", "numpy"),
    )
