-- In which slot of its screen a play was; NULL where its message had all of the glass.
ALTER TABLE plays ADD COLUMN slot TEXT;
