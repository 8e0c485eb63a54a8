"""CmdStan: found, installed, its programs compiled, run and read; knows no mixture."""
