"""A first raiway.toml, with every setting explained, and the .gitignore that goes with it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from adapter.errors import UsageError
from adapter.files import write_atomically

IGNORED = (
    "raiway.toml",
    "raiway.db*",
    "raiway-demo/",
    "landing/",
    "export/",
    "*.ndjson*",
    "report.json",
    "secrets/",
    "keys/",
)

TEMPLATE = """\
# Raiway's settings. An environment variable beats this file (RAIWAY_STORE__URL for [store] url),
# a command's own option beats both. Unknown keys are refused. Check with: raiway doctor

[store]
# Where the facts are kept. SQLite needs no set-up. For PostgreSQL:
#   "postgresql+psycopg://user@host/raiway"
# with the password in PGPASSWORD or ~/.pgpass rather than here.
url = "sqlite:///raiway.db"

[landing]
# Where raiway pull writes: a folder for each run of each site.
folder = "landing"
# How many runs of a site stay, once they are in a store; 0: all. Where both are set, what either
# keeps stays. Figures are walked back to lines of files only as long as these are there.
keep_runs = 0
# How many days they stay, once they are in a store; 0: for ever.
keep_days = 0

[analysis]
# The study that is evaluated: a file of mappings/study/.
study = "redifferentiation"

[mappings]
# A folder of your own codes, units, studies and measures, laid over the shipped ones; "": none.
folder = ""

[report]
# Who reports: a reference to an Organization, Practitioner, PractitionerRole or Location.
reporter = "Organization/example-hospital"
# The base of the canonical urls of our Measures, Libraries and extensions.
base = "https://raiway.example/fhir"

[server]
# How raiway serve answers registries (docs/serve.md, docs/security.md). As it stands it asks nobody
# who they are, and can be reached from this machine only.
host = "127.0.0.1"
# 0 takes any that is free.
port = 8000
# Server processes.
workers = 1
# "required": systems need a token, people a log-in. Without it, loopback only.
authentication = "none"
# How clients reach it, if not by host and port.
# public_url = "https://raiway.hospital.example"
# Its certificate, where no proxy ends TLS.
# tls_certificate = "tls/server.pem"
# The certificate's key: a file of mode 0600, or "env:NAME".
# tls_key = "env:RAIWAY_TLS_KEY"
# true: a proxy in front ends TLS.
# behind_proxy = true
# Bounds, each with a default: body_mb, requests_per_minute, evaluations_at_once, page, ...
[server.limits]

# A [[server.clients]] for each registered system: id, jwks_uri or jwks_file, scopes, policy (what
# its reports may state); see docs/security.md.

[registry]
# Where raiway submit sends our reports (docs/pooling.md): the registry's FHIR base.
url = ""
# smart (Backend Services), once client_id is set; or none.
auth = "smart"
# The id under which the registry has registered us.
client_id = ""
# Made by: raiway keys registry --new. It signs reports, and is what the registry knows us by.
private_key = ""
# How the registry calls that key; without one, the key's thumbprint.
kid = ""
# Another key, to sign with; "": the one above does both.
signing_key = ""
# The proxy that leads out of the hospital's network.
proxy = ""
# The certificate authority of the registry's own (PEM).
ca_file = ""
# What was signed and sent: each report names the one before it. To be backed up.
releases = "raiway-releases.json"

[trust]
# On a registry: the file that says which site signs with which key (docs/pooling.md).
keys = ""
# The FHIR base for which sites sign; "": this server's.
audience = ""

# One [[sites]] for each site whose data is loaded.
[[sites]]
# As in: raiway ingest export/ --site A --timezone America/New_York
name = "A"
# The IANA zone in which the site's days begin and end. Without one, days are taken in UTC, with a
# warning where that moves them.
# timezone = "America/New_York"
# FHIR ConceptMaps (JSON files) from the site's own codes to standard ones; paths from this folder.
concept_maps = []
# What the site's server is: epic, oracle or mii; or the path of the site's own file, ending in
# .toml ("": the shipped file named as the site, if there is one). In such a file there may stand
# timezone, concept_maps, tenants, extends = "epic", and the tables [molar_mass_kda] and [units]
# (Tg = "ng/mL": the unit of values that come without one); see docs/vendors.md.
profile = ""

# What follows is for: raiway pull A. Take away the # before a key to set it; what stands there is
# the default, or an example where there is none. A secret is never written here: a key that wants
# one takes a file (mode 0600; paths from this folder) or "env:NAME", an environment variable.

# The FHIR base of the site's server; https, but for this machine.
# base_url = "https://fhir.a.example/r4"
# Other hosts of the server's, of export files for instance. No others are ever asked.
# extra_origins = ["https://files.a.example"]
# bulk: a Bulk Data export; crawl: search, page by page; files: neither, a folder of NDJSON.
# mode = "bulk"
# What an export takes: group (of the id below), patient (all), system (all resources).
# export_level = "group"
# The id of the Group whose patients are exported.
# group = "thyroid"

# How it is searched: default, epic, hapi, microsoft, oracle; or the path of the site's own file,
# ending in .toml ("": what the server says that it is).
# server = ""

# smart (Backend Services), bearer, basic or none.
# auth = "smart"
# The id under which the site has registered us.
# client_id = "raiway-a"
# Made by: raiway keys A --new, which says what the file is called.
# private_key = "keys/A.ES384.pem"
# How the site calls that key; without one, the key's thumbprint (which raiway keys prints).
# kid = "2026-11"
# ES384 or RS384; without one, what the key is good for.
# alg = "ES384"
# auto: reading each type below, as far as the server offers it; or the scopes themselves, such as
# "system/*.rs", which some servers want for an export.
# scope = "auto"
# Where tokens come from, if not where the server's smart-configuration says.
# token_url = "https://auth.a.example/token"
# With auth = "bearer".
# token = "env:A_TOKEN"
# With auth = "basic".
# username = "env:A_USER"
# With auth = "basic".
# password = "env:A_PASSWORD"
# What a vendor wants with each request; it goes to base_url only.
# headers = { Epic-Client-ID = "raiway-a" }

# The proxy that leads out of the hospital's network.
# proxy = "http://proxy.hospital.example:3128"
# The certificate authority of the hospital's own (PEM), beside those that this machine trusts.
# ca_file = "keys/ca.pem"
# Our certificate, where the server wants one (mutual TLS).
# client_cert = "keys/client.pem"
# Its private key: a file.
# client_cert_key = "keys/client.key"
# false checks no certificates; taken on this machine only, for trying.
# verify_tls = true

# The resource types to pull; without any, all that mappings/ read.
# types = ["Patient", "Condition", "Observation"]
# Filters of an export, as in the Bulk Data specification's _typeFilter; the server may ignore them.
# type_filter = ["Observation?status=final"]
# How an export's lists are sent: comma (one parameter) or repeat (one for each value).
# list_style = "comma"
# auto: what has changed since the last good pull; none: everything; or an instant with its zone.
# since = "auto"
# How far before the last good pull to begin, for changes that came while it ran.
# overlap = "5m"

# Bounds of one run; sizes are of unpacked content.
# [sites.limits]
# Requests at once; halved each time that the server says it is too busy.
# concurrency = 5
# The largest page of a search.
# page_mb = 64
# The longest line of a file; longer ones go to quarantine.
# line_mb = 64
# What a run may take in all.
# run_gb = 200
# How long a run may take.
# deadline = "12h"
# The longest wait that a server may ask for (Retry-After).
# retry_after_max = "10m"

# What is kept of patients' data, decided before anything is stored.
# [sites.privacy]
# identified: all; limited: a HIPAA limited data set (dates, city, state, zip); safe_harbor: years.
# mode = "limited"
# Shift each patient's dates by 1 to 364 days; that is no Safe Harbor.
# date_shift = false
# The secret of the pseudonyms: with the same one, the same patients get the same ids.
# id_key = "env:RAIWAY_ID_KEY"
# The secret of the shifts.
# shift_key = "env:RAIWAY_SHIFT_KEY"
# Which elements are kept: builtin, or a TOML file of the site's own.
# rules = "builtin"
# Elements whose free text is kept.
# keep_text = []
# Extensions that are kept, by the end of their url.
# extensions = ["us-core-race", "us-core-ethnicity", "us-core-birthsex"]
"""


def start(file: Path) -> list[str]:
    """Write `file`, and a .gitignore beside it; what the latter ignores now and did not before.

    Raises UsageError where the file exists or cannot be written.
    """
    if file.exists():
        raise UsageError(
            "exists already, and is not overwritten",
            where=str(file),
            hint="move it away first, or write another: raiway init --config FILE",
        )
    write_atomically(file, TEMPLATE)
    return _ignore(file.parent / ".gitignore", dict.fromkeys((*IGNORED, file.name)))


def _ignore(file: Path, patterns: Iterable[str]) -> list[str]:
    try:
        present = file.read_text(encoding="utf-8") if file.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("cannot be read", where=str(file), hint="check the file") from error
    missing = [pattern for pattern in patterns if pattern not in present.splitlines()]
    if missing:
        gap = "" if not present or present.endswith("\n") else "\n"
        write_atomically(file, present + gap + "\n".join(missing) + "\n")
    return missing
