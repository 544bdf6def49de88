import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { temporalOptions } from './temporal-options';

/** A worker process's connection to Temporal and a client over the same connection. */
export interface TemporalLink {
  connection: NativeConnection;
  client: Client;
  namespace: string;
}

/** Connects as Temporal's standard environment (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, …) or temporal.toml says. */
export async function connectTemporal(): Promise<TemporalLink> {
  const { connectionOptions, namespace = 'default' } = temporalOptions(process.env);
  const connection = await NativeConnection.connect(connectionOptions);
  return { connection, namespace, client: new Client({ connection, namespace }) };
}
