"""A noun with a state machine as a board of cards."""
