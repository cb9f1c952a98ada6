"""Getting published files, of datasets and of weights: from a mirror or the official places, checked, resumed."""
