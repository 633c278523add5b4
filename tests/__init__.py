"""Tests. A name finishes the sentence "it ..."."""
