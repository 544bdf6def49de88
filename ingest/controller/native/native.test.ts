import { putContribution } from '../../../test/support/contributions';
import { exampleObjects, nativeIndexData, skyObjects } from '../../../test/support/index-data';
import { sharedServers } from '../../../test/support/native';
import { freshDatabase } from '../../../test/support/servers';
import { type Metadata, openMetadata } from '../../storage/metadata';
import { controllerContract } from '../contract';
import { NATIVE_CAPABILITIES, NativeController } from './controller';

let metadata: Metadata;
let data: ReturnType<typeof nativeIndexData>;

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  await metadata.migrate();
  data = nativeIndexData(await sharedServers(), metadata);
});
afterAll(async () => {
  await data.close();
  await metadata.close();
});

controllerContract({
  capabilities: NATIVE_CAPABILITIES,
  newController: async () => new NativeController({ target: 'test', servers: await sharedServers(), metadata }),
  index: { data: () => data, example: exampleObjects, sky: skyObjects },
  putContribution: (given) => putContribution(metadata, given),
});
