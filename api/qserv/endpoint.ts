import type { z } from 'zod';

/** Version of the API that is served, docs/contract/README.md §5. */
export const API_VERSION = 55;
/** Version of the records' schema that is reported. */
export const DATABASE_SCHEMA_VERSION = 15;

/** Name that failure texts begin with, docs/contract/README.md §2. */
export type Component = 'HTTP-PROCESSOR' | 'INGEST-HTTP-SVC' | 'INGEST-DATA-HTTP-SVC' | 'INGEST-FILE-HTTP-SVC';

/** A version below which a field was not known; `warning` is told to who sends it with an older one. */
export interface FieldFloor {
  floor: number;
  warning?: string;
}

/** One endpoint: what routes, the remote backend and the OpenAPI document are made of. */
export interface Endpoint<
  Params extends z.ZodObject = z.ZodObject,
  Query extends z.ZodObject = z.ZodObject,
  Body extends z.ZodObject = z.ZodObject,
  Reply extends z.ZodObject = z.ZodObject,
> {
  service: 'controller' | 'worker';
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** As Fastify writes it: `/ingest/trans/:id`. */
  path: string;
  component: Component;
  /** Lowest version accepted. Absent: versions are not looked at. */
  floor?: number;
  /** Higher ones that fields of a request's body ask for, in the order in which they are checked. */
  floors?: (body: Record<string, unknown>) => FieldFloor[];
  /** One line. */
  summary: string;
  /** More, in Markdown. */
  description?: string;
  /** Group in the document. */
  tag: string;
  /** When the administrator's key is needed; the other one is whenever the method is not GET. */
  admin?: 'always' | 'published';
  params?: Params;
  query?: Query;
  /** Without the keys and `version`. A GET's body is read too, where it has one here. */
  body?: Body;
  /** The request's body is not one JSON object that is read as a whole: the handler takes it as it comes. */
  streamed?: 'multipart/form-data' | 'application/json';
  /** Without the envelope. */
  reply: Reply;
}

export type AnyEndpoint = Endpoint<z.ZodObject, z.ZodObject, z.ZodObject, z.ZodObject>;

type Of<Schema, Way extends 'input' | 'output'> = Schema extends z.ZodType
  ? Way extends 'input'
    ? z.input<Schema>
    : z.output<Schema>
  : Record<string, never>;

/** What a client sends. */
export type SentTo<E extends AnyEndpoint> = {
  params: Of<E['params'], 'input'>;
  query: Of<E['query'], 'input'>;
  body: Of<E['body'], 'input'>;
};
/** What a handler gets. */
export type GotBy<E extends AnyEndpoint> = {
  params: Of<E['params'], 'output'>;
  query: Of<E['query'], 'output'>;
  body: Of<E['body'], 'output'>;
};
export type ReplyOf<E extends AnyEndpoint> = z.input<E['reply']>;

/** Keeps the schemas' types. */
export function endpoint<const E extends AnyEndpoint>(definition: E): E {
  return definition;
}
