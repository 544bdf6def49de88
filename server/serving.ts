/**
 * Runs one service process until it is told to stop (SIGINT, SIGTERM), then lets what is under way come to its end; says `ready` when
 * it serves. When it cannot start, the process ends with an error: whoever supervises it starts it again.
 */
export async function serving(what: string, start: () => Promise<Serving>): Promise<void> {
  try {
    const { where, close } = await start();
    console.log(`ready: ${what} at ${where}`);
    await told();
    await close();
  } catch (error) {
    console.error(`${what}: ${error instanceof Error ? error.message : error}`);
    // Open pools would keep the process alive, doing nothing.
    process.exit(1);
  }
}

export interface Serving {
  /** Addresses, for people. */
  where: string;
  close(): Promise<void>;
}

function told(): Promise<unknown> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
  });
}
