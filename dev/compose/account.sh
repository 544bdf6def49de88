# Run once by the MariaDB image on a new data folder: makes the account that the services use (dev/mariadb.ts does the same).
# Sourced by the image's entry script, whose function docker_process_sql it uses: no password on a command line.
docker_process_sql <<SQL
CREATE USER IF NOT EXISTS 'qserv_ingest'@'%' IDENTIFIED BY '${QSERV_MYSQL_PASSWORD}';
GRANT ALL PRIVILEGES ON *.* TO 'qserv_ingest'@'%' WITH GRANT OPTION;
SQL
