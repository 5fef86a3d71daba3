"""The plots: Vega-Lite specifications by Altair, one module a plot, and their static SVG.

One specification serves report, pages and notebook. A chart takes plain rows of numbers and texts;
what may be drawn at which level is decided before (`adapter.html_report`).
"""
