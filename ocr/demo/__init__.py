"""Web page for reading and correcting pages: `ocr demo`, with the extra `demo`. Works without a network."""
