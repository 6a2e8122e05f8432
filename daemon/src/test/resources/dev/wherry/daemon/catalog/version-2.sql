-- A catalog as the program wrote it that knew versions 1 and 2 alone, still without volumes but with the rows of a share.
-- What is in the field does not change when the program does: neither does this file.
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
CREATE TABLE peer (name TEXT PRIMARY KEY, link TEXT NOT NULL, uuid TEXT, added_at INTEGER NOT NULL,
  checksum INTEGER NOT NULL) STRICT;
CREATE TABLE share (volume_id INTEGER PRIMARY KEY REFERENCES volume(id) ON DELETE CASCADE,
  role TEXT NOT NULL CHECK (role IN ('OWNER', 'STANDBY', 'FORMER')), owner TEXT NOT NULL,
  epoch INTEGER NOT NULL CHECK (epoch > 0), read_policy TEXT NOT NULL, write_policy TEXT NOT NULL,
  manual INTEGER NOT NULL CHECK (manual IN (0, 1)),
  has_store INTEGER NOT NULL CHECK (has_store IN (0, 1)),
  wanted INTEGER NOT NULL CHECK (wanted IN (0, 1)), source TEXT, base TEXT, fence TEXT,
  map INTEGER NOT NULL CHECK (map >= 0), checksum INTEGER NOT NULL) STRICT;
CREATE TABLE share_member (volume_id INTEGER NOT NULL REFERENCES share(volume_id) ON DELETE CASCADE,
  position INTEGER NOT NULL, node TEXT NOT NULL, PRIMARY KEY (volume_id, position)) STRICT;
CREATE TABLE share_range (volume_id INTEGER NOT NULL REFERENCES share(volume_id) ON DELETE CASCADE,
  position INTEGER NOT NULL, offset INTEGER NOT NULL CHECK (offset >= 0),
  length INTEGER NOT NULL CHECK (length > 0), policy TEXT NOT NULL,
  PRIMARY KEY (volume_id, position)) STRICT;
CREATE TABLE share_option (volume_id INTEGER PRIMARY KEY REFERENCES share(volume_id) ON DELETE CASCADE,
  booked INTEGER NOT NULL CHECK (booked >= 0), minimum INTEGER NOT NULL CHECK (minimum >= 0),
  bandwidth INTEGER NOT NULL CHECK (bandwidth > 0), checksum INTEGER NOT NULL) STRICT;
INSERT INTO migration VALUES (1, 'volumes of one node', 1);
INSERT INTO migration VALUES (2, 'nodes, and volumes that several of them have', 1);
INSERT INTO share VALUES (1, 'OWNER', 'n', 1, 'PULL', 'BACK', 1, 1, 0, NULL, NULL, NULL, 0, 639656193);
INSERT INTO share_member VALUES (1, 0, 'b');
INSERT INTO share_option VALUES (1, 0, 20000000, 9223372036854775807, 1247538223);
INSERT INTO node VALUES (1, 'the-uuid', 'n', 1);
PRAGMA application_id = 1464357465;
PRAGMA user_version = 2;
