import type { FastifyRequest } from 'fastify';
import type { AnyEndpoint, GotBy, ReplyOf } from '../../api/qserv/endpoint';

/** A request that passed its keys, its version and its parameters' types. */
export type Call<E extends AnyEndpoint> = GotBy<E> & {
  /** The administrator's key was given, and is right. */
  isAdmin: boolean;
  /** Address of the client. */
  client: string;
  /** Adds a line to the reply's `warning`. */
  warn(text: string): void;
  /** Body as it came; for endpoints that are `streamed`, its stream. */
  raw: FastifyRequest;
};

/** Does the work. Throws Refusal or IngestError; what it returns becomes the reply, together with the envelope. */
export type Handler<E extends AnyEndpoint> = (call: Call<E>) => Promise<ReplyOf<E>>;

export interface Route {
  endpoint: AnyEndpoint;
  handle: Handler<AnyEndpoint>;
}

export function route<E extends AnyEndpoint>(endpoint: E, handle: Handler<NoInfer<E>>): Route {
  return { endpoint, handle: handle as unknown as Handler<AnyEndpoint> };
}
