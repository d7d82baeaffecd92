-- What was worked out earlier. Values stand apart from what is known of them, so that noting a use writes a few bytes.
-- `made` and `used` are the openings in which an entry was put in and last asked for.
CREATE TABLE entries (
    id      INTEGER PRIMARY KEY,
    key     BLOB NOT NULL UNIQUE CHECK (length(key) = 32),
    made    INTEGER NOT NULL,
    used    INTEGER NOT NULL,
    n_bytes INTEGER NOT NULL
) STRICT;
CREATE INDEX entries_used ON entries (used, id);
CREATE TABLE contents (
    id    INTEGER PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;
-- One row: how often the file was opened to be used, which is the clock by which entries age.
CREATE TABLE uses (n INTEGER NOT NULL) STRICT;
INSERT INTO uses VALUES (0);
