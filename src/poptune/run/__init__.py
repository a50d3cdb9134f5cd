"""A run: the loop from reports to decisions to actions, and what is left of it."""
