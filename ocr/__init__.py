"""Read handwriting: detector, recogniser, synthesis, training and inference in one package."""
