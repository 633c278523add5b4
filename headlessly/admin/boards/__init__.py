"""Boards: a noun with a state machine as columns of cards."""
