"""Proposals: changes that scripts suggest and a person decides on."""
