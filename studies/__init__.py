"""Studies of the method: simulations with known effects, audits of tables, benchmarks."""
