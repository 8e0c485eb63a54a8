"""NumPyro on vectors: on the CPU, in 64 bits, each chain on a JAX device of its own.

All components' densities are written out over coordinates, which JAX fuses into one loop: at
100 000 vectors that is faster than `MixtureSameFamily` of `MultivariateNormal` by a factor of ten.
Seconds: of NUTS's iterations, in blocks that are compiled before; its search for a first step, and
what JAX compiles for that, are left out.
"""

import math
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer import NUTS
from numpyro.infer.util import unconstrain_fn
from vector_measurement import NAMES, Progress, VectorTask, read_vector_task, write_vectors

# of a run, so that it can say how far it is
BLOCKS = 10


def model(task: VectorTask, y: jax.Array) -> None:
    """Sample `theta`, `mu`, `sigma` and the correlations' Cholesky factors."""
    block, (K, D) = task.block, (task.block["K"], task.block["D"])
    theta = numpyro.sample("theta", dist.Dirichlet(jnp.array(block["alpha"])))
    means = dist.Normal(jnp.array(block["mu_loc"]), jnp.array(block["mu_scale"]))
    mu = numpyro.sample("mu", means.expand([K, D]).to_event(2))
    scale, least = jnp.array(block["sigma_scale"]), jnp.array(block["min_sigma"])
    scales = dist.TruncatedNormal(jnp.zeros(D), scale, low=least)
    sigma = numpyro.sample("sigma", scales.expand([K, D]).to_event(2))
    roots = dist.LKJCholesky(D, block["corr_eta"])
    root = numpyro.sample("root", roots.expand([K]).to_event(1))
    numpyro.deterministic("corr", root @ root.mT)
    terms = []
    for k in range(K):
        z: list[jax.Array] = []
        total = jnp.log(theta[k]) - 0.5 * D * jnp.log(2 * jnp.pi)
        for i in range(D):
            left = (y[i] - mu[k, i]) / sigma[k, i] - sum(root[k, i, j] * z[j] for j in range(i))
            z.append(left / root[k, i, i])
            total = total - 0.5 * z[i] ** 2 - jnp.log(sigma[k, i]) - jnp.log(root[k, i, i])
        terms.append(total)
    numpyro.factor("y", jax.scipy.special.logsumexp(jnp.stack(terms), axis=0).sum())


def starts(task: VectorTask, y: jax.Array) -> dict[str, jax.Array]:
    """Return unconstrained initial values of each chain, jittered as PyMC does."""
    rng, each = np.random.default_rng(task.seed), []
    for chain in range(task.chains):
        start = task.starts[chain % len(task.starts)]
        place = {name: jnp.array(start[name]) for name in ("theta", "mu", "sigma")}
        place["root"] = jnp.linalg.cholesky(jnp.array(start["corr"]))
        free = unconstrain_fn(model, (task, y), {}, place)
        each.append({n: x + task.jitter * rng.uniform(-1, 1, x.shape) for n, x in free.items()})
    return {name: jnp.stack([one[name] for one in each]) for name in each[0]}


compiling: list[str] = []


def note_compiling(event: str, seconds: float, **_: object) -> None:
    """Note that JAX traced or compiled something that took time."""
    if event.startswith("/jax/core/compile/") and seconds > 0.01:
        compiling.append(f"{event} {seconds:.2f} s")


task = read_vector_task()
task.refuse_other_priors()
numpyro.set_platform("cpu")
numpyro.set_host_device_count(task.chains)
numpyro.enable_x64()
jax.monitoring.register_event_duration_secs_listener(note_compiling)
# a coordinate after the other
y = jnp.array(task.y.T.copy())
kernel = NUTS(model, target_accept_prob=task.target, **task.options)
keys = jax.random.split(jax.random.PRNGKey(task.seed), task.chains)
places = starts(task, y)
# one after the other: of keys of all chains it would make states that pmap cannot take apart
each = [
    kernel.init(
        keys[chain], task.iter_warmup, {n: x[chain] for n, x in places.items()}, (task, y), {}
    )
    for chain in range(task.chains)
]
state = jax.tree.map(lambda *leaves: jnp.stack(leaves), *each)
both = math.gcd(task.iter_warmup, task.iter_sampling)
size = both // BLOCKS if both % BLOCKS == 0 else both


def some_iterations(state: object) -> tuple[object, tuple[object, jax.Array]]:
    """Run NUTS for a block of iterations."""

    def one(state: object, _: None) -> tuple[object, tuple[object, jax.Array]]:
        state = kernel.sample(state, (task, y), {})
        return state, (state.z, state.num_steps)

    return jax.lax.scan(one, state, None, length=size)


constrained = jax.jit(jax.vmap(jax.vmap(kernel.postprocess_fn((task, y), {}))))
chains = jax.pmap(some_iterations)
# compiled by two blocks that are thrown away: later states lie on a device each, the first does not
jax.block_until_ready(chains(chains(state)[0]))
progress = Progress(task)
compiling.clear()
blocks, begun = [], time.perf_counter()
for _ in range((task.iter_warmup + task.iter_sampling) // size):
    state, found = jax.block_until_ready(chains(state))
    blocks.append(found)
    progress.add(task.chains * size)
seconds = time.perf_counter() - begun
if compiling:
    sys.exit(f"JAX compiled again in what was timed: {compiling}")
blocks = blocks[task.iter_warmup // size :]
free = {
    name: np.concatenate([np.asarray(z[name]) for z, _ in blocks], axis=1) for name in blocks[0][0]
}
samples = constrained(free)
write_vectors(
    task,
    {name: samples[name] for name in NAMES},
    seconds=seconds,
    gradients=float(sum(np.sum(steps) for _, steps in blocks)),
    packages=("numpyro", "jax", "jaxlib", "numpy"),
)
