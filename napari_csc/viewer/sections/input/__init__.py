"""Input: what is reconstructed."""
