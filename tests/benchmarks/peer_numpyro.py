"""NumPyro on the CPU, in 64 bits, each chain on a JAX device of its own.

NumPyro documents `set_host_device_count` and parallel chains for CPUs. `pmap` is called here and
not left to `chain_method="parallel"`, which does the same but compiles again at each call.
Seconds: the second call in the same process, with other random keys; JAX compiles nothing in it.
"""

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from measurement import Task, read_task, since_start, write_result
from numpyro.distributions import constraints
from numpyro.infer import MCMC, NUTS
from numpyro.infer.util import unconstrain_fn


def model(task: Task, y: jax.Array) -> None:
    """Sample `theta`, `mu` and `sigma` of the mixture."""
    alpha = jnp.array(task.alpha)
    if task.min_weight > 0:
        # uniform, and an affine map needs no Jacobian: the factor is the prior of theta
        theta_raw = numpyro.sample("theta_raw", dist.Dirichlet(jnp.ones(task.n_components)))
        theta = numpyro.deterministic(
            "theta", task.min_weight + (1 - task.n_components * task.min_weight) * theta_raw
        )
        numpyro.factor("theta_prior", jnp.sum((alpha - 1) * jnp.log(theta)))
    else:
        theta = numpyro.sample("theta", dist.Dirichlet(alpha))
    mu = numpyro.sample(
        "mu", dist.ImproperUniform(constraints.ordered_vector, (), (task.n_components,))
    )
    prior = dist.Normal(jnp.array(task.mu_loc), jnp.array(task.mu_scale))
    numpyro.factor("mu_prior", prior.log_prob(mu).sum())
    if task.sigma_scale is None:
        sigma = jnp.array(task.sigma)
    else:
        sigma = numpyro.sample("sigma", dist.HalfCauchy(jnp.array(task.sigma_scale)).to_event(1))
    mixture = dist.MixtureSameFamily(dist.Categorical(probs=theta), dist.Normal(mu, sigma))
    numpyro.sample("obs", mixture, obs=y)


def starts(task: Task, y: jax.Array) -> dict[str, jax.Array]:
    """Return unconstrained initial values of each chain, jittered as PyMC does."""
    centre = {"mu": jnp.array(task.start_mu)}
    centre["theta_raw" if task.min_weight > 0 else "theta"] = jnp.full(
        task.n_components, 1 / task.n_components
    )
    if task.sigma_scale is not None:
        centre["sigma"] = jnp.array(task.sigma_scale)
    rng = np.random.default_rng(task.seed)
    return {
        name: value + rng.uniform(-1, 1, size=(task.chains, *value.shape))
        for name, value in unconstrain_fn(model, (task, y), {}, centre).items()
    }


compiling: list[str] = []


def note_compiling(event: str, seconds: float, **_: object) -> None:
    """Note that JAX traced or compiled something that took time."""
    if event.startswith("/jax/core/compile/") and seconds > 0.01:
        compiling.append(f"{event} {seconds:.2f} s")


task = read_task()
numpyro.set_platform("cpu")
numpyro.set_host_device_count(task.chains)
numpyro.enable_x64()
jax.monitoring.register_event_duration_secs_listener(note_compiling)
y = jnp.array(task.y)


def one_chain(key: jax.Array, init_params: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """Run NUTS."""
    mcmc = MCMC(
        NUTS(model, target_accept_prob=task.target, **task.options),
        num_warmup=task.iter_warmup,
        num_samples=task.iter_sampling,
        progress_bar=False,
    )
    mcmc.run(key, task, y, init_params=init_params)
    return mcmc.get_samples()


chains = jax.pmap(one_chain)
init_params = starts(task, y)
jax.block_until_ready(chains(jax.random.split(jax.random.PRNGKey(0), task.chains), init_params))
cold_seconds = since_start()
keys = jax.random.split(jax.random.PRNGKey(task.seed), task.chains)
compiling.clear()
begun = time.perf_counter()
samples = jax.block_until_ready(chains(keys, init_params))
seconds = time.perf_counter() - begun
if compiling:
    sys.exit(f"JAX compiled again in the call that was timed: {compiling}")
write_result(
    task,
    {name: samples[name] for name in task.names},
    seconds=seconds,
    cold_seconds=cold_seconds,
    packages=("numpyro", "jax", "jaxlib", "numpy"),
)
