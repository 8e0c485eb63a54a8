"""nutpie on PyMC's models of vectors.

Seconds: from the call of `nutpie.sample` to its draws; the model is compiled before.
"""

import contextlib
import time

import arviz  # noqa: F401  (nutpie would import it while it is timed)
import nutpie
from pymc_vector_model import pymc_vector_model
from vector_measurement import NAMES, Progress, read_vector_task, write_vectors

# between two looks at what is drawn
SECONDS = 30.0

task = read_vector_task()
low_rank = task.options.pop("low_rank_modified_mass_matrix", False)
compiled = nutpie.compile_pymc_model(pymc_vector_model(task, **task.options))
progress = Progress(task)
begun = time.perf_counter()
sampler = nutpie.sample(
    compiled,
    draws=task.iter_sampling,
    tune=task.iter_warmup,
    chains=task.chains,
    cores=task.cores,
    target_accept=task.target,
    seed=task.seed,
    low_rank_modified_mass_matrix=low_rank,
    save_warmup=False,
    progress_bar=False,
    blocking=False,
)
fit = None
while fit is None:
    with contextlib.suppress(TimeoutError):
        fit = sampler.wait(timeout=SECONDS)
    if fit is None:
        # chains that show nothing are in warm-up
        drawn = sampler.inspect().sample_stats["logp"].notnull().sum("draw")
        progress.set(int(drawn.sum() + task.iter_warmup * (drawn > 0).sum()))
seconds = time.perf_counter() - begun
write_vectors(
    task,
    {name: fit.posterior[name] for name in NAMES},
    seconds=seconds,
    gradients=float(fit.sample_stats["n_steps"].sum()),
    packages=("nutpie", "pymc", "pytensor", "numba", "numpy"),
)
