-- What the owner put in while the program ran, such as campaigns.
CREATE TABLE documents (
    name       TEXT    NOT NULL PRIMARY KEY,
    value      TEXT    NOT NULL,
    keep_until INTEGER NOT NULL
) STRICT;
