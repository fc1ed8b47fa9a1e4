"""Rules: one module each; a rule never imports another."""
