import { z } from 'zod';
import type { ChunkLocation, WorkerLocation } from '../../ingest/controller/controller';

/** Where a worker's services are, docs/contract/controller.md §8. */
export const workerLocation = z.object({
  worker: z.string().describe('Name of the worker, which is not its host.'),
  host: z.string().describe('IP address of the binary service; the name where it cannot be resolved.'),
  host_name: z.string().describe('DNS name.'),
  port: z.number().int().describe('Of the binary service.'),
  http_host: z.string().describe('IP address of the REST service; the name where it cannot be resolved.'),
  http_host_name: z.string().describe('DNS name.'),
  http_port: z.number().int().describe('Of the REST service.'),
});
export type WireWorkerLocation = z.infer<typeof workerLocation>;

/** The same of a chunk. */
export const chunkLocation = workerLocation.extend({ chunk: z.number().int().describe('Number of the chunk.') });
export type WireChunkLocation = z.infer<typeof chunkLocation>;

export function toWireLocation(location: WorkerLocation): WireWorkerLocation {
  return {
    worker: location.worker,
    host: location.host,
    host_name: location.hostName,
    port: location.port,
    http_host: location.httpHost,
    http_host_name: location.httpHostName,
    http_port: location.httpPort,
  };
}

export function fromWireLocation(wire: WireWorkerLocation): WorkerLocation {
  return {
    worker: wire.worker,
    host: wire.host,
    hostName: wire.host_name,
    port: wire.port,
    httpHost: wire.http_host,
    httpHostName: wire.http_host_name,
    httpPort: wire.http_port,
  };
}

export function toWireChunkLocation(location: ChunkLocation): WireChunkLocation {
  return { chunk: location.chunk, ...toWireLocation(location) };
}

export function fromWireChunkLocation(wire: WireChunkLocation): ChunkLocation {
  return { chunk: wire.chunk, ...fromWireLocation(wire) };
}
