"""Tests. The name of a test finishes the sentence "it ..."."""
