import { type Certificate, selfSigned } from '../../test/support/certificates';
import { DataHttpServer } from '../../test/support/data-server';
import { ProxyServer } from '../../test/support/proxy-server';
import { readText } from '../../test/support/read-source';
import type { IngestConfig } from '../core/ingest-config';
import type { HttpPolicy } from '../core/source-policy';
import { readFailure } from './index';

let certificate: Certificate;
let data: DataHttpServer;
let secured: DataHttpServer;
let proxy: ProxyServer;
let securedProxy: ProxyServer;

beforeAll(async () => {
  certificate = selfSigned('DNS:localhost', 'IP:127.0.0.1');
  data = await new DataHttpServer().start();
  secured = await new DataHttpServer(certificate).start();
  for (const server of [data, secured]) server.on('/a.csv?x=1', (_, response) => response.end('1\n2\n'));
});

beforeEach(async () => {
  proxy = await new ProxyServer().start();
  securedProxy = await new ProxyServer(certificate).start();
});

afterEach(() => Promise.all([proxy.stop(), securedProxy.stop()]));
afterAll(() => Promise.all([data.stop(), secured.stop()]));

const PATH = '/a.csv?x=1';
const read = (url: string, transfer: IngestConfig, http?: HttpPolicy) => readText({ url }, { transfer, http });
const trusting = () => ({ CAINFO_VAL: certificate.cert });

describe('CURLOPT_PROXY', () => {
  test('a request for http:// is sent on by the proxy, for https:// it goes through its tunnel', async () => {
    await expect(read(data.url(PATH), { CURLOPT_PROXY: proxy.address })).resolves.toBe('1\n2\n');
    await expect(read(secured.url(PATH), { CURLOPT_PROXY: `http://${proxy.address}/`, ...trusting() })).resolves.toBe(
      '1\n2\n',
    );
    expect(proxy.seen).toEqual([`GET ${data.url(PATH)}`, `CONNECT 127.0.0.1:${secured.port}`]);
    expect(data.requests.at(-1)?.headers.host).toBe(`127.0.0.1:${data.port}`);
  });

  test('CURLOPT_HTTPPROXYTUNNEL: all goes through the tunnel', async () => {
    const config = { CURLOPT_PROXY: proxy.address, CURLOPT_HTTPPROXYTUNNEL: 1 };
    await expect(read(data.url(PATH), config)).resolves.toBe('1\n2\n');
    expect(proxy.seen).toEqual([`CONNECT 127.0.0.1:${data.port}`]);
  });

  test('the server behind the tunnel has to be trusted', async () => {
    const error = await read(secured.url(PATH), { CURLOPT_PROXY: proxy.address }).catch((e) => e);
    expect(error.details).toMatchObject({ curl: { code: 60 } });
  });

  test.each<[string, () => IngestConfig]>([
    ['PROXY_CAINFO_VAL', () => ({ PROXY_CAINFO_VAL: certificate.cert })],
    ['PROXY_SSL_VERIFYPEER 0', () => ({ PROXY_SSL_VERIFYPEER: 0 })],
  ])('an https:// proxy, %s', async (_, config) => {
    const through = { CURLOPT_PROXY: `https://${securedProxy.address}`, ...config() };
    await expect(read(data.url(PATH), through)).resolves.toBe('1\n2\n');
    await expect(read(secured.url(PATH), { ...through, ...trusting() })).resolves.toBe('1\n2\n');
    await expect(read(data.url(PATH), { ...through, CURLOPT_HTTPPROXYTUNNEL: 1 })).resolves.toBe('1\n2\n');
    expect(securedProxy.seen).toHaveLength(3);
  });

  test('an https:// proxy is checked like a server, by its own parameters', async () => {
    const config = { CURLOPT_PROXY: `https://${securedProxy.address}`, ...trusting() };
    const error = await read(data.url(PATH), config).catch((e) => e);
    expect(error.details).toMatchObject({ curl: { code: 60 } });
    const nothing = await read(data.url(PATH), { ...config, PROXY_CAINFO_VAL: 'x' }).catch((e) => e);
    expect(nothing).toMatchObject({ code: 'INVALID_INPUT', message: expect.stringContaining('PROXY_CAINFO_VAL') });
  });

  test('user and password go to the proxy alone and are never shown', async () => {
    const CURLOPT_PROXY = `http://user:s3cr%40t@${proxy.address}`;
    proxy.authorization = 'another';
    const refusals = [
      await read(data.url(PATH), { CURLOPT_PROXY }).catch((e) => e),
      await read(data.url(PATH), { CURLOPT_PROXY, CURLOPT_HTTPPROXYTUNNEL: 1 }).catch((e) => e),
    ];
    expect(refusals.map((error) => [readFailure(error).error, readFailure(error).httpError])).toEqual([
      [" error: 'HTTP response code said error (on HTTP error codes 400 or greater)', errnum: 22", 407],
      [" error: 'Failure when receiving data from the peer', errnum: 56", 0],
    ]);
    expect(JSON.stringify(refusals.map((e) => [e, e.message, e.stack]))).not.toMatch(/s3cr|c2VjcmV0|another/);
    proxy.authorization = `Basic ${Buffer.from('user:s3cr@t').toString('base64')}`;
    await expect(read(data.url(PATH), { CURLOPT_PROXY })).resolves.toBe('1\n2\n');
    await expect(read(data.url(PATH), { CURLOPT_PROXY, CURLOPT_HTTPPROXYTUNNEL: 1 })).resolves.toBe('1\n2\n');
    expect(data.requests.at(-1)?.headers).not.toHaveProperty('proxy-authorization');
  });

  test.each([
    ['127.0.0.1', true],
    ['example.org, 127.0.0.0/8', true],
    ['*', true],
    ['27.0.0.1', false],
    ['example.org', false],
    ['*.0.0.1', false],
  ])('CURLOPT_NOPROXY %s', async (CURLOPT_NOPROXY, isDirect) => {
    await expect(read(data.url(PATH), { CURLOPT_PROXY: proxy.address, CURLOPT_NOPROXY })).resolves.toBe('1\n2\n');
    expect(proxy.seen).toHaveLength(isDirect ? 0 : 1);
  });

  test.each([
    ['localhost', true],
    ['.localhost', true],
    ['host', false],
  ])('CURLOPT_NOPROXY %s for a name', async (CURLOPT_NOPROXY, isDirect) => {
    const url = secured.url(PATH).replace('127.0.0.1', 'LOCALHOST.');
    const config = { CURLOPT_PROXY: proxy.address, CURLOPT_NOPROXY, ...trusting() };
    await expect(read(url, config)).resolves.toBe('1\n2\n');
    expect(proxy.seen).toHaveLength(isDirect ? 0 : 1);
  });

  test.each<[string, string, RegExp]>([
    ['socks5://127.0.0.1:1080', 'INVALID_INPUT', /CURLOPT_PROXY: socks5:\/\/ proxies are not possible here/],
    ['http://user:hidden@/', 'INVALID_INPUT', /CURLOPT_PROXY: write it as/],
    ['proxy:99999', 'INVALID_INPUT', /CURLOPT_PROXY: write it as/],
    ['http://us%er:hidden@proxy', 'INVALID_INPUT', /CURLOPT_PROXY: bad percent encoding/],
    ['127.0.0.1:1', 'SOURCE_BROKEN', /no connection to 127.0.0.1 \(ECONNREFUSED\)/],
    ['no-such-host.invalid:1', 'SOURCE_BROKEN', /no address for the proxy no-such-host.invalid/],
  ])('%s', async (CURLOPT_PROXY, code, message) => {
    const error = await read(data.url(PATH), { CURLOPT_PROXY }).catch((e) => e);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(error.message).not.toContain('hidden');
  });
});

describe('a proxy opens no way round the policy', () => {
  const through = () => ({ CURLOPT_PROXY: proxy.address });
  const tunnelled = () => ({ ...through(), CURLOPT_HTTPPROXYTUNNEL: 1 });

  test('its own address is checked', async () => {
    const config = { CURLOPT_PROXY: '169.254.169.254:80' };
    await expect(read(data.url(PATH), config)).rejects.toMatchObject({ code: 'SOURCE_DENIED' });
    const deny = { deny: ['127.0.0.0/8'] };
    await expect(read('http://203.0.113.1/', through(), deny)).rejects.toMatchObject({ code: 'SOURCE_DENIED' });
  });

  test.each([
    ['http://169.254.169.254/latest', undefined],
    ['https://169.254.169.254/latest', undefined],
    ['http://[::ffff:a9fe:a9fe]/latest', undefined],
    ['http://2852039166/latest', undefined],
    ['http://localhost/a', { deny: ['::1/128', '127.0.0.1/32'] }],
    ['http://203.0.113.1/', { hosts: ['127.0.0.1'] }],
  ])('%s is not asked of it', async (url, policy) => {
    for (const config of [through(), tunnelled()])
      await expect(read(url, config, policy)).rejects.toMatchObject({ code: 'SOURCE_DENIED' });
    expect(proxy.seen).toEqual([]);
  });

  test('a name that is known here to lead to a denied address is not asked of it either', async () => {
    const elsewhere = await new ProxyServer().start('127.0.0.2');
    try {
      const url = data.url(PATH).replace('127.0.0.1', 'localhost');
      for (const more of [{}, { CURLOPT_HTTPPROXYTUNNEL: 1 }]) {
        const config = { CURLOPT_PROXY: elsewhere.address, ...more };
        await expect(read(url, config, { deny: ['127.0.0.1', '::1'] })).rejects.toMatchObject({
          code: 'SOURCE_DENIED',
          details: { host: 'localhost', rule: 'deny' },
        });
        expect(elsewhere.seen).toEqual([]);
      }
      await expect(read(url, { CURLOPT_PROXY: elsewhere.address })).resolves.toBe('1\n2\n');
    } finally {
      await elsewhere.stop();
    }
  });
});
