-- What the MariaDB of a preinstalled Qserv czar holds before anything is ingested, docs/contract/storage.md §1 and §4.
-- Safe to repeat: it runs at every start of a development server.

CREATE USER IF NOT EXISTS 'qsmaster'@'localhost';

CREATE DATABASE IF NOT EXISTS qservMeta;
CREATE DATABASE IF NOT EXISTS qservCssData;

CREATE TABLE IF NOT EXISTS qservCssData.kvData (
  kvId INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  kvKey CHAR(255) NOT NULL,
  kvVal TEXT NOT NULL,
  parentKvId INT,
  UNIQUE KEY (kvKey),
  FOREIGN KEY (parentKvId) REFERENCES qservCssData.kvData (kvId) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_bin;

INSERT IGNORE INTO qservCssData.kvData (kvKey, kvVal, parentKvId) VALUES ('', '', NULL);
INSERT IGNORE INTO qservCssData.kvData (kvKey, kvVal, parentKvId)
  SELECT '/css_meta', '', kvId FROM qservCssData.kvData WHERE kvKey = '';
INSERT IGNORE INTO qservCssData.kvData (kvKey, kvVal, parentKvId)
  SELECT '/css_meta/version', '1', kvId FROM qservCssData.kvData WHERE kvKey = '/css_meta';

GRANT ALL ON qservMeta.* TO 'qsmaster'@'localhost';
GRANT ALL ON qservCssData.* TO 'qsmaster'@'localhost';
