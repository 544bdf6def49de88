import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableRegistration } from '../../api/qserv/table';
import { checkout } from '../../dev/files';
import type { IndexData, SkyObject } from '../../ingest/controller/contract/director-index';
import type { TableDefinition } from '../../ingest/controller/controller';
import type { NativeServers } from '../../ingest/controller/native/controller';
import { DEFAULT_DIALECT } from '../../ingest/core/dialect';
import { ChunkGeometry } from '../../ingest/core/geometry';
import { chunkTable, directorIndexTable, META_SCHEMA } from '../../ingest/core/names';
import { DataServer, quoteTable } from '../../ingest/storage/data/connection';
import type { Metadata } from '../../ingest/storage/metadata';
import { NativeIngestWorker } from '../../ingest/worker/native';
import { privateDir } from './servers';

/** The project's example catalog: its director, and rows of it as they are in the file. */
export function exampleObjects(): { definition: TableDefinition; objects: SkyObject[]; lines: string[] } {
  const folder = join(checkout, 'examples', 'test101');
  const text = readFileSync(join(folder, 'table_Object.json'), 'utf8');
  const { definition } = tableRegistration.parse(JSON.parse(text));
  const at = (name: string) => definition.schema.findIndex((column) => column.name === name);
  const [id, ra, decl, chunk, subChunk] = ['objectId', 'ra_PS', 'decl_PS', 'chunkId', 'subChunkId'].map(at) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const lines = readFileSync(join(folder, 'data', 'Object', 'chunk_7480.txt'), 'latin1')
    .trimEnd()
    .split('\n');
  const objects = lines.map((line) => {
    const fields = line.split(',');
    const number = (column: number) => Number(fields[column]);
    return {
      id: number(id),
      ra: number(ra),
      decl: number(decl),
      chunk: number(chunk),
      subChunk: number(subChunk),
    };
  });
  return { definition, objects, lines };
}

/** Objects around the origin and near a pole, in about 15 chunks; the same each time. Ids from `first` on. */
export function skyObjects(count: number, first = 1): SkyObject[] {
  const geometry = new ChunkGeometry(85, 12);
  return Array.from({ length: count }, (_, i) => {
    const ra = ((first + i) * 0.37) % 6;
    const decl = (first + i) % 10 === 0 ? 88.5 : (((first + i) * 1.7) % 6) - 3;
    return { id: first + i, ra, decl, ...geometry.locate(ra, decl) };
  });
}

/** Loads by workers of our own, and looks at the master, past everything that the controller says. */
export function nativeIndexData(servers: NativeServers, metadata: Metadata): IndexData & { close(): Promise<void> } {
  const dir = privateDir('index');
  mkdirSync(dir, { recursive: true });
  const sources = { roots: { test: dir }, stallSeconds: 60 };
  const workers = new Map(
    servers.workers.map(({ name, mysql }) => [name, new NativeIngestWorker({ name, mysql, metadata, sources })]),
  );
  const master = new DataServer('master', servers.master, { connections: 2 });
  const data = new Map(
    servers.workers.map(({ name, mysql }) => [name, new DataServer(name, mysql, { connections: 2 })]),
  );
  let files = 0;
  return {
    async load({ transactionId, database, table, chunk, overlap = false, worker, lines }) {
      const file = `${files++}.csv`;
      writeFileSync(join(dir, file), lines.map((line) => `${line}\n`).join(''), 'latin1');
      const source = { url: `root://test/${file}`, dialect: { ...DEFAULT_DIALECT, fieldsTerminatedBy: ',' as const } };
      await workers.get(worker)?.load({
        unit: { transactionId, database, table, chunk, overlap },
        sources: [{ ...source, charset: '' }],
        quality: 'strict',
        maxNumWarnings: 0,
      });
    },
    async index(database, table) {
      const name = quoteTable(META_SCHEMA, directorIndexTable(database, table));
      const rows = await master.rows<{ objectId: number; chunkId: number; subChunkId: number }>(
        'read the index',
        `SELECT objectId, chunkId, subChunkId FROM ${name} ORDER BY objectId, chunkId`,
      );
      return rows.map((row) => ({ id: row.objectId, chunk: row.chunkId, subChunk: row.subChunkId }));
    },
    async partitions(database, table) {
      const rows = await master.rows<{ name: string | null }>(
        'list partitions',
        'SELECT PARTITION_NAME AS name FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
        [META_SCHEMA, directorIndexTable(database, table)],
      );
      return rows.flatMap((row) => (row.name === null ? [] : [row.name]));
    },
    async remove(database, table, worker, chunk, id) {
      const name = quoteTable(database, chunkTable(table, chunk, false));
      await data.get(worker)?.run('remove an object', `DELETE FROM ${name} WHERE objectId = ?`, [id]);
    },
    async close() {
      await Promise.all([...workers.values(), master, ...data.values()].map((one) => one.close()));
    },
  };
}
