import { isRepublishOver } from '../../api/campaign/progress';
import { abortWaiting, emptyBook, enterRequest, find, freeId, refuseRequest, shown, update } from './republishes';

const request = (more = {}) => ({ adminKey: `\${env:KEY}`, remove: ['Source'], ...more });

test('a request waits its turn; the same id again is the same request', () => {
  const one = enterRequest(emptyBook(), 'a', request());
  const two = enterRequest(one, 'b', request({ add: [{ definition: { table: 'Forced' } }] }));
  expect(enterRequest(two, 'a', request({ remove: ['Other'] }))).toBe(two);
  expect(two.waiting.map(({ requestId }) => requestId)).toEqual(['a', 'b']);
  expect(find(two, 'b')).toMatchObject({ state: 'waiting', added: ['Forced'], removed: ['Source'] });
});

test('a refused request is told, and does not wait', () => {
  const book = refuseRequest(emptyBook(), 'a', 'adminKey: required');
  expect(book.waiting).toEqual([]);
  expect(shown(book)).toEqual([expect.objectContaining({ requestId: 'a', state: 'refused' })]);
  expect(isRepublishOver(shown(book)[0] as never)).toBe(true);
});

test('only requests that are over are forgotten, the oldest first', () => {
  let book = enterRequest(emptyBook(), 'waits', request());
  for (let i = 0; i < 510; i++) {
    book = enterRequest(book, `r${i}`, request());
    book = update(book, `r${i}`, { state: 'done' });
  }
  expect(book.known).toHaveLength(500);
  expect(find(book, 'waits')?.state).toBe('waiting');
  expect(find(book, 'r0')).toBeUndefined();
  expect(find(book, 'r509')?.state).toBe('done');
  expect(shown(book)).toHaveLength(20);
});

test('ids for requests without one stay free of each other, also when early requests are forgotten', () => {
  let book = emptyBook();
  const ids = new Set<string>();
  for (let i = 0; i < 510; i++) {
    const id = freeId(book);
    ids.add(id);
    book = update(enterRequest(book, id, request()), id, { state: 'done' });
  }
  expect(ids.size).toBe(510);
});

test('however many faults were found, the book stays small enough for the next run', () => {
  let book = emptyBook();
  const faults = Array.from({ length: 100 }, (_, i) => ({ path: `add[${i}].definition`, message: 'x'.repeat(300) }));
  const message = faults.map((fault) => `${fault.path}: ${fault.message}`).join('; ');
  for (let i = 0; i < 510; i++) {
    book = enterRequest(book, `r${i}`, request());
    book = update(book, `r${i}`, { state: 'refused', error: { code: 'INVALID_INPUT', message, details: { faults } } });
  }
  expect(find(book, 'r509')?.error).toEqual({ code: 'INVALID_INPUT', message, details: { faults } });
  expect(find(book, 'r100')?.error).toEqual({ code: 'INVALID_INPUT', message: message.slice(0, 300) });
  expect(JSON.stringify(book).length).toBeLessThan(500_000);
});

test('whoever waits when a campaign ends is told so', () => {
  let book = enterRequest(enterRequest(emptyBook(), 'a', request()), 'b', request());
  book = update({ ...book, waiting: book.waiting.slice(1) }, 'a', { state: 'running' });
  const ended = abortWaiting(book, 'closed');
  expect(ended.known.map(({ state }) => state)).toEqual(['running', 'aborted']);
  expect(ended.waiting).toEqual([]);
});
