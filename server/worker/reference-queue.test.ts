import { LoadingService } from '../../test/support/loading-service';

let h: LoadingService;
let good: string;
beforeAll(async () => {
  h = await LoadingService.start();
  good = h.writeFile('good.csv', '0\tu\n1\tg\n');
});
afterAll(() => h.close());
beforeEach(() => h.begin());

const F = 'operation failed due to: ';
const load = (more: Record<string, unknown>) => h.post('/ingest/file', { url: good, ...more });

describe('asynchronous', () => {
  type Descriptor = { id: number; status: string; error: string; retry_allowed: number };
  const queue = async (more: Record<string, unknown> = {}) => {
    const reply = await h.post('/ingest/file-async', { url: good, charset_name: 'utf8mb4', ...more });
    expect(reply).toMatchObject({
      success: 1,
      error: '',
      contrib: { status: 'IN_PROGRESS', async: 1, charset_name: 'utf8mb4' },
    });
    return reply.contrib as Descriptor;
  };
  const status = async (id: number) => (await h.service.call('GET', `/ingest/file-async/${id}`)).contrib as Descriptor;
  const over = async (id: number) => {
    for (;;) {
      const contrib = await status(id);
      if (contrib.status !== 'IN_PROGRESS') return contrib;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const all = async (method: 'GET' | 'DELETE') =>
    (await h.service.call(method, `/ingest/file-async/trans/${h.transactionId}`)).contribs as Descriptor[];

  test('cancelled while they wait', async () => {
    const [first, second, third] = [await queue(), await queue(), await queue()];
    const cancelled = {
      status: 'CANCELLED',
      error: 'cancelled before beginning processing the request.',
      retry_allowed: 1,
    };
    expect(await h.service.call('DELETE', `/ingest/file-async/${second.id}`)).toMatchObject({
      success: 1,
      contrib: cancelled,
    });
    expect(await all('GET')).toMatchObject([
      { id: first.id, status: 'IN_PROGRESS' },
      { id: second.id, ...cancelled },
      { id: third.id },
    ]);
    expect(await all('DELETE')).toMatchObject([cancelled, cancelled, cancelled]);
    expect(await h.filterRows()).toBeNull();
  });

  test('worked off; one that failed is queued again, in the other way', async () => {
    const missing = `file://${h.folder}/later-${h.transactionId}.csv`;
    const running = h.worker.runQueue({ threads: 2 });
    try {
      const first = await queue();
      const failed = await queue({ url: missing, max_retries: 0 });
      expect(await over(first.id)).toMatchObject({ status: 'FINISHED', num_rows_loaded: 2 });
      expect(await over(failed.id)).toMatchObject({ status: 'READ_FAILED', retry_allowed: 1, system_error: 2 });
      h.writeFile(`later-${h.transactionId}.csv`, '8\ty\n');
      expect(await h.service.call('PUT', `/ingest/file-async/${failed.id}`)).toMatchObject({
        success: 1,
        contrib: { id: failed.id, status: 'IN_PROGRESS', async: 1, num_failed_retries: 1, retry_allowed: 0 },
      });
      expect(await over(failed.id)).toMatchObject({
        status: 'FINISHED',
        num_failed_retries: 1,
        failed_retries: [{ system_error: 2 }],
      });
      expect(await all('GET')).toMatchObject([{ id: first.id }, { id: failed.id }]);
      expect(await all('DELETE')).toMatchObject([{ status: 'FINISHED' }, { status: 'FINISHED' }]);
    } finally {
      await running.close();
    }
    expect(await h.filterRows()).toEqual([
      [0, 'u'],
      [1, 'g'],
      [8, 'y'],
    ]);
  });
});

test('status and cancellation of unknown and of finished ones', async () => {
  const unknown = `${F}INGEST-REQUEST-MGR  find request 99999 was not found`;
  expect(await h.service.call('GET', '/ingest/file-async/99999')).toMatchObject({ error: unknown });
  expect(await h.service.call('DELETE', '/ingest/file-async/99999')).toMatchObject({ error: unknown });
  for (const method of ['GET', 'DELETE'] as const) {
    expect(await h.service.call(method, '/ingest/file-async/trans/99999')).toMatchObject({ success: 1, contribs: [] });
    expect(await h.service.call(method, `/ingest/file-async/trans/${h.transactionId}`)).toMatchObject({ contribs: [] });
  }
  const { contrib } = await load({});
  const { id } = contrib as { id: number };
  expect(await h.service.call('GET', `/ingest/file-async/${id}`)).toMatchObject({ contrib });
  expect(await h.service.call('DELETE', `/ingest/file-async/${id}`)).toMatchObject({ success: 1, contrib });
});
