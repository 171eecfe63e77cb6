"""The panels of the dock, one small file each; they read and write the session only."""
