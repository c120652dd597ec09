"""From a source's files to records: each record becomes a row, kept, rejected or failed."""
