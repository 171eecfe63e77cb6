"""The methods that are compared, all as ``acquisition -> image``."""

from napari_csc.learn.evaluation.methods.method import Adjoint, Method, dictionary_of, takes

__all__ = ["Adjoint", "Method", "dictionary_of", "takes"]
