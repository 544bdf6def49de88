import Ajv2020 from 'ajv/dist/2020';
import type { FastifyInstance } from 'fastify';
import type { OpenApiDocument } from '../../api/qserv/openapi/document';
import type { JsonSchema } from '../../api/qserv/openapi/schemas';
import type { Controller } from '../../ingest/controller/controller';
import type { ContributionOperations } from '../../ingest/worker/contributions';
import { startBrowser } from '../../test/support/browser';
import { controllerRoutes } from '../controller/routes';
import { createHttpServer } from '../http/server';
import { workerRoutes } from '../worker/routes';

const keys = { auth: '', admin: '' };
const identity = { id: 'a', name: 'w1', instanceId: 'test' };
/** Nothing is asked of them here. */
const controller = {} as Controller;
const worker = {} as ContributionOperations;
const services: Record<'controller' | 'worker', FastifyInstance> = {
  controller: createHttpServer({ service: 'controller', keys, routes: controllerRoutes({ controller, identity }) }),
  worker: createHttpServer({
    service: 'worker',
    keys,
    routes: workerRoutes({ worker, identity, keys, spoolFolder: '/nowhere' }),
  }),
};
afterAll(() => Promise.all(Object.values(services).map((app) => app.close())));

const NAMES = ['controller', 'worker'] as const;
const documentOf = async (name: 'controller' | 'worker'): Promise<OpenApiDocument> => {
  const reply = await services[name].inject('/openapi.json');
  expect(reply.headers['content-type']).toContain('application/json');
  return reply.json();
};

interface Operation {
  operationId: string;
  summary: string;
  description: string;
  tags: string[];
  parameters: { name: string; in: string; required: boolean; description: string; schema: JsonSchema }[];
  requestBody?: { content: Record<string, { schema: JsonSchema }> };
  responses: Record<string, { description: string; content: Record<string, { schema: JsonSchema }> }>;
}

const operationsOf = (document: OpenApiDocument) =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      operation: operation as unknown as Operation,
    })),
  );

/** Routes of Fastify's own listing, as `METHOD path`. */
function routesOf(app: FastifyInstance): string[] {
  const parents: string[] = [];
  return app
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap((line) => {
      const [, indent = '', part = '', methods = ''] = /^(.*?)[├└]── (.*?) \((.*)\)$/.exec(line) ?? [];
      const depth = indent.length / 4;
      parents.length = depth;
      parents[depth] = part;
      const path = parents.join('');
      return methods.split(', ').flatMap((method) => (method === '' || method === 'HEAD' ? [] : [`${method} ${path}`]));
    });
}

/** All schemas of a document, with where they are. */
function schemasOf(document: OpenApiDocument): [string, JsonSchema][] {
  const found: [string, JsonSchema][] = Object.entries(document.components.schemas);
  for (const { operation } of operationsOf(document)) {
    const { operationId: id, parameters, requestBody, responses } = operation;
    for (const { name, schema } of parameters) found.push([`${id} ${name}`, schema]);
    for (const { content } of [...(requestBody ? [requestBody] : []), ...Object.values(responses)]) {
      for (const { schema } of Object.values(content)) found.push([id, schema]);
    }
  }
  return found;
}

/** Paths of properties that say nothing of themselves. */
function undescribed(where: string, schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties = {} } = schema as { properties?: Record<string, JsonSchema> };
  const mine = Object.entries(properties).flatMap(([name, property]) => {
    const nested = undescribed(`${where}.${name}`, property);
    return property.description || property.$ref ? nested : [`${where}.${name}`, ...nested];
  });
  const others = Object.entries(schema).filter(([keyword]) => keyword !== 'properties' && keyword !== 'examples');
  return [...mine, ...others.flatMap(([keyword, value]) => undescribed(`${where}/${keyword}`, value))];
}

describe.each(NAMES)('the document of the %s', (name) => {
  let document: OpenApiDocument;
  beforeAll(async () => {
    document = await documentOf(name);
  });

  test('has the routes that are served, and no others', () => {
    const described = operationsOf(document).map(
      ({ method, path }) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`,
    );
    const served = routesOf(services[name]).filter((route) => !/ \/(docs|openapi\.json)/.test(route));
    expect(described.length).toBeGreaterThan(3);
    expect(described.sort()).toEqual(served.sort());
  });

  test('is OpenAPI 3.1', () => {
    expect(document).toMatchObject({
      openapi: '3.1.0',
      info: { title: `qserv-campaigns: ${name}`, version: '55', license: { identifier: 'Apache-2.0' } },
    });
    expect(document.info.description).toContain(
      'A real Qserv answers the same requests, but has neither this document',
    );
    const operations = operationsOf(document);
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = document.tags.map((tag) => tag.name);
    for (const { path, method, operation } of operations) {
      expect(path).toMatch(/^\/[\w/{}.-]*$/);
      expect(tags).toEqual(expect.arrayContaining(operation.tags));
      const inPath = operation.parameters.filter((parameter) => parameter.in === 'path');
      expect(inPath.map((parameter) => `{${parameter.name}}`).sort()).toEqual((path.match(/\{\w+\}/g) ?? []).sort());
      expect(inPath.every(({ required }) => required)).toBe(true);
      const places = operation.parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
      expect(new Set(places).size).toBe(places.length);
      expect(places.every((place) => /^(path|query) /.test(place))).toBe(true);
      expect(Object.keys(operation.responses)).toEqual(['200']);
      expect(method === 'GET' || operation.requestBody !== undefined).toBe(true);
    }
  });

  test('has schemas that are JSON Schema 2020-12, whose references lead somewhere', () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    ajv.addSchema({ $id: 'document', components: document.components });
    for (const [where, schema] of schemasOf(document)) {
      const text = JSON.stringify(schema).replaceAll('"#/components/', '"document#/components/');
      try {
        ajv.compile(JSON.parse(text));
      } catch (error) {
        throw new Error(`${where}: ${error}`);
      }
    }
  });

  test('describes everything', () => {
    const silent = schemasOf(document).flatMap(([where, schema]) => undescribed(where, schema));
    for (const { operation } of operationsOf(document)) {
      const { operationId: id, summary, description, parameters } = operation;
      if (summary === '' || description === '') silent.push(id);
      silent.push(...parameters.filter((parameter) => !parameter.description).map((p) => `${id} ${p.name}`));
    }
    expect(silent).toEqual([]);
  });

  test('says which keys and versions a request needs', () => {
    for (const { path, method, operation } of operationsOf(document)) {
      const [media] = Object.values(operation.requestBody?.content ?? {});
      const { properties = {}, anyOf, required } = (media?.schema ?? {}) as { [keyword: string]: object };
      expect('auth_key' in properties && 'admin_auth_key' in properties).toBe(method !== 'GET');
      if (method !== 'GET') expect(anyOf ?? required).toBeDefined();
      const versions = /Versions \d+ to 55\./.test(operation.description);
      expect(versions).toBe(path !== '/meta/version');
      const inQuery = operation.parameters.some(
        (parameter) => parameter.in === 'query' && parameter.name === 'version',
      );
      if (method !== 'GET') expect('version' in properties).toBe(versions);
      else expect(inQuery).toBe(versions);
    }
  });
});

test('a form has texts and a file', async () => {
  const { paths } = await documentOf('worker');
  expect(paths['/ingest/csv']).toMatchObject({
    post: {
      requestBody: {
        content: {
          'multipart/form-data': {
            schema: {
              properties: {
                chunk: { type: 'string' },
                file: { type: 'string', contentMediaType: 'application/octet-stream' },
              },
              required: expect.arrayContaining(['file', 'transaction_id']),
            },
          },
        },
      },
    },
  });
});

test.each(NAMES)('the page of the %s may load nothing from elsewhere', async (name) => {
  const page = await services[name].inject('/docs');
  expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
  expect(page.headers['content-security-policy']).toMatch(/^default-src 'self';/);
  expect(page.body).not.toMatch(/(src|href)="(https?:)?\/\//);
  // On a host of its own, it would ask a validator on the Internet.
  expect((await services[name].inject('/docs/static/swagger-initializer.js')).body).toContain('"validatorUrl":null');
});

test('the page shows every operation, and asks nobody else for anything', async () => {
  const url = await services.controller.listen({ host: '127.0.0.1', port: 0 });
  const browser = await startBrowser();
  try {
    const page = await browser.newPage();
    const elsewhere: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => !request.url().startsWith(url) && elsewhere.push(request.url()));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`${url}/docs`);
    await page.waitForSelector('.opblock');
    const operations = operationsOf(await documentOf('controller'));
    expect(await page.title()).toBe('qserv-campaigns: controller');
    expect(await page.locator('.opblock').count()).toBe(operations.length);
    await page.locator('.opblock', { hasText: 'Change the columns of a published table' }).click();
    await page.getByText('What follows').waitFor();
    expect(elsewhere.filter((address) => !address.startsWith('data:'))).toEqual([]);
    expect(complaints).toEqual([]);
  } finally {
    await browser.close();
  }
});
