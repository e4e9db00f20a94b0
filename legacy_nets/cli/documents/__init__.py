"""The commands that print what is known of the documents: facts, errata, pitfalls."""
