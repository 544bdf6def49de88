import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { request } from 'undici';
import type { CampaignInput } from '../../api/campaign/input';
import { checkout } from '../../dev/files';
import { CampaignStack } from '../support/campaign-stack';
import { DataHttpServer } from '../support/data-server';
import { type LivingCatalog, writeLivingCatalog } from '../support/living-catalog';
import { privateDir } from '../support/servers';

/** Keys, a signature and a header's value that are looked for everywhere afterwards. */
const CANARIES = {
  signature: 'CANARY5IGNATURE',
  token: 'CANARY70KEN',
  restSignature: 'CANARYRE5TSIG',
  restToken: 'CANARYRE5TT0K',
  restData: 'CANARYRE5TDATA',
  wrongKey: 'CANARYWR0NGKEY',
  proxy: 'CANARYPR0XYPASS',
  nul: 'CANARYNU1BYTE',
};
const FAST = { heartbeatSeconds: 6, retryMaximumSeconds: 1, progressSeconds: 0.2 };

jest.setTimeout(180_000);

let site: CampaignStack;
let catalog: LivingCatalog;
let data: DataHttpServer;
let dir: string;
/** Replies that clients of the REST services and of the command line got. */
const replies: string[] = [];

beforeAll(async () => {
  dir = privateDir('catalog');
  catalog = writeLivingCatalog(dir);
  data = await new DataHttpServer().start();
  for (const chunk of catalog.chunks) {
    const text = readFileSync(join(dir, 'Object', `chunk_${chunk}.csv`));
    for (const signature of [CANARIES.signature, CANARIES.restSignature]) {
      data.on(`/chunk_${chunk}.csv?sig=${signature}`, ({ headers }, response) => {
        const known = [CANARIES.token, CANARIES.restToken].includes(String(headers['x-token']));
        response.writeHead(known ? 200 : 403).end(known ? text : '');
      });
    }
  }
  data.on(`/broken.csv?sig=${CANARIES.restSignature}`, (_, response) => response.writeHead(503).end());
  site = await CampaignStack.start(
    { generated: dir },
    {
      servers: true,
      sourceSecrets: ['SIGNATURE', 'TOKEN'],
      extraEnvironment: () => ({ SIGNATURE: CANARIES.signature, TOKEN: CANARIES.token }),
    },
  );
}, 300_000);

afterAll(async () => {
  await site?.stop();
  await data?.stop();
});

/** Object alone, from the server that wants a signature and a token. */
function signed(database: string, path: string, more: Partial<CampaignInput>): CampaignInput {
  const input = catalog.campaign(database, { waits: FAST, keepOpen: false, ...more });
  const [object] = input.tables;
  const contributions = [
    {
      template: data.url(path),
      chunks: catalog.chunks,
      dialect: { fieldsTerminatedBy: ',' as const },
      http: { headers: [`X-Token: \${env:TOKEN}`] },
    },
  ];
  return { ...input, tables: object ? [{ ...object, contributions }] : [] };
}

const GOOD = `/chunk_{chunk}.csv?sig=\${env:SIGNATURE}`;
const MISSING = `/nowhere_{chunk}.csv?sig=\${env:SIGNATURE}`;

test.each(['local', 'remote'])(
  'campaigns on target %s are given secrets by name, and one fails with them',
  async (target) => {
    const good = await site.startCampaign(`signed_${target}`, signed(`signed_${target}`, GOOD, { target }));
    await good.result();
    const bad = await site.startCampaign(`missing_${target}`, signed(`missing_${target}`, MISSING, { target }));
    replies.push(String(await bad.result().catch((error) => JSON.stringify([error, error.cause]))));
    expect(replies.at(-1)).toContain('404');
  },
);

test('a literal secret is refused before it is anywhere', async () => {
  const input = signed('literal', GOOD, {});
  const [table] = input.tables;
  for (const contributions of table?.contributions ?? []) {
    Object.assign(contributions, { http: { headers: [`Authorization: ${CANARIES.token}`] } });
  }
  const file = join(dir, 'literal.json');
  writeFileSync(file, JSON.stringify(input));
  const { stderr = '', stdout = '' } = await command('plan', file).catch((error) => error);
  replies.push(stdout, stderr);
  expect(stderr).toContain('Authorization');
});

test('REST requests with secrets, good and failing, get them back masked', async () => {
  const { controller, workers } = site.stack.status();
  const { QSERV_AUTH_KEY: auth_key, QSERV_ADMIN_AUTH_KEY: admin_auth_key } = site.stack.environment();
  const call = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, body: object = {}) => {
    const reply = await request(url, {
      method,
      headers: { 'content-type': 'application/json' },
      body: method === 'GET' ? undefined : JSON.stringify({ auth_key, ...body }),
    });
    const text = await reply.body.text();
    replies.push(text);
    return JSON.parse(text);
  };
  const database = 'rest';
  const base = controller?.url ?? '';
  const input = catalog.campaign(database);
  await call('POST', `${base}/ingest/database`, input.database);
  await call('POST', `${base}/ingest/table`, { database, ...input.tables[0]?.definition });
  const begun = await call('POST', `${base}/ingest/trans`, { database });
  const { id } = begun.databases[database].transactions[0];
  const [chunk] = catalog.chunks;
  const { location } = await call('POST', `${base}/ingest/chunk`, { transaction_id: id, chunk });
  const worker = workers.find(({ name }) => name === location.worker)?.httpUrl;
  const contribution = (path: string) => ({
    transaction_id: id,
    table: 'Object',
    chunk,
    overlap: 0,
    url: `${data.url(path)}?sig=${CANARIES.restSignature}`,
    fields_terminated_by: ',',
    http_headers: [`X-Token: ${CANARIES.restToken}`],
    http_data: CANARIES.restData,
  });
  const ok = await call('POST', `${worker}/ingest/file`, contribution(`/chunk_${chunk}.csv`));
  expect(ok).toMatchObject({ success: 1, contrib: { status: 'FINISHED' } });
  for (const path of ['/broken.csv', '/nowhere.csv']) {
    expect(await call('POST', `${worker}/ingest/file`, contribution(path))).toMatchObject({ success: 0 });
    const { contrib } = await call('POST', `${worker}/ingest/file-async`, contribution(path));
    for (let i = 0; i < 100; i++) {
      const { contrib: now } = await call('GET', `${worker}/ingest/file-async/${contrib.id}`);
      if (now.status !== 'IN_PROGRESS') break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await call('GET', `${base}/ingest/trans/contrib/${contrib.id}?include_retries=1`);
  }
  await call('GET', `${base}/ingest/trans/${id}?contrib=1&contrib_long=1&include_extensions=1&include_retries=1`);
  const wrong = { auth_key: CANARIES.wrongKey };
  expect(await call('POST', `${worker}/ingest/file`, { ...contribution('/x'), ...wrong })).toMatchObject({
    success: 0,
  });
  // What PostgreSQL cannot keep, and a proxy that refuses whoever has a password for it.
  const { url } = contribution('/x');
  await call('POST', `${worker}/ingest/file-async`, { ...contribution('/x'), url: `${url}&x=${CANARIES.nul}\0` });
  await call('POST', `${worker}/ingest/file-async`, {
    ...contribution('/x'),
    http_headers: [`X-Token: ${CANARIES.nul}\0`],
  });
  await call('PUT', `${base}/ingest/trans/${id}?abort=0`, { context: { note: `${CANARIES.nul}\0` } });
  const proxy = data.url('').replace('http://', `http://user:${CANARIES.proxy}@`);
  await call('PUT', `${base}/ingest/config`, { database, CURLOPT_PROXY: proxy });
  expect(await call('GET', `${base}/ingest/config?database=${database}`)).toMatchObject({ success: 1 });
  expect(await call('POST', `${worker}/ingest/file`, contribution('/broken.csv'))).toMatchObject({ success: 0 });
  await call('PUT', `${base}/ingest/config`, { database, CURLOPT_PROXY: `socks9://user:${CANARIES.proxy}@h` });
  expect(await call('POST', `${worker}/ingest/file`, contribution('/broken.csv'))).toMatchObject({ success: 0 });
  await call('PUT', `${base}/ingest/trans/${id}?abort=0`, wrong);
  await call('PUT', `${base}/ingest/trans/${id}?abort=1`);
  await call('DELETE', `${base}/ingest/database/${database}`, { admin_auth_key: CANARIES.wrongKey });
  await call('GET', `${base}/replication/config`);
  await call('DELETE', `${base}/ingest/database/${database}`, { admin_auth_key });
});

test('no history, log, reply or page has one of them', async () => {
  const { temporal, controller, workers } = site.stack.status();
  const environment = site.stack.environment();
  const secrets = Object.entries({
    ...CANARIES,
    auth: environment.QSERV_AUTH_KEY ?? '',
    admin: environment.QSERV_ADMIN_AUTH_KEY ?? '',
    mysql: environment.QSERV_MYSQL_PASSWORD ?? '',
  });
  const places = new Map<string, string>(replies.map((text, i) => [`reply ${i}`, text]));
  for await (const { workflowId, runId } of site.client.workflow.list()) {
    const { events } = await site.client.workflow.getHandle(workflowId, runId).fetchHistory();
    places.set(
      `history of ${workflowId}`,
      JSON.stringify(events, (_, value) => readable(value)),
    );
  }
  for (const part of readdirSync(site.stack.dir, { withFileTypes: true })) {
    if (!part.isDirectory()) continue;
    for (const file of readdirSync(join(site.stack.dir, part.name))) {
      if (/log/.test(file))
        places.set(`${part.name}/${file}`, readFileSync(join(site.stack.dir, part.name, file), 'utf8'));
    }
  }
  const pages = [temporal?.ui, ...[controller?.url, ...workers.map(({ httpUrl }) => httpUrl)].flatMap(pagesOf)];
  for (const url of pages) {
    if (url) places.set(url, await (await request(url)).body.text());
  }
  const { stdout, stderr } = await command('list');
  places.set('campaign list', stdout + stderr);
  const log = places.get('server-w1/log') ?? '';
  // What is looked through is there: requests leave their traces.
  expect(log).toContain('/ingest/file');
  expect([...places.keys()].filter((name) => name.startsWith('history')).length).toBeGreaterThanOrEqual(4);

  const found = [...places].flatMap(([place, text]) =>
    secrets
      .filter(([, secret]) => spellings(secret).some((one) => text.includes(one)))
      .map(([name]) => `${name} in ${place}`),
  );
  expect(found).toEqual([]);
});

const pagesOf = (base: string | null | undefined) =>
  base ? ['/docs', '/openapi.json', '/meta/version', '/metrics'].map((path) => base + path) : [];

function command(...args: string[]) {
  const env = { ...process.env, ...site.stack.environment() };
  return promisify(execFile)(process.execPath, [join(checkout, 'dist/cli/main.js'), ...args], { env });
}

/** Payloads are bytes, in some forms spelled as Base64; inside them JSON. */
function readable(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (typeof value === 'object' && value !== null && (value as { type?: string }).type === 'Buffer') {
    return Buffer.from((value as unknown as { data: number[] }).data).toString('utf8');
  }
  if (typeof value === 'string' && /^[\w+/]{20,}=*$/.test(value)) {
    return `${value} ${Buffer.from(value, 'base64').toString('utf8')}`;
  }
  return value;
}

function spellings(secret: string): string[] {
  return [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64').replace(/=+$/, '')];
}
