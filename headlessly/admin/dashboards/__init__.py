"""The dashboard: tiles and charts that the apps declare."""
