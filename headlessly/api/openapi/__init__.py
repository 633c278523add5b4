"""OpenAPI 3.1 of a tenant's API, made from the declarations of its nouns.

:mod:`headlessly.api.json_schema` says what a field is in JSON Schema, :mod:`.components` what a noun is,
:mod:`.operations` what can be done with it, :mod:`.platform` and :mod:`.resources` what else there is;
:mod:`.document` puts it together.
"""
