import type { Contribution } from '../../ingest/core/contributions';
import { contributionDescriptor, fromWireContribution, toWireContribution } from './contribution';

const contribution: Contribution = {
  id: 2651,
  transactionId: 84,
  worker: 'w3',
  database: 'test101',
  table: 'Object',
  chunk: 4294967295,
  overlap: true,
  url: 'https://data.example.org/chunk_7480.txt',
  http: { method: 'POST', data: '', headers: [] },
  charset: 'latin1',
  dialect: {
    fieldsTerminatedBy: ',',
    fieldsEnclosedBy: '\\0',
    fieldsEscapedBy: '\\\\',
    linesTerminatedBy: '\\n',
  },
  isAsync: true,
  maxRetries: 4,
  numFailedRetries: 1,
  failedRetries: [
    { bytes: 1, rows: 2, startTime: 3, readTime: 4, tmpFile: 't', httpError: 404, systemError: 11, error: 'e' },
  ],
  bytes: 812345,
  rows: 1000,
  createTime: 1,
  startTime: 2,
  readTime: 3,
  loadTime: 4,
  status: 'FINISHED',
  tmpFile: '/tmp/x.csv',
  httpError: 0,
  systemError: 0,
  error: '',
  retryAllowed: false,
  maxNumWarnings: 64,
  numWarnings: 1,
  warnings: [{ level: 'Warning', code: 1366, message: 'm' }],
  rowsLoaded: 1000,
};

test('a contribution there and back', () => {
  const wire = toWireContribution(contribution);
  expect(contributionDescriptor.strict().parse(wire)).toEqual(wire);
  expect(fromWireContribution(wire)).toEqual(contribution);
});

test('what may be a secret is masked', () => {
  const wire = toWireContribution({
    ...contribution,
    url: 'https://user:canary@data.example.org/a.csv?X-Signature=canary#canary',
    http: { method: 'POST', data: 'canary', headers: ['X-Token: canary', 'Authorization:canary', 'canary'] },
  });
  expect(wire).toMatchObject({
    url: 'https://data.example.org/a.csv?…',
    http_data: '***',
    http_headers: ['X-Token: ***', 'Authorization: ***', '***'],
  });
  expect(JSON.stringify(wire)).not.toContain('canary');
});
