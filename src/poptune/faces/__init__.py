"""Faces: what a person sees of a run, and what `poptune demo` trains."""
