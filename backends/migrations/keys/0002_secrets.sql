-- What the site keeps for itself under its key, by name: secrets that diversify galleries, that sign to others. None belongs to a person.
CREATE TABLE secrets (
    name     TEXT NOT NULL PRIMARY KEY,
    site_key BLOB NOT NULL CHECK (length(site_key) = 16),
    wrapped  BLOB NOT NULL
) STRICT;
