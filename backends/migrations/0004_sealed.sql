-- What belongs to persons, sealed under keys that lie in another file (keys.db).
-- slot: which of the person's keys: 'record', or the purpose that it hangs on.
CREATE TABLE sealed (
    person     BLOB    NOT NULL CHECK (length(person) = 16),
    kind       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    slot       TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    body       BLOB    NOT NULL,
    keep_until INTEGER NOT NULL,
    PRIMARY KEY (person, kind, name)
) STRICT;
CREATE INDEX sealed_by_end ON sealed (keep_until);
