-- What services hold in collections: templates and names, each sealed under a key that lies in another file (keys.db).
-- item: which of the collection's rows; 'head' is the collection itself.
CREATE TABLE collected (
    collection TEXT    NOT NULL,
    item       TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    body       BLOB    NOT NULL,
    keep_until INTEGER NOT NULL,
    PRIMARY KEY (collection, item)
) STRICT;
CREATE INDEX collected_by_end ON collected (keep_until);
