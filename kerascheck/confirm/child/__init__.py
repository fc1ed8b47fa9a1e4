"""The program of the child process: it imports nothing of kerascheck but itself."""
