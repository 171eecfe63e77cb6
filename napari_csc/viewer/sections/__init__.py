"""The sections of the dock, a folder each: panel, model and layers."""
