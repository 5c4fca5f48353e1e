"""Screening names against sanctions lists: how names are written, how alike they are, who is like whom."""
