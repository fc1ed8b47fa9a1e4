"""The language server: `kerascheck server` speaks the Language Server Protocol on stdin and stdout (extra `[lsp]`)."""
