import {
  combineIndexes,
  type FoundIndex,
  indexDifferences,
  indexNameFault,
  type TableIndexDefinition,
  tableIndexFaults,
} from './table-indexes';

const columns = [
  { name: 'qserv_trans_id', type: 'INT NOT NULL' },
  { name: 'id', type: 'BIGINT UNSIGNED NOT NULL' },
  { name: 'name', type: 'VARCHAR(30) DEFAULT NULL' },
  { name: 'one', type: 'CHAR' },
  { name: 'raw', type: 'VARBINARY(20)' },
  { name: 'long', type: "TEXT COMMENT 'x'" },
  { name: 'doc', type: 'JSON' },
  { name: 'where', type: 'POINT NOT NULL' },
  { name: 'maybe', type: 'POINT' },
];
const faults = (change: Partial<TableIndexDefinition>) =>
  tableIndexFaults({ index: 'i', columns: [{ column: 'id' }], ...change }, columns).map(
    (f) => `${f.path}: ${f.message}`,
  );

test.each(['i', 'by id', '`', "'; DROP TABLE x; --", '*/', '7', 'é→', 'x'.repeat(64), 'primary_'])(
  'index name %j',
  (name) => {
    expect(indexNameFault(name)).toBeUndefined();
  },
);

test.each([
  ['', 'missing'],
  ['x'.repeat(65), 'longer than 64'],
  ['a\0', 'no name may have'],
  ['a\nb', 'no name may have'],
  ['😀', 'no name may have'],
  ['\ud800', 'no name may have'],
  ['a ', 'ends with a space'],
  ['Primary', 'primary keys'],
])('not an index name %j', (name, fault) => {
  expect(indexNameFault(name)).toContain(fault);
});

test.each<Partial<TableIndexDefinition>>([
  {},
  { columns: [{ column: 'qserv_trans_id' }, { column: 'id', ascending: false }, { column: 'name', length: 30 }] },
  { columns: [{ column: 'one', length: 1 }], spec: 'UNIQUE', comment: `'"\\; --` },
  { columns: [{ column: 'raw', length: 20 }] },
  {
    columns: [
      { column: 'long', length: 900 },
      { column: 'doc', length: 5 },
    ],
  },
  { columns: [{ column: 'name' }, { column: 'long' }], spec: 'FULLTEXT' },
  { columns: [{ column: 'where' }], spec: 'SPATIAL' },
  { columns: [{ column: 'where', length: 25 }] },
])('%j is an index', (change) => {
  expect(faults(change)).toEqual([]);
});

test.each<[Partial<TableIndexDefinition>, string[]]>([
  [{ index: '' }, ['index: a name is missing']],
  [{ spec: 'PRIMARY' as 'UNIQUE' }, ["spec: 'PRIMARY' is not one of DEFAULT, UNIQUE, FULLTEXT, SPATIAL"]],
  [{ spec: 'toString' as 'UNIQUE' }, ["spec: 'toString' is not one of"]],
  [{ comment: 'x'.repeat(1025) }, ['comment: it is longer']],
  [{ comment: 'a\0' }, ['comment: it holds a NUL']],
  [{ columns: [] }, ['columns: an index needs']],
  [{ columns: [{ column: 'nope' }] }, ["columns[0].column: requested column 'nope' has not been found"]],
  [{ columns: [{ column: 'ID' }] }, ["did you mean 'id'?"]],
  [{ columns: [{ column: 'id`), (`name' }] }, ['has not been found in the table schema']],
  [{ columns: [{ column: 'id' }, { column: 'id' }] }, ["columns[1].column: column 'id' is in the index already"]],
  [{ columns: [{ column: 'id', length: 4 }] }, ["columns[0].length: column 'id' is a BIGINT"]],
  [
    { columns: [{ column: 'name', length: 31 }] },
    ["columns[0].length: column 'name' is a VARCHAR(30): use at most 30"],
  ],
  [{ columns: [{ column: 'one', length: 2 }] }, ['use at most 1']],
  [{ columns: [{ column: 'name', length: -1 }] }, ['columns[0].length: -1 is not a length']],
  [{ columns: [{ column: 'name', length: 1.5 }] }, ['1.5 is not a length']],
  [{ columns: [{ column: 'name', length: '3) --' as unknown as number }] }, ['3) -- is not a length']],
  [{ columns: [{ column: 'long' }] }, ["columns[0].length: column 'long' is a TEXT: say how much"]],
  [{ columns: [{ column: 'doc' }] }, ['is a JSON: say how much']],
  [{ columns: [{ column: 'id' }], spec: 'FULLTEXT' }, ["columns[0].column: column 'id' is a BIGINT"]],
  [{ columns: [{ column: 'raw' }], spec: 'FULLTEXT' }, ['is a VARBINARY']],
  [{ columns: [{ column: 'name', length: 3 }], spec: 'FULLTEXT' }, ['columns[0].length: a FULLTEXT index takes whole']],
  [{ columns: [{ column: 'name', ascending: false }], spec: 'FULLTEXT' }, ['columns[0].ascending: ']],
  [{ columns: [{ column: 'maybe' }], spec: 'SPATIAL' }, ["columns[0].column: column 'maybe' is no geometry"]],
  [
    { columns: [{ column: 'where' }, { column: 'id' }], spec: 'SPATIAL' },
    ['columns: a SPATIAL', 'columns[1].column: '],
  ],
  [
    { columns: Array.from({ length: 33 }, () => ({ column: 'x' })) },
    ['columns: an index has at most 32', ...Array(33).fill('')],
  ],
])('%j is none', (change, expected) => {
  expect(faults(change)).toEqual(expected.map((text) => expect.stringContaining(text)));
});

const found = (change: Partial<FoundIndex> = {}): FoundIndex => ({
  name: 'i',
  unique: false,
  type: 'BTREE',
  comment: '',
  columns: [{ name: 'id', seq: 1, subPart: 0, collation: 'ASC' }],
  ...change,
});

test('the indexes of many final tables as one list', () => {
  const other = found({ name: 'j' });
  expect(combineIndexes([[found(), other], [found({ comment: 'x' })]])).toEqual([
    { ...found(), status: 'COMPLETE', replicasTotal: 2, replicas: 2 },
    { ...other, status: 'INCOMPLETE', replicasTotal: 2, replicas: 1 },
  ]);
  expect(combineIndexes([[found()], [found({ unique: true })], []])).toMatchObject([
    { status: 'INCONSISTENT', replicasTotal: 3, replicas: 2 },
  ]);
  expect(combineIndexes([[], []])).toEqual([]);
});

test('what differs between an index and the one that is wanted', () => {
  const differs = (wanted: Partial<TableIndexDefinition>, there: Partial<FoundIndex> = {}) =>
    indexDifferences({ index: 'i', columns: [{ column: 'id' }], ...wanted }, found(there), columns);
  expect(differs({ comment: 'other' })).toEqual([]);
  expect(differs({ spec: 'UNIQUE' })).toEqual(['spec']);
  expect(differs({ columns: [{ column: 'id', ascending: false }] })).toEqual(['columns']);
  expect(differs({ columns: [{ column: 'name' }] })).toEqual(['columns']);
  const text = { columns: [{ name: 'name', seq: 1, subPart: 0, collation: 'ASC' as const }] };
  expect(differs({ columns: [{ column: 'name', length: 30 }] }, text)).toEqual([]);
  expect(differs({ columns: [{ column: 'name', length: 29 }] }, text)).toEqual(['columns']);
  const words = { type: 'FULLTEXT', columns: [{ name: 'name', seq: 1, subPart: 0, collation: 'NOT_SORTED' as const }] };
  expect(differs({ spec: 'FULLTEXT', columns: [{ column: 'name' }] }, words)).toEqual([]);
  expect(differs({ columns: [{ column: 'name' }] }, words)).toEqual(['spec']);
});
