import { z } from 'zod';
import type { DatabaseDescriptor, FamilyDescriptor, WorkerDescriptor } from '../../ingest/controller/controller';
import { bit, time, toBit } from './fields';
import { fromWireTable, tableDescriptor, toWireTable } from './table-descriptor';

/** What replies say of databases, families and workers, docs/contract/controller.md §2; and the same as the domain has it. */

export const databaseDescriptor = z
  .object({
    database: z.string().describe('Name of the database.'),
    family_name: z.string().describe('Family: databases with the same partitioning, whose chunks are placed alike.'),
    is_published: bit.describe('1: visible to queries, and closed to ingest.'),
    create_time: time.describe('When it was registered, ms since the Unix epoch.'),
    publish_time: time.describe(
      'Of the latest publish, ms; 0: never published; stays when the database is unpublished.',
    ),
    tables: z.array(tableDescriptor).describe('By name.'),
  })
  .meta({ id: 'Database' });
export type WireDatabase = z.infer<typeof databaseDescriptor>;

export function toWireDatabase(database: DatabaseDescriptor): WireDatabase {
  return {
    database: database.name,
    family_name: database.family,
    is_published: toBit(database.isPublished),
    create_time: database.createTime,
    publish_time: database.publishTime,
    tables: database.tables.map((table) => toWireTable(database.name, table)),
  };
}

export function fromWireDatabase(wire: WireDatabase): DatabaseDescriptor {
  return {
    name: wire.database,
    family: wire.family_name,
    isPublished: wire.is_published !== 0,
    createTime: wire.create_time,
    publishTime: wire.publish_time,
    tables: wire.tables.map(fromWireTable),
  };
}

export const familyDescriptor = z
  .object({
    name: z.string().describe('Name of the family.'),
    min_replication_level: z.number().int().describe('Replicas of each chunk that Qserv should keep.'),
    num_stripes: z.number().int().describe('Stripes of the partitioning.'),
    num_sub_stripes: z.number().int().describe('Sub-stripes in each stripe.'),
    overlap: z.number().describe('Width of the overlap, degrees.'),
  })
  .meta({ id: 'Family' });
export type WireFamily = z.infer<typeof familyDescriptor>;

export function toWireFamily(family: FamilyDescriptor): WireFamily {
  return {
    name: family.name,
    min_replication_level: family.replicationLevel,
    num_stripes: family.numStripes,
    num_sub_stripes: family.numSubStripes,
    overlap: family.overlap,
  };
}

export function fromWireFamily(wire: WireFamily): FamilyDescriptor {
  return {
    name: wire.name,
    replicationLevel: wire.min_replication_level,
    numStripes: wire.num_stripes,
    numSubStripes: wire.num_sub_stripes,
    overlap: wire.overlap,
  };
}

const host = z.object({ addr: z.string().describe('IP address.'), name: z.string().describe('FQDN.') });
const port = z.number().int().describe('0: no such service here.');

export const workerDescriptor = z
  .object({
    name: z.string().describe('Name of the worker, which is not its host.'),
    'is-enabled': bit.describe('1: in use.'),
    'is-read-only': bit.describe('1: takes no contributions.'),
    'svc-host': host.describe('Replication services.'),
    'svc-port': port,
    'fs-host': host.describe('File services.'),
    'fs-port': port,
    'data-dir': z.string().describe('Folder of the data; empty here.'),
    'loader-host': host.describe('Binary protocol.'),
    'loader-port': port,
    'loader-tmp-dir': z.string().describe('Empty here: rows are streamed.'),
    'exporter-host': host.describe('Export services.'),
    'exporter-port': port,
    'exporter-tmp-dir': z.string().describe('Empty here.'),
    'http-loader-host': host.describe('REST services of the worker.'),
    'http-loader-port': port,
    'http-loader-tmp-dir': z.string().describe('Empty here: rows are streamed.'),
    'qserv-worker': z
      .object({ host: host.describe('Where it is.'), 'management-port': port, 'data-port': port })
      .describe("Qserv's own worker."),
  })
  .meta({ id: 'Worker' });
export type WireWorker = z.infer<typeof workerDescriptor>;

/** Services of Qserv's own that no worker has here have port 0; rows are streamed, so that there are no folders for them. */
export function toWireWorker({ name, isEnabled, isReadOnly, location }: WorkerDescriptor): WireWorker {
  const binary = { addr: location.host, name: location.hostName };
  const http = { addr: location.httpHost, name: location.httpHostName };
  return {
    name,
    'is-enabled': toBit(isEnabled),
    'is-read-only': toBit(isReadOnly),
    'svc-host': binary,
    'svc-port': 0,
    'fs-host': binary,
    'fs-port': 0,
    'data-dir': '',
    'loader-host': binary,
    'loader-port': location.port,
    'loader-tmp-dir': '',
    'exporter-host': binary,
    'exporter-port': 0,
    'exporter-tmp-dir': '',
    'http-loader-host': http,
    'http-loader-port': location.httpPort,
    'http-loader-tmp-dir': '',
    'qserv-worker': { host: binary, 'management-port': 0, 'data-port': 0 },
  };
}

export function fromWireWorker(wire: WireWorker): WorkerDescriptor {
  return {
    name: wire.name,
    isEnabled: wire['is-enabled'] !== 0,
    isReadOnly: wire['is-read-only'] !== 0,
    location: {
      worker: wire.name,
      host: wire['loader-host'].addr,
      hostName: wire['loader-host'].name,
      port: wire['loader-port'],
      httpHost: wire['http-loader-host'].addr,
      httpHostName: wire['http-loader-host'].name,
      httpPort: wire['http-loader-port'],
    },
  };
}
