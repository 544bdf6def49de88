import { type AnyEndpoint, API_VERSION } from '../endpoint';
import { failure } from './envelope';
import { operation, pathOf } from './operation';
import { type JsonSchema, Schemas } from './schemas';

/** An OpenAPI 3.1 document. */
export interface OpenApiDocument {
  openapi: '3.1.0';
  info: { title: string; version: string; description: string; license: JsonSchema };
  tags: { name: string }[];
  paths: Record<string, Record<string, JsonSchema>>;
  components: { schemas: Record<string, JsonSchema> };
}

const ABOUT = {
  controller:
    "Qserv's ingest interface at the controller: databases, tables, super-transactions, chunks and publishing.",
  worker: "Qserv's ingest interface at a worker: contributions of rows to the tables that the worker keeps.",
};

const COMMON = `
Every request that is understood is answered with HTTP status 200, whether it was carried out or not: \`success\` says which. Other
statuses come from below: an unknown path or method (404), what is no HTTP (400), a request that does not come to its end (408).

A request other than GET carries a key in its body, \`auth_key\` or \`admin_auth_key\`. It may state the version of the interface that
its sender speaks. Fields that are not described are ignored. In JSON bodies whole numbers may be \`true\` and \`false\`, and fractions
are cut off; flags are 0 or anything else.

A real Qserv answers the same requests, but has neither this document (\`GET /openapi.json\`) nor its page (\`GET /docs\`).
`;

/** The document of a service, made of its endpoints' declarations: whatever is served is in it. */
export function openApiDocument(service: 'controller' | 'worker', endpoints: AnyEndpoint[]): OpenApiDocument {
  const schemas = new Schemas();
  const paths: OpenApiDocument['paths'] = {};
  for (const endpoint of endpoints) {
    const path = pathOf(endpoint);
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(endpoint, schemas) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: `qserv-campaigns: ${service}`,
      version: String(API_VERSION),
      description: `${ABOUT[service]}\n${COMMON}`,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: [...new Set(endpoints.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: { schemas: { Failure: failure(service), ...schemas.named } },
  };
}
