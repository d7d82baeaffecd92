-- Studies: what the owner set up, and who was invited. What participants gave is in sealed, under keys that lie in keys.db.
CREATE TABLE studies (
    study      TEXT    NOT NULL PRIMARY KEY,
    plan       TEXT    NOT NULL,
    is_open    INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    keep_until INTEGER NOT NULL
) STRICT;
-- token: the hash of an invitation, which is good once.
CREATE TABLE invitations (
    token      BLOB    NOT NULL PRIMARY KEY CHECK (length(token) = 32),
    study      TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    spent_at   INTEGER,
    keep_until INTEGER NOT NULL
) STRICT;
CREATE INDEX invitations_by_study ON invitations (study, spent_at);
CREATE INDEX invitations_by_end ON invitations (keep_until);
CREATE INDEX sealed_by_name ON sealed (kind, name, person);
