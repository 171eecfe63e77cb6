"""Play: iterations and filters as pictures one after the other."""
