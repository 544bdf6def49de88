-- What the MariaDB of a preinstalled Qserv worker holds before anything is ingested, docs/contract/storage.md §1 and §5.
-- Safe to repeat: it runs at every start of a development server.

CREATE USER IF NOT EXISTS 'qsmaster'@'localhost';

CREATE DATABASE IF NOT EXISTS qservw_worker;

CREATE TABLE IF NOT EXISTS qservw_worker.Dbs (
  db CHAR(200) NOT NULL PRIMARY KEY
) ENGINE=InnoDB DEFAULT CHARSET=latin1;

CREATE TABLE IF NOT EXISTS qservw_worker.Chunks (
  db CHAR(200) NOT NULL,
  chunk INT UNSIGNED NOT NULL,
  UNIQUE KEY (db, chunk)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;

GRANT ALL ON qservw_worker.* TO 'qsmaster'@'localhost';
