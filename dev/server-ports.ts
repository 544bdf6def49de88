import { join } from 'node:path';
import { PortFile } from './ports';

interface WorkerPorts {
  http: number;
  binary: number;
}

/** Where our REST and binary services listen, as the configuration file has it. */
export interface ServerPorts {
  controller: number;
  workers: Record<string, WorkerPorts>;
}

/** First choice of each: Qserv's own (docs/contract/README.md), one after the other for further workers on the same host. */
const CONTROLLER_PORT = 25_081;
const HTTP_PORT = 25_004;
const BINARY_PORT = 25_002;
const STEP = 10;

/** Finds the services' ports, and remembers them in the stack's folder. */
export class ServerPortFiles {
  constructor(
    private readonly dir: string,
    private readonly workers: readonly string[],
    private readonly preferred: boolean,
  ) {}

  /** undefined before the first start. */
  get known(): ServerPorts | undefined {
    const controller = this.file('server-controller', 'port', CONTROLLER_PORT).known;
    if (controller === undefined) return undefined;
    const workers: ServerPorts['workers'] = {};
    for (const [i, name] of this.workers.entries()) {
      const [http, binary] = this.ofWorker(name, i).map((file) => file.known);
      if (http === undefined || binary === undefined) return undefined;
      workers[name] = { http, binary };
    }
    return { controller, workers };
  }

  /** Chooses the ports of services that do not run; those of others stay. */
  async choose(isRunning: (service: string) => boolean): Promise<void> {
    const taken = new Set<number>();
    const choose = async (service: string, files: PortFile[]) => {
      for (const file of files) {
        const port = isRunning(service) && file.known !== undefined ? file.known : await file.choose(taken);
        taken.add(port);
      }
    };
    await choose('server-controller', [this.file('server-controller', 'port', CONTROLLER_PORT)]);
    for (const [i, name] of this.workers.entries()) await choose(`server-${name}`, this.ofWorker(name, i));
  }

  private ofWorker(name: string, i: number): [PortFile, PortFile] {
    const service = `server-${name}`;
    return [
      this.file(service, 'http-port', HTTP_PORT + i * STEP),
      this.file(service, 'binary-port', BINARY_PORT + i * STEP),
    ];
  }

  private file(service: string, name: string, preferred: number): PortFile {
    return new PortFile(join(this.dir, service), name, this.preferred ? preferred : undefined);
  }
}
