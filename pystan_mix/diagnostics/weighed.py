"""What is wrong with draws of a weighed posterior, and why they are not those of the chains."""

import math
from collections.abc import Iterator

from pystan_mix.arviz_compat import Fit
from pystan_mix.fits.attributes import WeighingFindings, read_attributes
from pystan_mix.fits.groups import CHAINS, elements, posterior_size
from pystan_mix.fits.summary import summarize
from pystan_mix.stats.convergence import R_HAT_THRESHOLD

# draws by importance sampling have no chains: as of four chains
_LEAST_ESS_OF_WEIGHED = 400


def weighed_problems(fit: Fit) -> Iterator[str]:
    """Yield what is wrong with draws of the weighed posterior."""
    findings = read_attributes(WeighingFindings, fit)
    # annealed draws have errors of their own, which are small
    worth = float(math.prod(posterior_size(fit)))
    if not findings.annealed:
        worth = min(findings.ess_importance, worth)
    if not worth >= _LEAST_ESS_OF_WEIGHED:
        yield (
            f"The weighed draws are worth {worth:.0f} independent ones, and should be worth "
            f"{_LEAST_ESS_OF_WEIGHED}. Raise iter_sampling, try fewer components, or give priors "
            "that say more."
        )


def notes_on_weighing(fit: Fit) -> Iterator[str]:
    """Yield why the draws are not those of the chains."""
    findings, table = read_attributes(WeighingFindings, fit), summarize(fit, name=CHAINS)
    parameters = [name for name, _ in elements(fit)]
    worst = table.loc[parameters, "r_hat"].max()
    done = "weighed by the integral of each" if findings.bridged else "weighed"
    if findings.annealed:
        done = "annealed from the prior"
    if findings.modes > 1:
        stayed = "; chains stayed in one each" if findings.chains_stayed else ""
        why = f"{findings.mode_shares}{stayed}; {done}"
    elif worst > R_HAT_THRESHOLD:
        why = f"The chains disagree (R-hat {worst:.2f}), and the posterior is {done}"
    else:
        why = f"The chains agree, but not with the whole posterior, which is {done}"
    if findings.annealed:
        how = (
            f"means are known to {findings.mean_error:.2f} sd, and standard deviations to "
            f"{findings.sd_error:.0%}"
        )
    elif findings.bridged:
        how = (
            f"shares are known to {findings.share_error:.1%}, the draws are worth "
            f"{findings.ess_importance:.0f} independent ones. A mode that no chain has found "
            "would be missing"
        )
    else:
        how = (
            f"k-hat {findings.pareto_khat_weights:.2f}, the draws are worth "
            f"{findings.ess_importance:.0f} independent ones"
        )
    yield f"{why}: {how}. The chains stand in the group {CHAINS!r}."
