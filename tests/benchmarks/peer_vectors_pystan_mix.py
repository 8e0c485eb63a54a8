"""pystan_mix on vectors: with the fused likelihood, or with the one in Stan.

Seconds: the whole call of `sample`, its search for starts, the weighing, CmdStan's CSV files and
their reading included, with everything compiled before; no posterior predictive.
"""

import time

import numpy as np
from vector_measurement import NAMES, read_vector_task, write_vectors

from pystan_mix.arviz_compat import group, group_names
from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.locate import find_cmdstan
from pystan_mix.fits.attributes import WeighingFindings, read_attributes
from pystan_mix.inference.nuts import sample
from pystan_mix.inference.programs import stan_program
from pystan_mix.mixtures.vectors.data_block import model_of_vector_data
from pystan_mix.weighing.compiled.library import compile_if_missing

task = read_vector_task()
model, y = model_of_vector_data(task.block), task.y
compiled(stan_program(model.program, likelihood=task.options.get("likelihood", "fused")))
compile_if_missing(show_progress=False)
begun = time.perf_counter()
fit = sample(
    model,
    y,
    chains=task.chains,
    parallel_chains=task.cores,
    iter_warmup=task.iter_warmup,
    iter_sampling=task.iter_sampling,
    seed=task.seed,
    predictive_draws=0,
    # the log has how far it is
    show_progress=True,
    **({"adapt_delta": task.target} | task.options),
)
seconds = time.perf_counter() - begun
stats = group(fit, "chains" if "chains" in group_names(fit) else "sample_stats")
weighing = read_attributes(WeighingFindings, fit)
write_vectors(
    task,
    {name: group(fit, "posterior")[name].transpose("chain", "draw", ...) for name in NAMES},
    seconds=seconds,
    gradients=np.sum(stats["n_steps"].values),
    worth=weighing.ess_importance if weighing.weighed else None,
    packages=("pystan_mix", "arviz", "numpy"),
    cmdstan=".".join(map(str, find_cmdstan().version)),
)
