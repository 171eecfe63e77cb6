"""MRD version 2: streams of readouts and images, read and written by the package mrd-python."""
