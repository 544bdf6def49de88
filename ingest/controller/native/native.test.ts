import { sharedServers } from '../../../test/support/native';
import { freshDatabase } from '../../../test/support/servers';
import { type Metadata, openMetadata } from '../../storage/metadata';
import { controllerContract } from '../contract';
import { NativeController } from './controller';

let metadata: Metadata;

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  await metadata.migrate();
});
afterAll(() => metadata.close());

controllerContract({
  newController: async () => new NativeController({ target: 'test', servers: await sharedServers(), metadata }),
});
