import type { Stack } from '../../dev/stack';
import { NativeController } from '../../ingest/controller/native/controller';
import { openMetadata } from '../../ingest/storage/metadata';

/** The controller of a stack as somebody else uses it, beside the stack's own processes. */
export function openController({ postgres, master, workers }: Stack) {
  const metadata = openMetadata(postgres.url());
  const servers = {
    master: master.mysql,
    workers: [...workers].map(([name, { mysql }]) => ({
      ...{ name, mysql, host: '127.0.0.1', binaryPort: 25002, httpPort: 25004, enabled: true, readOnly: false },
    })),
  };
  const controller = new NativeController({ target: 'local', servers, metadata });
  const close = async () => {
    await controller.close();
    await metadata.close();
  };
  return { controller, close };
}

/** A super-transaction that a Qserv client began. */
export async function openForeign(stack: Stack, database: string) {
  const { controller, close } = openController(stack);
  const { id } = await controller.beginTransaction(database, { pod: 'somebody else' });
  return {
    id,
    end: async () => {
      await controller.endTransaction(id, 'abort');
      await close();
    },
  };
}
