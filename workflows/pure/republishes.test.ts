import { emptyBook, enterRequest, find, isOver, refuseRequest, shown, update } from './republishes';

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
  expect(isOver(shown(book)[0] as never)).toBe(true);
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
