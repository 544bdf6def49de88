import { setIngestConfig } from '../../ingest/storage/metadata/ingest-config';
import { type Certificate, selfSigned } from '../../test/support/certificates';
import { DataHttpServer } from '../../test/support/data-server';
import { LoadingService } from '../../test/support/loading-service';
import { ProxyServer } from '../../test/support/proxy-server';

/** Contributions by reference are read as the database's ingest configuration says, docs/contract/controller.md §9. */

let h: LoadingService;
let certificate: Certificate;
let data: DataHttpServer;
let proxy: ProxyServer;

beforeAll(async () => {
  h = await LoadingService.start();
  await h.begin();
  certificate = selfSigned('DNS:localhost', 'IP:127.0.0.1');
  data = await new DataHttpServer(certificate).start();
  data.on('/filters.csv', (_, response) => response.end('0\tu\n1\tg\n'));
  proxy = await new ProxyServer().start();
});

afterAll(async () => {
  await Promise.all([data.stop(), proxy.stop()]);
  await h.close();
});

test('what is set holds for the next read', async () => {
  const { database, metadata } = h.catalog;
  const load = () => h.post('/ingest/file', { url: data.url('/filters.csv'), max_retries: 0 });
  const set = (config: Parameters<typeof setIngestConfig>[2]) =>
    metadata.run((sql) => setIngestConfig(sql, database, config));
  expect(await load()).toMatchObject({
    success: 0,
    error: " error: 'SSL peer certificate or SSH remote key was not OK', errnum: 60",
    error_ext: { http_error: 0, retry_allowed: 1 },
  });
  await set({ CAINFO_VAL: certificate.cert, CURLOPT_PROXY: proxy.address });
  expect(await load()).toMatchObject({ success: 1, contrib: { status: 'FINISHED', num_rows_loaded: 2 } });
  expect(proxy.seen).toEqual([`CONNECT 127.0.0.1:${data.port}`]);
  await set({ CURLOPT_PROXY: 'socks5://user:hidden@127.0.0.1:1080' });
  const refused = await load();
  expect(refused).toMatchObject({ success: 0, error: expect.stringContaining('CURLOPT_PROXY: socks5:// proxies') });
  expect(JSON.stringify(refused)).not.toContain('hidden');
});
