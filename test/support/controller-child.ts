import type { Controller } from '../../ingest/controller/controller';
import { NativeController, type NativeServers } from '../../ingest/controller/native/controller';
import { openMetadata } from '../../ingest/storage/metadata';

/** What a controller process of its own is told, as JSON in its first argument; see test/support/controller-process.ts. */
export interface ControllerOrder {
  postgresUrl: string;
  target: string;
  servers: NativeServers;
  /** Method of the controller and its arguments. */
  call: [method: Exclude<keyof Controller, 'capabilities'>, ...args: unknown[]];
  /** Stays at this step for ever. */
  waitAt: string;
  /** How many times the step is passed before; default 0. */
  passes?: number;
}

async function main(order: ControllerOrder): Promise<void> {
  const metadata = openMetadata(order.postgresUrl);
  let passes = order.passes ?? 0;
  const controller = new NativeController({
    target: order.target,
    servers: order.servers,
    metadata,
    steps: async (step) => {
      if (step !== order.waitAt || passes-- > 0) return;
      process.stdout.write('waiting\n');
      await new Promise(() => setInterval(() => {}, 60_000));
    },
  });
  const [method, ...args] = order.call;
  await (controller[method] as (...args: unknown[]) => Promise<unknown>)(...args);
}

void main(JSON.parse(process.argv[2] ?? '') as ControllerOrder);
