"""The synthetic hospital: hand-written truth tables as FHIR R4 resources, for demo and tests.

It shares no code with the mapping, so that the two can disagree.
"""
