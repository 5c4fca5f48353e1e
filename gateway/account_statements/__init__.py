"""An account's statement as customers get it: pages of JSON, or the whole as CSV or PDF."""
