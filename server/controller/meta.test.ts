import { ControllerService } from '../../test/support/controller-service';

let service: ControllerService;
beforeAll(async () => {
  service = await ControllerService.start({ services: { identity: { id: 'a-b', instanceId: 'qserv_proj' } } });
});
afterAll(() => service.close());

test('GET /meta/version: no version is asked for, hence none is missing', async () => {
  const reply = await service.app.inject('/meta/version?version=3');
  expect(reply.headers['content-type']).toBe('application/json');
  expect(reply.json()).toEqual({
    kind: 'replication-controller',
    id: 'a-b',
    instance_id: 'qserv_proj',
    version: 55,
    database_schema_version: 15,
    success: 1,
    error: '',
    error_ext: {},
    warning: '',
  });
});
