"""Score rules: what a lead is worth, counted (:mod:`.counting`) after what happens (:mod:`.hooks`) and in the
background (:mod:`.recount`); why (:mod:`.explaining`), and what a rule would do (:mod:`.preview`)."""
