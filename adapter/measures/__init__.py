"""Measures: the files of `mappings/Measure`, loaded, composed and checked."""
