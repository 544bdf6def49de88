import { type INamespace, Root } from 'protobufjs';
import type { DialectInput } from '../../ingest/core/contributions';
import { IngestError } from '../../ingest/core/errors';

/** Messages of the binary ingest protocol, docs/contract/binary-protocol.md §2. */

/** What a client begins with. */
export interface HandshakeRequest {
  transactionId: number;
  /** Base table name. */
  table: string;
  /** 0 for regular tables. */
  chunk: number;
  isOverlap: boolean;
  authKey: string;
  /** Bookkeeping only: `file://<client host>/<absolute path>`. */
  url: string;
  /** No part may be ''. */
  dialect: DialectInput;
  /** 0 means the worker's default. */
  maxNumWarnings: number;
  /** '' means the worker's default. */
  charset: string;
}

/** The next bytes of the input; they may be cut anywhere. */
export interface IngestData {
  data: Buffer;
  /** Nothing follows: the worker loads what it has. */
  last: boolean;
}

/** Numbers on the wire. */
export const STATUS = { READY_TO_READ_DATA: 0, FINISHED: 1, FAILED: 2 } as const;
export type ResponseStatus = keyof typeof STATUS;

/** The worker's answer to each message. */
export interface IngestResponse {
  status: ResponseStatus;
  /** '' unless FAILED. */
  error: string;
  /** True until loading began: the file may be sent again in the same super-transaction. */
  retryAllowed: boolean;
  /** MySQL's own count, with FINISHED. */
  numWarnings: number;
  /** Rows cut from the input so far. */
  numRows: number;
  /** With FINISHED. */
  numRowsLoaded: number;
  /** Of the contribution; NO_CONTRIBUTION when none was recorded. */
  id: number;
}

export const NO_CONTRIBUTION = 4294967295;

export interface Codec<T> {
  /** Every field is written, whatever its value, as Qserv does. */
  encode(message: T): Buffer;
  /** Required fields must be there, unknown ones are skipped. Errors: INVALID_INPUT. */
  decode(bytes: Buffer): T;
}

// Without an edition of its own a type that is made from JSON has the rules of proto3.
const edition = 'proto2';
const required = 'required';

const DEFINITION: INamespace = {
  nested: {
    DialectInput: {
      edition,
      fields: {
        fieldsTerminatedBy: { id: 1, type: 'string', rule: required },
        fieldsEnclosedBy: { id: 2, type: 'string', rule: required },
        fieldsEscapedBy: { id: 3, type: 'string', rule: required },
        linesTerminatedBy: { id: 4, type: 'string', rule: required },
      },
    },
    HandshakeRequest: {
      edition,
      fields: {
        transactionId: { id: 1, type: 'uint32', rule: required },
        table: { id: 2, type: 'string', rule: required },
        chunk: { id: 3, type: 'uint32', rule: required },
        isOverlap: { id: 4, type: 'bool', rule: required },
        authKey: { id: 6, type: 'string' },
        url: { id: 7, type: 'string', rule: required },
        dialect: { id: 12, type: 'DialectInput', rule: required },
        maxNumWarnings: { id: 13, type: 'uint32' },
        charset: { id: 14, type: 'string' },
      },
    },
    IngestData: {
      edition,
      fields: {
        data: { id: 1, type: 'bytes', rule: required },
        last: { id: 2, type: 'bool', rule: required },
      },
    },
    Status: { edition, values: { ...STATUS } },
    IngestResponse: {
      edition,
      fields: {
        status: { id: 1, type: 'Status', rule: required },
        error: { id: 3, type: 'string' },
        retryAllowed: { id: 4, type: 'bool' },
        numWarnings: { id: 5, type: 'uint32' },
        numRows: { id: 6, type: 'uint64' },
        numRowsLoaded: { id: 7, type: 'uint64' },
        id: { id: 8, type: 'uint64', rule: required },
      },
    },
  },
};

const ROOT = Root.fromJSON(DEFINITION);

function codec<T extends object>(name: string): Codec<T> {
  const type = ROOT.lookupType(name);
  return {
    encode: (message) => type.encode(type.fromObject(message)).finish() as Buffer,
    decode: (bytes) => {
      try {
        return type.toObject(type.decode(bytes), { defaults: true, longs: Number, enums: String }) as T;
      } catch (error) {
        throw new IngestError('INVALID_INPUT', `no ${name}: ${(error as Error).message}`);
      }
    },
  };
}

export const handshakeRequest = codec<HandshakeRequest>('HandshakeRequest');
export const ingestData = codec<IngestData>('IngestData');
export const ingestResponse = codec<IngestResponse>('IngestResponse');
