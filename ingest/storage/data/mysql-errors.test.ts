import { IngestError } from '../../core/errors';
import { quoteId, quoteTable } from './identifiers';
import { fromMysql, mysqlErrno } from './mysql-errors';

const server = (errno: number, sqlMessage: string) => ({ errno, sqlMessage, code: 'ER_X', message: sqlMessage });

test.each([
  [server(1146, "Table 'd.t' doesn't exist"), 'INTERNAL', 1146],
  [server(1205, 'Lock wait timeout exceeded'), 'BUSY', 1205],
  [server(1927, 'Connection was killed'), 'UNAVAILABLE', 1927],
  [server(1026, 'Error writing file \'x\' (Errcode: 28 "No space left on device")'), 'DISK_FULL', 1026],
  [server(1114, "The table 't' is full"), 'DISK_FULL', 1114],
  [{ code: 'ECONNREFUSED', errno: -111, message: 'connect ECONNREFUSED' }, 'UNAVAILABLE', undefined],
  [{ code: 'PROTOCOL_CONNECTION_LOST', fatal: true, message: 'Connection lost' }, 'UNAVAILABLE', undefined],
  [new Error("Can't add new command when connection is in closed state"), 'UNAVAILABLE', undefined],
  [new Error('a defect'), 'INTERNAL', undefined],
])('%j becomes %s', (error, code, errno) => {
  const translated = fromMysql(error, 'do it');
  expect(translated).toMatchObject({ code, message: expect.stringContaining('do it: ') });
  expect(mysqlErrno(translated)).toBe(errno);
});

test('a translated error passes as it is', () => {
  const error = new IngestError('REVOKED', 'overtaken');
  expect(fromMysql(error, 'do it')).toBe(error);
});

test('identifiers are quoted', () => {
  expect(quoteId('a`b')).toBe('`a``b`');
  expect(quoteTable('D', 'T_1')).toBe('`D`.`T_1`');
  for (const bad of ['', 'a\0b', 'x'.repeat(65)]) expect(() => quoteId(bad)).toThrow(RangeError);
});
