"""Images: read, given to frozen encoders, and their features, which are kept."""
