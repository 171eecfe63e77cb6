"""Measure: profiles and regions."""
