"""Whose data it is and who may see it: tenants, users, roles, and what a limited rep does not see."""
