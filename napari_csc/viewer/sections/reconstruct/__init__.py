"""Maps, Solver, Presets and Run: how it is reconstructed."""
