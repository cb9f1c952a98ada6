"""A mean-opinion-score study of restored images (Table I): patches, a blind rating page, and its answers."""
