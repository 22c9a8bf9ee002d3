"""Small helpers that every part uses: files, progress bars, errors, Torch7's file format."""
