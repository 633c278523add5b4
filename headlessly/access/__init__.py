"""Tenants, users, roles and row-level access: whose data it is, and who may see it."""
