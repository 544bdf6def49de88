import { putContribution } from '../../../test/support/contributions';
import { ControllerService, KEYS } from '../../../test/support/controller-service';
import { exampleObjects, nativeIndexData, skyObjects } from '../../../test/support/index-data';
import { controllerContract } from '../contract';
import { REMOTE_CAPABILITIES, RemoteController } from './controller';

let service: ControllerService;
let url: string;
let data: ReturnType<typeof nativeIndexData>;

beforeAll(async () => {
  service = await ControllerService.start();
  url = await service.listen();
  data = nativeIndexData(service.servers, service.metadata);
});
afterAll(async () => {
  await data.close();
  await service.close();
});

controllerContract({
  newController: async () => new RemoteController({ url, authKey: KEYS.auth, adminAuthKey: KEYS.admin, pollMs: 20 }),
  capabilities: REMOTE_CAPABILITIES,
  index: { data: () => data, example: exampleObjects, sky: skyObjects },
  putContribution: (given) => putContribution(service.metadata, given),
});
