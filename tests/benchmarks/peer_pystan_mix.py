"""pystan_mix: with the fused likelihood, or with the one in Stan.

Seconds: the whole call of `sample`, CmdStan's CSV files and their reading included, with the
program compiled before; no posterior predictive, as no peer draws one here.
"""

import time

from measurement import read_task, since_start, write_result

from pystan_mix.cmdstan.compile import compiled
from pystan_mix.cmdstan.locate import find_cmdstan
from pystan_mix.inference.nuts import sample
from pystan_mix.inference.programs import stan_program
from pystan_mix.study.data_sets import CLOSE_MODEL, SEPARATED_MODEL

task = read_task()
model = {"mof3": CLOSE_MODEL, "mofsep": SEPARATED_MODEL}[task.posterior]
compiled(stan_program(model.program, likelihood=task.options.get("likelihood", "fused")))
begun = time.perf_counter()
fit = sample(
    model,
    task.y,
    chains=task.chains,
    parallel_chains=task.cores,
    iter_warmup=task.iter_warmup,
    iter_sampling=task.iter_sampling,
    seed=task.seed,
    predictive_draws=0,
    show_progress=False,
    **({"adapt_delta": task.target} | task.options),
)
seconds = time.perf_counter() - begun
cold_seconds = since_start()
posterior = fit.posterior
write_result(
    task,
    {name: posterior[name].transpose("chain", "draw", "component") for name in task.names},
    seconds=seconds,
    cold_seconds=cold_seconds,
    packages=("pystan_mix", "arviz", "numpy"),
    cmdstan=".".join(map(str, find_cmdstan().version)),
)
