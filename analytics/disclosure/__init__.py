"""Disclosure control: the last pure step before anything leaves a site (docs/disclosure.md).

`gate.disclose` is the way out; `bounds` estimates from what it lets through; `release` minds what
went out before. Nothing is imported here, so that reading policies needs no scipy.
"""
