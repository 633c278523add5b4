"""Score rules: what a lead is worth.

Scores are counted (:mod:`.counting`) after changes (:mod:`.hooks`) and in the background (:mod:`.recount`).
They can be explained (:mod:`.explaining`), and rules can be tried beforehand (:mod:`.preview`).
"""
