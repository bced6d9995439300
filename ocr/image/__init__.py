"""Images: decoding, preprocessing, augmentation."""
