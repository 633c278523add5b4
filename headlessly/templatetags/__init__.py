"""Filters and tags that every template of the product has."""
