"""FHIR data from a server into a landing folder.

transport: HTTP and what guards it. auth: who we are to the server. crawl: FHIR search. export:
Bulk Data. landing: the folder, its runs and their state. `run.pull_site` goes through all of it, as
`plan` says; `checks` is what each resource must pass.
"""
