import type { Readable } from 'node:stream';
import { Refusal } from '../../api/qserv/refusal';
import { IngestError } from '../../ingest/core/errors';

/**
 * The bytes of a request's body as they come; the reader sets the pace. A request that breaks off is SOURCE_BROKEN. Whoever stops
 * reading early leaves the request as it is, so that it can still be answered.
 */
export async function* bodyChunks(body: Readable): AsyncGenerator<Buffer> {
  let bytes = 0;
  try {
    for await (const chunk of body.iterator({ destroyOnReturn: false })) {
      bytes += (chunk as Buffer).length;
      yield chunk as Buffer;
    }
  } catch (error) {
    const { message } = error as Error;
    throw new IngestError('SOURCE_BROKEN', `the request broke off after ${bytes} bytes (${message})`, { bytes });
  }
}

/**
 * Lets what is left of a request pass by: a client that is still sending would not see its answer. False when there is more than comes
 * within `ms`.
 */
export async function drained(body: Readable, ms: number): Promise<boolean> {
  if (body.readableEnded || body.destroyed) return true;
  return new Promise((resolve) => {
    const timer = setTimeout(() => settle(false), ms);
    const over = () => settle(true);
    const settle = (isOver: boolean) => {
      clearTimeout(timer);
      for (const event of ['end', 'close', 'error']) body.removeListener(event, over);
      body.removeListener('readable', pass);
      resolve(isOver);
    };
    // An iterator over the body that still waits for more keeps it from flowing: so it is read.
    const pass = () => {
      while (body.read() !== null);
    };
    for (const event of ['end', 'close', 'error']) body.on(event, over);
    body.on('readable', pass);
    pass();
  });
}

/** Objects and arrays within each other in a body; deeper ones no recursive reader would take. */
const MOST_LEVELS = 500;

/** A body that was read as a whole; an empty one is an empty object. */
export async function parseJson(text: string): Promise<unknown> {
  if (text.trim() === '') return {};
  const body = parsed(text);
  if (levelsBeyond(body, MOST_LEVELS)) {
    throw new Refusal('P', `the request body has more than ${MOST_LEVELS} objects or arrays within each other`);
  }
  return body;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal('P', 'invalid format of the request body. A simple JSON object was expected');
  }
}

function levelsBeyond(body: unknown, most: number): boolean {
  let level = [body].filter(isContainer);
  for (let i = 0; i < most && level.length > 0; i++) {
    level = level.flatMap((one) => Object.values(one).filter(isContainer));
  }
  return level.length > 0;
}

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null;
