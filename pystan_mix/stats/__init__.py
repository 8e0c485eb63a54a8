"""Statistics of densities and of draws; knows no Stan and no mixture."""
