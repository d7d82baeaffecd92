-- Galleries of several machines in one database. Numbers of templates are diversified and not sealed, as the database compares them: see
-- docs/threats.md. Statements are run at every opening, one after the other, and change nothing that is there.

CREATE EXTENSION IF NOT EXISTS vector;

CREATE TABLE IF NOT EXISTS regard_gallery (
    gallery   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name      text    NOT NULL UNIQUE,
    -- Which model and transform the numbers are of: whoever holds others is refused.
    model     bigint  NOT NULL,
    transform bigint  NOT NULL,
    dimension integer NOT NULL
);

-- One row for whoever has a template or a place in a merge. `parent`: whom they were merged into; `root`: as whom they answer.
CREATE TABLE IF NOT EXISTS regard_gallery_person (
    gallery   integer NOT NULL REFERENCES regard_gallery ON DELETE CASCADE,
    person    bytea   NOT NULL,
    parent    bytea,
    root      bytea   NOT NULL,
    is_frozen boolean NOT NULL DEFAULT false,
    PRIMARY KEY (gallery, person)
);
CREATE INDEX IF NOT EXISTS regard_gallery_person_root ON regard_gallery_person (gallery, root);
CREATE INDEX IF NOT EXISTS regard_gallery_person_frozen ON regard_gallery_person (gallery, root) WHERE is_frozen;

CREATE TABLE IF NOT EXISTS regard_gallery_template (
    gallery  integer NOT NULL,
    template bytea   NOT NULL,
    person   bytea   NOT NULL,
    picture  bytea,
    -- Whole numbers from -127 to 127: products are exact in the single precision that the extension counts in.
    numbers  vector  NOT NULL,
    PRIMARY KEY (gallery, template),
    FOREIGN KEY (gallery, person) REFERENCES regard_gallery_person ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS regard_gallery_template_person ON regard_gallery_template (gallery, person);

-- Those known to be two people, the smaller id first.
CREATE TABLE IF NOT EXISTS regard_gallery_strangers (
    gallery integer NOT NULL,
    a       bytea   NOT NULL,
    b       bytea   NOT NULL,
    PRIMARY KEY (gallery, a, b),
    FOREIGN KEY (gallery, a) REFERENCES regard_gallery_person (gallery, person) ON DELETE CASCADE,
    FOREIGN KEY (gallery, b) REFERENCES regard_gallery_person (gallery, person) ON DELETE CASCADE
);
