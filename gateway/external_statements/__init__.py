"""External statements as they are uploaded: CSV and ISO 20022 camt.053, parsed while they arrive."""
