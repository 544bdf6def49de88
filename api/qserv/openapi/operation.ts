import { type AnyEndpoint, API_VERSION } from '../endpoint';
import { SUCCESS } from './envelope';
import { type JsonSchema, merged, NO_FIELDS, type ObjectSchema, type Schemas, tidy } from './schemas';

/** An endpoint's path as OpenAPI writes it. */
export function pathOf({ path }: AnyEndpoint): string {
  return path.replaceAll(/:(\w+)/g, '{$1}');
}

/** One operation of the document. */
export function operation(endpoint: AnyEndpoint, schemas: Schemas): JsonSchema {
  const body = requestBody(endpoint, schemas);
  return {
    operationId: operationId(endpoint),
    summary: endpoint.summary,
    description: [endpoint.description, needs(endpoint)].filter(Boolean).join('\n\n'),
    tags: [endpoint.tag],
    parameters: parameters(endpoint, schemas),
    ...(body === undefined ? {} : { requestBody: body }),
    responses: { '200': response(endpoint, schemas) },
  };
}

/** `PUT /ingest/trans/:id` is `putIngestTransById`. */
function operationId({ method, path }: AnyEndpoint): string {
  const words = path.split('/').filter((part) => part !== '');
  const named = words.flatMap((part) => (part.startsWith(':') ? ['by', part.slice(1)] : part.split(/\W+/)));
  return method.toLowerCase() + named.map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`).join('');
}

function needs({ method, floor, admin }: AnyEndpoint): string {
  const key = {
    always: "Needs the administrator's key.",
    published: "Needs a key; the administrator's, if the database is published.",
  };
  const keys = method === 'GET' ? 'Needs no key.' : admin === undefined ? 'Needs a key.' : key[admin];
  const versions = floor === undefined ? 'Versions are not looked at.' : `Versions ${floor} to ${API_VERSION}.`;
  return `${keys} ${versions}`;
}

const versionFault = (floor: number) =>
  `Version of the API that the client speaks, ${floor} to ${API_VERSION}. Left out, it costs a warning.`;

function parameters({ params, query, floor, streamed }: AnyEndpoint, schemas: Schemas): JsonSchema[] {
  const list = (schema: ObjectSchema, place: 'path' | 'query') =>
    Object.entries(schema.properties).map(([name, { description, ...own }]) => ({
      name,
      in: place,
      description,
      required: schema.required.includes(name),
      schema: own,
    }));
  const version = {
    name: 'version',
    in: 'query',
    required: false,
    description: `${versionFault(floor ?? 0)} That of a body wins.`,
    schema: { type: 'string', pattern: '^\\d+$' },
  };
  return [
    ...list(schemas.object(params, 'input'), 'path'),
    ...list(schemas.object(query, 'input'), 'query'),
    ...(floor === undefined || streamed === 'multipart/form-data' ? [] : [version]),
  ];
}

/** The body's own fields with those that every body may have. None for a GET that takes nothing from it. */
function requestBody(endpoint: AnyEndpoint, schemas: Schemas): JsonSchema | undefined {
  const { method, body, floor, streamed } = endpoint;
  if (method === 'GET' && body === undefined) return undefined;
  const form = streamed === 'multipart/form-data';
  const own = schemas.object(body, 'input');
  const keys: ObjectSchema = method === 'GET' ? NO_FIELDS : keyFields(endpoint);
  const common: ObjectSchema = {
    type: 'object',
    properties: {
      ...(floor === undefined ? {} : { version: { type: ['integer', 'string'], description: versionFault(floor) } }),
      ...keys.properties,
    },
    required: keys.required,
  };
  // The fields of a form come before its file.
  const schema = tidy(form ? merged(common, formFields(own)) : merged(own, common));
  return {
    required: method !== 'GET',
    ...(method === 'GET' ? { description: 'Clients send these parameters with the GET itself.' } : {}),
    content: {
      [form ? 'multipart/form-data' : 'application/json']: {
        schema: { ...schema, ...(keys.anyOf === undefined ? {} : { anyOf: keys.anyOf }) },
      },
    },
  };
}

function keyFields({ admin }: AnyEndpoint): ObjectSchema {
  const either = ['auth_key', 'admin_auth_key'].map((name) => ({ title: `with ${name}`, required: [name] }));
  const key = (of: string, more: string) => ({ type: 'string', description: `The ${of}. ${more}` });
  return {
    properties: {
      auth_key: key("services' key", 'Not looked at beside the other one.'),
      admin_auth_key: key("administrator's key", 'Either of the keys must be there, even an empty one.'),
    },
    required: admin === 'always' ? ['admin_auth_key'] : [],
    ...(admin === 'always' ? {} : { anyOf: either }),
  };
}

/** Fields of a form are texts, and the file comes last. */
function formFields(schema: ObjectSchema): ObjectSchema {
  const properties = Object.entries(schema.properties).map(([name, field]) => {
    if (name === 'file') return [name, { ...field, type: 'string', contentMediaType: 'application/octet-stream' }];
    return [name, { ...field, type: 'string' }];
  });
  return {
    ...schema,
    properties: Object.fromEntries(properties),
    required: [...new Set([...schema.required, 'file'])],
  };
}

function response(endpoint: AnyEndpoint, schemas: Schemas): JsonSchema {
  const reply = merged(schemas.object(endpoint.reply, 'output'), SUCCESS);
  return {
    description: 'Done, or refused: see `success`.',
    content: {
      'application/json': {
        schema: { oneOf: [tidy({ ...reply, title: 'Success' }), { $ref: '#/components/schemas/Failure' }] },
      },
    },
  };
}
