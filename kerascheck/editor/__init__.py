"""What the language server and the pylsp plugin share: open texts, places in client units, findings, edits, hovers."""
