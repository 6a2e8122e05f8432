-- A catalog as the program wrote it that knew version 1 alone, still without volumes. What is in the field does not
-- change when the program does: neither does this file.
CREATE TABLE migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL,
  applied_at INTEGER NOT NULL) STRICT;
CREATE TABLE node (id INTEGER PRIMARY KEY CHECK (id = 1), uuid TEXT NOT NULL,
  name TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT;
CREATE TABLE volume (id INTEGER PRIMARY KEY AUTOINCREMENT, suid TEXT NOT NULL UNIQUE,
  size INTEGER NOT NULL CHECK (size > 0),
  block_size INTEGER NOT NULL CHECK (block_size > 0),
  read_only INTEGER NOT NULL CHECK (read_only IN (0, 1)), handler TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('CREATING', 'READY', 'DELETING')),
  created_at INTEGER NOT NULL, checksum INTEGER NOT NULL) STRICT;
CREATE TABLE volume_backing (volume_id INTEGER NOT NULL REFERENCES volume(id) ON DELETE CASCADE,
  position INTEGER NOT NULL, spec TEXT NOT NULL,
  managed INTEGER NOT NULL CHECK (managed IN (0, 1)), PRIMARY KEY (volume_id, position)) STRICT;
CREATE TABLE volume_setting (volume_id INTEGER NOT NULL REFERENCES volume(id) ON DELETE CASCADE,
  key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (volume_id, key)) STRICT;
CREATE TABLE volume_access (volume_id INTEGER NOT NULL REFERENCES volume(id) ON DELETE CASCADE,
  position INTEGER NOT NULL, rule TEXT NOT NULL, PRIMARY KEY (volume_id, position)) STRICT;
INSERT INTO migration VALUES (1, 'volumes of one node', 1);
INSERT INTO node VALUES (1, 'the-uuid', 'n', 1);
PRAGMA application_id = 1464357465;
PRAGMA user_version = 1;
