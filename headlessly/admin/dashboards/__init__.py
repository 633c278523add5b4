"""Dashboards: tiles and charts that the apps register."""
