"""How the command line ends, as a number."""

EXIT_OK = 0
EXIT_USAGE = 2
EXIT_NO_CMDSTAN = 3
EXIT_COMPILATION = 4
EXIT_SAMPLING = 5
EXIT_NOT_BELIEVED = 6
EXIT_MEANS_ONLY = 7
EXIT_DISAGREE = 8
EXIT_INTERRUPTED = 130

# of a verdict on a fit
EXIT_CODE_OF: dict[str, int] = {
    "fine": EXIT_OK,
    "means only": EXIT_MEANS_ONLY,
    "do not use": EXIT_NOT_BELIEVED,
}
# of a verdict on several posteriors
EXIT_CODE_OF_COMPARISON: dict[str, int] = {
    "agree": EXIT_OK,
    "unclear": EXIT_NOT_BELIEVED,
    "disagree": EXIT_DISAGREE,
}

EXIT_CODES = f"""\
exit codes:
  {EXIT_OK}    done
  {EXIT_USAGE}    wrong usage, bad data, a bad setting, or no PyMC (`compare --live`)
  {EXIT_NO_CMDSTAN}    no usable CmdStan, or it could not be installed
  {EXIT_COMPILATION}    a Stan program did not compile
  {EXIT_SAMPLING}    CmdStan failed while it ran, or its output is not whole
  {EXIT_NOT_BELIEVED}    the fit is there, but its diagnosis finds problems (`fit`);
       a fit cannot run here (`doctor`); the draws do not show whether posteriors
       agree (`compare`)
  {EXIT_MEANS_ONLY}    the fit is there, but good for means only: its intervals are
       too narrow (`fit --method advi`)
  {EXIT_DISAGREE}    posteriors do not agree (`compare`)
  {EXIT_INTERRUPTED}  interrupted (Ctrl-C)
"""
