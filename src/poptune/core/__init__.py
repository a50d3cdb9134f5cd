"""The pure core: search space, population, decisions. No files, clocks, threads or global randomness."""
