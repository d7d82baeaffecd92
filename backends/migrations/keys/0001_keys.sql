-- Keys of persons, wrapped under the key of the site. No backup holds this file: a key destroyed here is destroyed everywhere.
-- Ids are 16 bytes, most significant first; times are microseconds since 1970.

-- wrapped: the key of the person's record; file: what is sealed under it about them.
CREATE TABLE persons (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    token      BLOB    NOT NULL CHECK (length(token) = 32),
    site_key   BLOB    NOT NULL CHECK (length(site_key) = 16),
    wrapped    BLOB    NOT NULL,
    file       BLOB    NOT NULL,
    keep_until INTEGER NOT NULL
) STRICT;
CREATE INDEX persons_by_end ON persons (keep_until);
CREATE INDEX persons_by_site_key ON persons (site_key);

-- A consent lives exactly as long as its key.
CREATE TABLE purpose_keys (
    person     BLOB    NOT NULL,
    purpose    TEXT    NOT NULL,
    site_key   BLOB    NOT NULL CHECK (length(site_key) = 16),
    wrapped    BLOB    NOT NULL,
    is_shared  INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL,
    PRIMARY KEY (person, purpose)
) STRICT;
CREATE INDEX purpose_keys_by_end ON purpose_keys (ends_at);
CREATE INDEX purpose_keys_by_site_key ON purpose_keys (site_key);

-- What the ledger is still to say about what was done here; written in the same transaction as that.
CREATE TABLE pending (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    entry  TEXT NOT NULL
) STRICT;

-- Keys of the site that wrap nothing new.
CREATE TABLE retired (
    site_key BLOB NOT NULL PRIMARY KEY
) STRICT;
