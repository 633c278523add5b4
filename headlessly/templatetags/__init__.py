"""Filters that every template of the product has."""
