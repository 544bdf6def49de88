import { IngestError } from '../../ingest/core/errors';
import { frame } from './frames';
import {
  type Codec,
  type HandshakeRequest,
  handshakeRequest,
  type IngestData,
  type IngestResponse,
  ingestData,
  ingestResponse,
  NO_CONTRIBUTION,
} from './messages';

/** docs/contract/binary-protocol.md §6. */
const VECTORS = {
  handshake: {
    codec: handshakeRequest,
    hex: `00000042 0854 12064f626a656374 18b83a 2000 3200
      3a1a66696c653a2f2f68312f642f6368756e6b5f373438302e747874 620f 0a012c 12025c30 1a025c5c 22025c6e 6800 7200`,
    message: {
      transactionId: 84,
      table: 'Object',
      chunk: 7480,
      isOverlap: false,
      authKey: '',
      url: 'file://h1/d/chunk_7480.txt',
      dialect: {
        fieldsTerminatedBy: ',',
        fieldsEnclosedBy: '\\0',
        fieldsEscapedBy: '\\\\',
        linesTerminatedBy: '\\n',
      },
      maxNumWarnings: 0,
      charset: '',
    } satisfies HandshakeRequest,
  },
  ready: {
    codec: ingestResponse,
    hex: '00000010 0800 1a00 2001 2800 3000 3800 4097c069',
    message: {
      status: 'READY_TO_READ_DATA',
      error: '',
      retryAllowed: true,
      numWarnings: 0,
      numRows: 0,
      numRowsLoaded: 0,
      id: 1728535,
    } satisfies IngestResponse,
  },
  data: {
    codec: ingestData,
    hex: '00000008 0a04312c320a 1001',
    message: { data: Buffer.from('1,2\n'), last: true } satisfies IngestData,
  },
  finished: {
    codec: ingestResponse,
    hex: '00000010 0801 1a00 2000 2800 3001 3801 4097c069',
    message: {
      status: 'FINISHED',
      error: '',
      retryAllowed: false,
      numWarnings: 0,
      numRows: 1,
      numRowsLoaded: 1,
      id: 1728535,
    } satisfies IngestResponse,
  },
} as const;

const bytesOf = (hex: string) => Buffer.from(hex.replace(/\s/g, ''), 'hex');

describe.each(Object.entries(VECTORS))('test vector %s', (_, vector) => {
  const codec = vector.codec as Codec<object>;

  it('is what we send', () => {
    expect(frame(codec.encode(vector.message)).toString('hex')).toBe(bytesOf(vector.hex).toString('hex'));
  });

  it('is understood', () => {
    expect(codec.decode(bytesOf(vector.hex).subarray(4))).toEqual(vector.message);
  });
});

describe('decoding', () => {
  const data = { data: Buffer.from('x'), last: false };

  it('takes optional fields that are not there for their defaults', () => {
    expect(ingestResponse.decode(bytesOf('0802 40ffffffff0f'))).toEqual({
      status: 'FAILED',
      error: '',
      retryAllowed: false,
      numWarnings: 0,
      numRows: 0,
      numRowsLoaded: 0,
      id: NO_CONTRIBUTION,
    });
  });

  it('skips unknown fields of every kind', () => {
    const unknown = '2805 29 0102030405060708 3202 6162 3d 01020304 4b 0807 4c';
    expect(ingestData.decode(bytesOf(`${unknown} 0a0178 ${unknown} 1000 ${unknown}`))).toEqual(data);
  });

  it('takes the last of a field that came twice', () => {
    expect(ingestData.decode(bytesOf('0a0161 1001 0a0178 1000'))).toEqual(data);
  });

  it.each([
    ['a required field is missing', handshakeRequest, `${VECTORS.handshake.hex.slice(8).replace('18b83a', '')}`],
    [
      'a required field of the dialect is missing',
      handshakeRequest,
      VECTORS.handshake.hex.slice(8, -9).replace('620f', '620b').replace('22025c6e', ''),
    ],
    ['nothing came', ingestData, ''],
    ['the status is none', ingestResponse, '0803 4001'],
    ['a field has the wrong wire type', ingestData, '0854 1001'],
    ['a length leads beyond the end', ingestData, '0aff01 1001'],
    ['a varint does not end', ingestData, '0a0178 10ffffffffffffffffffff'],
    ['a field has number 0', ingestData, '0a0178 1001 0201'],
    ['a group is not closed', ingestData, '0a0178 1001 4b 0807'],
    ['groups are nested too deeply', ingestData, `0a0178 1001 ${'4b'.repeat(5000)}${'4c'.repeat(5000)}`],
  ] as [string, Codec<unknown>, string][])('refuses it when %s', (_, codec, hex) => {
    expect(() => codec.decode(bytesOf(hex))).toThrow(IngestError);
  });
});
