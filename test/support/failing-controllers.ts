import { NativeController } from '../../ingest/controller/native/controller';
import { IngestError } from '../../ingest/core/errors';
import { ControllerService } from './controller-service';

/** A third worker that nobody runs, and that gets no chunks. */
const NOBODY = {
  name: 'w3',
  mysql: { host: '127.0.0.1', port: 1, user: 'nobody' },
  host: '127.0.0.1',
  binaryPort: 25002,
  httpPort: 25004,
  enabled: true,
  readOnly: true,
};

/** A service with the records of `service`, one of whose workers does not answer. Close it first. */
export function withoutWorker(service: ControllerService): Promise<ControllerService> {
  const { metadata, servers } = service;
  const more = { ...servers, workers: [...servers.workers, NOBODY] };
  const controller = new NativeController({ target: 'test', servers: more, metadata });
  return ControllerService.start({ metadata, services: { controller } });
}

/** A service with the records of `service` that does `at` before each step of its operations; close it first. */
export function withSteps(
  service: ControllerService,
  at: (name: string) => Promise<void> | void,
): Promise<ControllerService> {
  const { metadata, servers } = service;
  const steps = async (name: string) => at(name);
  const controller = new NativeController({ target: 'test', servers, metadata, steps });
  return ControllerService.start({ metadata, services: { controller } });
}

/** As `withSteps`, with a server that goes away at one of them. */
export function failingAt(service: ControllerService, step: string): Promise<ControllerService> {
  return withSteps(service, (name) => {
    if (name === step) throw new IngestError('UNAVAILABLE', 'gone');
  });
}
