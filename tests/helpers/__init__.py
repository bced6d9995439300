"""What several test modules use: small models, sources and files."""
