import fc from 'fast-check';
import { sourceRules } from '../../api/config';
import { DataHttpServer } from '../../test/support/data-server';
import { newSeed } from '../../test/support/hostile';
import { readText } from '../../test/support/read-source';
import { addressRangeFault, DENIED_ADDRESSES, type HttpPolicy, hostPatternFault } from '../core/source-policy';
import { AddressPolicy } from './addresses';
import type { SourceRules } from './index';

let server: DataHttpServer;
let reached: string;

beforeAll(async () => {
  server = await new DataHttpServer().start();
  reached = server.on('/a?sig=hidden', (_, response) => response.end('1\n'));
});
afterAll(() => server.stop());

const read = (url: string, http?: HttpPolicy, rules: Partial<SourceRules> = {}) =>
  readText({ url }, { http, ...rules });
const fails = (url: string, http?: HttpPolicy, rules?: Partial<SourceRules>) => read(url, http, rules).catch((e) => e);

describe('addresses', () => {
  test.each([
    '127.0.0.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.01',
    '127.1',
    '127.0.0.1.',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
    'localhost',
    'LOCALHOST.',
  ])('%s is 127.0.0.1, or leads there', async (host) => {
    const before = server.requests.length;
    const error = await fails(reached.replace('127.0.0.1', host), { deny: ['127.0.0.0/8', '::1'] });
    expect(error).toMatchObject({
      code: 'SOURCE_DENIED',
      message: expect.stringContaining('sources.http.deny'),
      details: { rule: 'deny' },
    });
    expect(error.message + JSON.stringify(error)).not.toContain('hidden');
    expect(server.requests).toHaveLength(before);
  });

  test.each([
    '169.254.169.254',
    '0.0.0.0',
    '255.255.255.255',
    '224.0.0.1',
    '[::]',
    '[fe80::1]',
    '[ff02::1]',
    '[fd00:ec2::254]',
  ])('%s is denied by default', async (host) =>
    expect(await fails(`http://${host}/`)).toMatchObject({ code: 'SOURCE_DENIED' }),
  );

  test('a kept connection is of no use to whom the address is denied', async () => {
    await expect(read(reached)).resolves.toBe('1\n');
    await expect(read(reached, { deny: ['127.0.0.1'] })).rejects.toMatchObject({ code: 'SOURCE_DENIED' });
    await expect(read(reached)).resolves.toBe('1\n');
  });

  test('where ranges are allowed there are no others; what is denied stays denied', async () => {
    await expect(read(reached, { allow: ['127.0.0.0/8'] })).resolves.toBe('1\n');
    expect(await fails(reached, { allow: ['10.0.0.0/8'] })).toMatchObject({ details: { rule: 'allow' } });
    expect(await fails(reached, { allow: ['127.0.0.0/8'], deny: ['127.0.0.1'] })).toMatchObject({
      details: { rule: 'deny' },
    });
  });

  test('of several addresses those are used that may be', async () => {
    const url = reached.replace('127.0.0.1', 'localhost');
    await expect(read(url, { deny: ['::1'] })).resolves.toBe('1\n');
  });

  test('in whatever form an IPv4 address travels, its range holds', () => {
    const policy = new AddressPolicy({ deny: ['10.0.0.0/8'] });
    const word = fc.integer({ min: 0, max: 255 });
    const carriers = ['::ffff:', '::', '64:ff9b::', '::ffff:0:', '64:ff9b:1::'];
    const seed = newSeed('addresses');
    fc.assert(
      fc.property(word, word, word, word, fc.constantFrom(...carriers), (a, b, c, d, carrier) => {
        if (carrier === '::' && a === 0 && b === 0) return;
        const expected = a === 10 ? 'deny' : undefined;
        expect(policy.ofAddress(`${a}.${b}.${c}.${d}`)).toBe(expected);
        expect(policy.ofAddress(`${carrier}${a}.${b}.${c}.${d}%eth0`)).toBe(expected);
        const hex = [a * 256 + b, c * 256 + d].map((group) => group.toString(16)).join(':');
        expect(policy.ofAddress(carrier + hex)).toBe(expected);
        expect(policy.ofAddress(`2002:${hex}::1`)).toBe(expected);
      }),
      { seed, numRuns: 2000 },
    );
  });
});

describe('hosts', () => {
  test.each<[string[], string, boolean]>([
    [['data.example.org'], 'DATA.example.org.', true],
    [['data.example.org'], 'x.data.example.org', false],
    [['*.example.org'], 'data.example.org', true],
    [['*.example.org'], 'a.b.example.org', true],
    [['*.example.org'], 'example.org', false],
    [['*.example.org'], 'badexample.org', false],
    [['10.0.0.7'], '10.0.0.7', true],
    [['10.0.0.7'], '10.0.0.70', false],
    [['*.0.0.7'], '10.0.0.7', false],
    [['::1'], '[::1]', true],
    [[], 'anywhere', true],
  ])('%j and %s: %s', (hosts, host, isLegal) => {
    expect(new AddressPolicy({ hosts }).ofHost(host)).toBe(isLegal ? undefined : 'hosts');
  });

  test('another one is refused before its name is resolved', async () => {
    const error = await fails('http://no-such-host.invalid/a?sig=hidden', { hosts: ['*.example.org'] });
    expect(error).toMatchObject({ code: 'SOURCE_DENIED', message: expect.stringContaining('sources.http.hosts') });
    expect(error.message).not.toContain('hidden');
  });
});

describe('redirects', () => {
  const to = (location: string, status = 302) => {
    const path = `/to-${encodeURIComponent(location)}-${status}`;
    return server.on(path, (_, response) => response.writeHead(status, { location }).end());
  };

  test('every hop is checked', async () => {
    expect(await fails(to('http://169.254.169.254/latest'))).toMatchObject({
      code: 'SOURCE_DENIED',
      details: { rule: 'deny' },
    });
    expect(await fails(to(to('http://2852039166/')))).toMatchObject({ code: 'SOURCE_DENIED' });
    const elsewhere = await fails(to('http://elsewhere.invalid/'), { hosts: ['127.0.0.1'] });
    expect(elsewhere).toMatchObject({ code: 'SOURCE_DENIED', details: { rule: 'hosts' } });
    expect(await fails(to('file:///etc/passwd'))).toMatchObject({ code: 'SOURCE_DENIED' });
    expect(await fails(to('http://user:hidden@127.0.0.1/'))).toMatchObject({ code: 'INVALID_INPUT' });
    await expect(read(to('/a?sig=hidden'))).resolves.toBe('1\n');
  });

  test('without end', async () => {
    const url = server.on('/round', (_, response) => response.writeHead(302, { location: '/round' }).end());
    expect(await fails(url)).toMatchObject({ code: 'SOURCE_DENIED', details: { curl: { code: 47 } } });
  });

  test.each([301, 302, 303, 304, 307, 308])('refused where they are to be: %i', async (status) => {
    expect(await fails(to('/a?sig=hidden', status), undefined, { redirects: 'refuse' })).toMatchObject({
      code: 'SOURCE_DENIED',
      message: expect.stringContaining(`the server answered ${status}`),
      details: { httpError: status, curl: { code: 47, text: 'Number of redirects hit maximum amount' } },
    });
  });

  test('one whose reply never ends holds nothing up', async () => {
    const url = server.on('/endless', (_, response) =>
      response.writeHead(302, { location: '/a?sig=hidden' }).write('x'),
    );
    await expect(read(url)).resolves.toBe('1\n');
  });
});

describe('in the configuration', () => {
  test('nothing said is what holds without one', () => {
    expect(sourceRules.parse({}).http).toEqual({ hosts: [], allow: [], deny: DENIED_ADDRESSES });
    expect(DENIED_ADDRESSES.filter((range) => addressRangeFault(range) !== undefined)).toEqual([]);
  });

  test.each([
    '',
    '10.0.0.0/33',
    '10.0.0/8',
    '::/129',
    'fe80::1%eth0',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '10.0.0.0/-1',
    'host',
  ])('%j is no address range', (range) => {
    expect(addressRangeFault(range)).toContain('not an address range');
    expect(sourceRules.safeParse({ http: { deny: [range] } }).success).toBe(false);
  });

  test.each(['', '*', '*.', 'a..b', 'http://host', 'host:80', 'host/', 'a b'])('%j is no host', (host) => {
    expect(hostPatternFault(host)).toContain('not a host');
    expect(sourceRules.safeParse({ http: { hosts: [host] } }).success).toBe(false);
  });
});
