import { createServer } from 'node:net';
import { join } from 'node:path';
import { readText, writeFileAtomic } from './files';

/**
 * Free ports are looked for below the range that systems hand to outgoing connections (32768 and up): a client that retries
 * there while its server is down may otherwise be connected to itself, and hold the port.
 */
const LOWEST = 15_000;
const HIGHEST = 31_999;

/** True when a server could listen on 127.0.0.1:port now. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ host: '127.0.0.1', port, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/** Remembers ports in a folder, one file each, and moves aside when one is taken. */
export class PortFile {
  private readonly path: string;

  constructor(
    dir: string,
    name: string,
    private readonly preferred: number | undefined,
  ) {
    this.path = join(dir, name);
  }

  /** The port remembered, if one was ever chosen. */
  get known(): number | undefined {
    const text = readText(this.path);
    return text === undefined ? undefined : Number.parseInt(text, 10);
  }

  /** The remembered port, else the preferred one, else any: the first that is free. `avoid` names those just found taken. */
  async choose(avoid: ReadonlySet<number> = new Set()): Promise<number> {
    const candidates = [this.known, this.preferred].filter((port) => port !== undefined);
    for (let i = 0; i < 200; i++) candidates.push(LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST)));
    for (const port of candidates) {
      if (avoid.has(port) || !(await isFree(port))) continue;
      writeFileAtomic(this.path, `${port}\n`);
      return port;
    }
    throw new Error(`no free port found between ${LOWEST} and ${HIGHEST}`);
  }
}
